// The GGUF format, versions 2 and 3, little-endian: metadata, a table of tensors, aligned data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "formats/tensor_map.h"

namespace owl3 {

/// Types of metadata values, with the format's numbers.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

/// A metadata value where it lies in the file.
struct GgufValue {
  GgufType type = GgufType::kU8;
  std::string_view bytes;  // of a string its text; of a number its bytes; of an array all of it
};

/// A parsed file. Everything points into its bytes.
struct Gguf {
  std::map<std::string, GgufValue, std::less<>> metadata;
  TensorMap tensors;
  std::shared_ptr<const void> owner;  // of the bytes

  /// The string under that key; nothing when there is none or it is of another type.
  std::optional<std::string_view> text(std::string_view key) const;
};

/// Whether a file of such beginning is meant to be GGUF.
bool is_gguf(std::span<const std::byte> bytes);

/// Parses `bytes` (a whole file, kept alive by `owner`); `name` stands in error messages. Throws
/// InputError for a truncated file, other versions, counts and lengths beyond the file, types owl3
/// does not compute with, data out of range, overlapping or misaligned. Shapes are row-major, the
/// reverse of the file's.
Gguf parse_gguf(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                const std::string& name);

/// Metadata about to be written, in the order of the calls; keys must be unique.
class GgufMetadata {
 public:
  void put_u32(std::string_view key, uint32_t value);
  void put_f32(std::string_view key, float value);
  void put_bool(std::string_view key, bool value);
  void put_text(std::string_view key, std::string_view value);
  void put_i32s(std::string_view key, std::span<const int32_t> values);
  void put_texts(std::string_view key, std::span<const std::string> values);

  uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(std::string_view key, GgufType type);

  std::string bytes_;
  uint64_t count_ = 0;
};

/// Writes a GGUF file as a stream: metadata and the table of tensors first, then the tensors' data
/// in the order given, in pieces of any size. The file appears under its name only when commit() is
/// called.
class GgufWriter {
 public:
  /// Names must be unique. general.alignment is the writer's own to state: 64, so that vectors of
  /// a cache line's length are aligned.
  GgufWriter(const std::filesystem::path& path, GgufMetadata metadata,
             std::vector<TensorSpec> tensors);

  /// Bytes of the whole file.
  uint64_t file_bytes() const { return file_bytes_; }
  void write(const void* data, size_t size);
  /// Throws InternalError unless exactly the declared bytes were written.
  void commit();

 private:
  void pad();

  AtomicFile file_;
  std::vector<TensorSpec> tensors_;
  size_t current_ = 0;     // the tensor being written
  size_t remaining_ = 0;   // bytes it lacks
  uint64_t position_ = 0;  // bytes written so far
  uint64_t file_bytes_ = 0;
};

}  // namespace owl3
