#include "formats/gguf_conversion.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/mapped_file.h"
#include "core/threads.h"
#include "formats/finite_weights.h"
#include "formats/lora_merge.h"
#include "formats/quantise.h"

namespace owl3 {

namespace {

// Both are whole blocks of every type.
constexpr int64_t kChunkValues = 4 << 20;  // written at once
constexpr int64_t kTaskValues = 1 << 16;   // converted by one thread at once

class Conversion {
 public:
  Conversion(GgufWriter& writer, int threads, const ProgressCallback& progress)
      : writer_(writer),
        threads_(threads),
        progress_(progress),
        chunk_(bytes_of(DType::kF32, kChunkValues)) {}

  void convert(const Tensor& source, const PlannedTensor& planned, const LoraDelta& delta,
               const std::string& file) {
    const int64_t count = source.size();
    for (int64_t begin = 0; begin < count; begin += kChunkValues) {
      const int64_t values = std::min(kChunkValues, count - begin);
      const auto* from = source.data<const std::byte>() + bytes_of(source.dtype(), begin);
      check_chunk(source, planned.name, file, from, begin, values);
      if (source.dtype() == planned.type && delta.empty()) {
        write(from, bytes_of(planned.type, values));
      } else {
        if (!convert_chunk(source.dtype(), from, planned.type, delta, begin, values)) {
          throw InputError(fmt::format(
              "{}: tensor {} holds values{} too large for {}, which ends at {:g}; leave it in "
              "another type (--keep '{}=f32')",
              file, planned.name, delta.empty() ? "" : ", with the adapter in them,",
              short_name_of(planned.type), double{largest_value(planned.type)}, planned.name));
        }
        write(chunk_.data(), bytes_of(planned.type, values));
      }
      release_mapped(from, bytes_of(source.dtype(), values));
    }
  }

 private:
  /// Throws InputError for NaN and infinities, whatever becomes of them.
  void check_chunk(const Tensor& source, const std::string& name, const std::string& file,
                   const std::byte* from, int64_t first, int64_t values) {
    const int64_t tasks = (values + kTaskValues - 1) / kTaskValues;
    parallel_for(threads_, tasks, [&](int64_t task) {
      const int64_t begin = task * kTaskValues;
      const int64_t count = std::min(kTaskValues, values - begin);
      auto found = find_not_a_number(source.dtype(), from + bytes_of(source.dtype(), begin), count);
      if (!found) return;
      found->index += first + begin;
      throw InputError(BrokenTensor{file, name, source.shape(), *found}.message());
    });
  }

  /// Into chunk_, the values from place `first` of the tensor on; false when one is too large for
  /// `type`.
  bool convert_chunk(DType source, const std::byte* from, DType type, const LoraDelta& delta,
                     int64_t first, int64_t values) {
    std::atomic<bool> good = true;
    const int64_t tasks = (values + kTaskValues - 1) / kTaskValues;
    parallel_for(threads_, tasks, [&](int64_t task) {
      const int64_t begin = task * kTaskValues;
      const int64_t count = std::min(kTaskValues, values - begin);
      std::vector<float> x(static_cast<size_t>(count));
      dequantise(source, from + bytes_of(source, begin), x.data(), count);
      delta.add_to(x.data(), first + begin, count);
      const float limit = largest_value(type);
      bool all_fit = true;
      for (const float value : x) all_fit &= std::fabs(value) <= limit;  // false for NaN
      if (!all_fit) good = false;
      if (all_fit) quantise(type, x.data(), chunk_.data() + bytes_of(type, begin), count);
    });
    return good;
  }

  void write(const std::byte* data, size_t size) {
    writer_.write(data, size);
    done_bytes_ += size;
    constexpr uint64_t kMegabyte = 1'000'000;
    if (progress_ && !progress_("writing MB", static_cast<int64_t>(done_bytes_ / kMegabyte),
                                static_cast<int64_t>(writer_.file_bytes() / kMegabyte))) {
      throw Interrupted("interrupted");
    }
  }

  GgufWriter& writer_;
  int threads_;
  const ProgressCallback& progress_;
  std::vector<std::byte> chunk_;
  uint64_t done_bytes_ = 0;
};

}  // namespace

uint64_t write_gguf(const std::filesystem::path& path, const Checkpoint& checkpoint,
                    const std::vector<PlannedTensor>& plan, GgufMetadata metadata, int threads,
                    const ProgressCallback& progress, std::span<const LoraAdapter> adapters) {
  std::vector<TensorSpec> specs;
  for (const PlannedTensor& tensor : plan)
    specs.push_back({tensor.name, tensor.type, tensor.shape});
  GgufWriter writer(path, std::move(metadata), std::move(specs));
  Conversion conversion(writer, threads, progress);
  for (const PlannedTensor& tensor : plan) {
    conversion.convert(checkpoint.tensor(tensor.name), tensor, LoraDelta(adapters, tensor.name),
                       checkpoint.file_of(tensor.name).string());
  }
  checkpoint.check_unchanged();
  writer.commit();
  return writer.file_bytes();
}

}  // namespace owl3
