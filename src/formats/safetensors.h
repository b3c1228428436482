// The safetensors format: a little-endian u64 header length, a JSON header, the data.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/mapped_file.h"
#include "formats/tensor_map.h"

namespace owl3 {

struct Safetensors {
  TensorMap tensors;
  ForeignTensors foreign;
  std::shared_ptr<const MappedFile> file{};  // where it was mapped
};

/// Parses `bytes` (a whole file, kept alive by `owner`); `name` stands in error messages. Throws
/// InputError for a truncated or overlong header, bad JSON, offsets out of range, misaligned,
/// overlapping or with holes, shapes that disagree with the byte count.
/// Tensors that don't lie at a multiple of their element size are refused, not copied: weights are
/// used where they lie, and every current writer aligns them. `__metadata__` is ignored.
Safetensors parse_all_safetensors(std::span<const std::byte> bytes,
                                  std::shared_ptr<const void> owner, const std::string& name);
/// Of a file whose every tensor counts: dtypes other than F32, F16 and BF16 are refused.
TensorMap parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name);

/// The same of a file, which is mapped.
Safetensors load_all_safetensors(const std::filesystem::path& path);
TensorMap load_safetensors(const std::filesystem::path& path);

/// Writes a safetensors file as a stream: the header first, then the tensors' data in the order of
/// tensors(), in pieces of any size. Nothing is kept in memory, and the file appears under its name
/// only when commit() is called.
class SafetensorsWriter {
 public:
  /// Four-byte elements are put before two-byte ones, so that all are aligned; otherwise the order
  /// stays. Names must be unique.
  SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorSpec> tensors);

  /// The tensors in the order in which their data must come.
  const std::vector<TensorSpec>& tensors() const { return tensors_; }
  void write(const void* data, size_t size);
  /// Throws InternalError unless exactly the declared bytes were written.
  void commit();

 private:
  AtomicFile file_;
  std::vector<TensorSpec> tensors_;
  size_t remaining_ = 0;
};

}  // namespace owl3
