#include "formats/finite_weights.h"

#include <algorithm>
#include <array>

#include "core/block_layouts.h"
#include "core/mapped_file.h"
#include "core/threads.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

// Both are whole blocks of every type.
constexpr int64_t kChunkValues = 4 << 20;  // between two calls of the progress
constexpr int64_t kTaskValues = 1 << 18;

/// Of a type whose special values have all bits of the exponent set.
template <typename Word, Word kExponent>
struct Special {
  static bool is(Word word) { return (word & kExponent) == kExponent; }
  static bool is_nan(Word word) {
    constexpr Word kMantissa = (kExponent & static_cast<Word>(-kExponent)) - 1;
    return is(word) && (word & kMantissa) != 0;
  }
};
using SpecialF32 = Special<uint32_t, 0x7f800000u>;
using SpecialF16 = Special<uint16_t, 0x7c00u>;
using SpecialBf16 = Special<uint16_t, 0x7f80u>;

template <typename Bits, typename Word>
std::optional<NotANumber> find_in_words(const Word* words, int64_t count) {
  // Without a way out of the loop it vectorises; nearly always there is nothing to find.
  Word any = 0;
  for (int64_t i = 0; i < count; ++i) any = static_cast<Word>(any | Word{Bits::is(words[i])});
  if (any == 0) return std::nullopt;
  const Word* found = std::find_if(words, words + count, Bits::is);
  return NotANumber{found - words, Bits::is_nan(*found)};
}

/// Block types: only the scales can be special. `scales_of` gives a block's scales.
template <typename Block, typename ScalesOf>
std::optional<NotANumber> find_in_blocks(const void* data, DType dtype, int64_t count,
                                         const ScalesOf& scales_of) {
  const auto* blocks = static_cast<const Block*>(data);
  const int64_t values = block_values(dtype);
  for (int64_t b = 0; b < count / values; ++b) {
    for (const uint16_t scale : scales_of(blocks[b])) {
      if (SpecialF16::is(scale)) return NotANumber{b * values, SpecialF16::is_nan(scale)};
    }
  }
  return std::nullopt;
}

template <typename Block>
std::optional<NotANumber> find_in_scaled_blocks(const void* data, DType dtype, int64_t count) {
  return find_in_blocks<Block>(data, dtype, count,
                               [](const Block& block) { return std::array{block.d}; });
}

/// "[3, 17]", the place of a value.
std::string place_of(int64_t index, const Shape& shape) {
  Shape place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    place[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return to_string(place);
}

constexpr std::string_view kRemedy =
    "the file is broken: download it again, or save the model again from sound weights";

/// Tensors one after the other, each cut into tasks for the threads.
class Scan {
 public:
  /// `release`: memory that was read is given back; not where the weights lie in the caller's.
  Scan(int threads, const ProgressCallback& progress, size_t total_bytes, bool release)
      : threads_(threads), progress_(progress), total_bytes_(total_bytes), release_(release) {}

  std::optional<NotANumber> find(const Tensor& tensor) {
    std::optional<NotANumber> found;
    for (int64_t begin = 0; begin < tensor.size(); begin += kChunkValues) {
      const int64_t count = std::min(kChunkValues, tensor.size() - begin);
      const auto* from = tensor.data<const std::byte>() + bytes_of(tensor.dtype(), begin);
      if (!found) found = find_in_chunk(tensor.dtype(), from, begin, count);
      if (release_) release_mapped(from, bytes_of(tensor.dtype(), count));
      done_bytes_ += bytes_of(tensor.dtype(), count);
      report();
    }
    return found;
  }

 private:
  std::optional<NotANumber> find_in_chunk(DType dtype, const std::byte* from, int64_t first,
                                          int64_t count) const {
    const int64_t tasks = (count + kTaskValues - 1) / kTaskValues;
    std::vector<std::optional<NotANumber>> found(static_cast<size_t>(tasks));
    parallel_for(threads_, tasks, [&](int64_t task) {
      const int64_t begin = task * kTaskValues;
      found[static_cast<size_t>(task)] = find_not_a_number(dtype, from + bytes_of(dtype, begin),
                                                           std::min(kTaskValues, count - begin));
    });
    for (int64_t task = 0; task < tasks; ++task) {
      const auto& value = found[static_cast<size_t>(task)];
      if (value) return NotANumber{first + task * kTaskValues + value->index, value->is_nan};
    }
    return std::nullopt;
  }

  void report() const {
    constexpr size_t kMegabyte = 1'000'000;
    if (progress_ && !progress_("checking MB", static_cast<int64_t>(done_bytes_ / kMegabyte),
                                static_cast<int64_t>(total_bytes_ / kMegabyte))) {
      throw Interrupted("interrupted");
    }
  }

  int threads_;
  const ProgressCallback& progress_;
  size_t total_bytes_;
  bool release_;
  size_t done_bytes_ = 0;
};

}  // namespace

std::optional<NotANumber> find_not_a_number(DType dtype, const void* elements, int64_t count) {
  switch (dtype) {
    case DType::kF32:
      return find_in_words<SpecialF32>(static_cast<const uint32_t*>(elements), count);
    case DType::kF16:
      return find_in_words<SpecialF16>(static_cast<const uint16_t*>(elements), count);
    case DType::kBF16:
      return find_in_words<SpecialBf16>(static_cast<const uint16_t*>(elements), count);
    case DType::kQ8_0:
      return find_in_scaled_blocks<BlockQ8_0>(elements, dtype, count);
    case DType::kQ4_0:
      return find_in_scaled_blocks<BlockQ4_0>(elements, dtype, count);
    case DType::kQ6_K:
      return find_in_scaled_blocks<BlockQ6_K>(elements, dtype, count);
    case DType::kQ4_K:
      return find_in_blocks<BlockQ4_K>(elements, dtype, count, [](const BlockQ4_K& block) {
        return std::array{block.d, block.dmin};
      });
    case DType::kI8:
      break;  // not an element type of files
  }
  OWL3_CHECK(false);
}

std::string describe(const NotANumber& value, const std::string& tensor, const Shape& shape) {
  return fmt::format("tensor {} holds {} at {}", tensor, value.is_nan ? "NaN" : "an infinity",
                     place_of(value.index, shape));
}

void check_finite(const Tensor& tensor, const std::string& name, const std::string& file) {
  const auto found = find_not_a_number(tensor.dtype(), tensor.raw(), tensor.size());
  if (found) throw InputError(BrokenTensor{file, name, tensor.shape(), *found}.message());
}

std::string BrokenTensor::message() const {
  return fmt::format("{}: {}; {}", file, describe(first, name, shape), kRemedy);
}

std::vector<BrokenTensor> find_broken_tensors(const Checkpoint& checkpoint, std::string_view prefix,
                                              int threads, const ProgressCallback& progress) {
  std::vector<std::string> names;
  size_t bytes = 0;
  for (const ExpectedTensor& wanted : expected_tensors(checkpoint.config(), checkpoint.variant())) {
    if (!wanted.name.starts_with(prefix)) continue;
    names.push_back(wanted.name);
    bytes += checkpoint.tensor(wanted.name).size_bytes();
  }
  std::vector<BrokenTensor> broken;
  Scan scan(threads, progress, bytes, !checkpoint.is_in_memory());
  for (const std::string& name : names) {
    const Tensor& tensor = checkpoint.tensor(name);
    const auto found = scan.find(tensor);
    if (found) broken.push_back({checkpoint.file_of(name).string(), name, tensor.shape(), *found});
  }
  checkpoint.check_unchanged();
  return broken;
}

}  // namespace owl3
