#include "formats/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace owl3 {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kVersion = 3;
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr size_t kMaxDimensions = 4;  // ggml's own limit
constexpr size_t kMaxNameBytes = 1024;

struct TypeName {
  uint32_t number;
  std::string_view name;
};

/// The types owl3 computes with, by ggml's numbers.
constexpr std::pair<uint32_t, DType> kTypes[] = {
    {0, DType::kF32},   {1, DType::kF16},   {2, DType::kQ4_0},  {8, DType::kQ8_0},
    {12, DType::kQ4_K}, {14, DType::kQ6_K}, {30, DType::kBF16},
};

/// The others, for messages.
constexpr TypeName kOtherTypes[] = {
    {3, "q4_1"},     {6, "q5_0"},   {7, "q5_1"},    {9, "q8_1"},     {10, "q2_k"},
    {11, "q3_k"},    {13, "q5_k"},  {15, "q8_k"},   {16, "iq2_xxs"}, {17, "iq2_xs"},
    {18, "iq3_xxs"}, {19, "iq1_s"}, {20, "iq4_nl"}, {21, "iq3_s"},   {22, "iq2_s"},
    {23, "iq4_xs"},  {24, "int8"},  {25, "int16"},  {26, "int32"},   {27, "int64"},
    {28, "float64"}, {29, "iq1_m"}, {34, "tq1_0"},  {35, "tq2_0"},   {39, "mxfp4"},
};

std::optional<DType> dtype_of(uint32_t number) {
  for (const auto& [known, dtype] : kTypes) {
    if (known == number) return dtype;
  }
  return std::nullopt;
}

uint32_t number_of(DType dtype) {
  for (const auto& [number, known] : kTypes) {
    if (known == dtype) return number;
  }
  OWL3_CHECK(false);
}

std::string name_of_type(uint32_t number) {
  for (const TypeName& other : kOtherTypes) {
    if (other.number == number) return std::string(other.name);
  }
  return fmt::format("number {}", number);
}

/// Bytes of a number; 0 for strings and arrays, nothing for types the format does not have.
std::optional<size_t> bytes_of(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return std::nullopt;
}

/// One tensor as the table states it.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  uint64_t begin;  // in the data
  uint64_t end;
};

uint64_t aligned(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

/// Reads the header from front to back; nothing it states is believed before the file is found to
/// be long enough for it.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& file)
      : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), file_(file) {}

  Gguf read(std::shared_ptr<const void> owner) {
    read_magic();
    const auto tensors = number<uint64_t>("the number of tensors");
    const auto values = number<uint64_t>("the number of metadata values");
    // A tensor's entry has at least 8 + 4 + 4 + 8 bytes, a value 8 + 4 + 1.
    check_count(tensors, 24, "tensors");
    check_count(values, 13, "metadata values");
    Gguf gguf;
    for (uint64_t i = 0; i < values; ++i) read_value(gguf);
    std::vector<Entry> entries;
    for (uint64_t i = 0; i < tensors; ++i) entries.push_back(read_entry());
    place_tensors(entries, gguf, std::move(owner));
    return gguf;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", file_, what));
  }
  [[noreturn]] void fail_tensor(std::string_view name, std::string_view what) const {
    fail(fmt::format("tensor {} {}", printable(name), what));
  }

  std::string_view take(uint64_t size, std::string_view what) {
    if (size > bytes_.size() - position_) {
      fail(fmt::format("truncated: {} goes beyond the file's {} bytes", what, bytes_.size()));
    }
    const std::string_view taken = bytes_.substr(position_, static_cast<size_t>(size));
    position_ += taken.size();
    return taken;
  }

  template <typename Number>
  Number number(std::string_view what) {
    Number value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }

  std::string_view string(std::string_view what) { return take(number<uint64_t>(what), what); }

  std::string name(std::string_view what) {
    const std::string_view text = string(what);
    if (text.empty() || text.size() > kMaxNameBytes) {
      fail(fmt::format("{} has {} bytes; 1 to {} are allowed", what, text.size(), kMaxNameBytes));
    }
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; })) {
      fail(fmt::format("{} {} holds control characters", what, printable(text)));
    }
    return std::string(text);
  }

  void check_count(uint64_t count, uint64_t least_bytes, std::string_view what) const {
    if (count <= (bytes_.size() - position_) / least_bytes) return;
    fail(fmt::format("truncated or broken: it states {} {} in {} bytes", count, what,
                     bytes_.size()));
  }

  void read_magic() {
    if (bytes_.starts_with("version https://git-lfs")) {
      fail("a Git LFS pointer, not the weights; run `git lfs pull` in its folder");
    }
    if (!bytes_.starts_with(kMagic)) fail("not a GGUF file");
    position_ = kMagic.size();
    const auto version = number<uint32_t>("the version");
    if (version == 2 || version == kVersion) return;
    if (version != 0 && version % 65536 == 0)
      fail("a big-endian GGUF file; owl3 reads little-endian ones");
    fail(fmt::format("GGUF version {}; owl3 reads 2 and 3: convert the model again", version));
  }

  void read_value(Gguf& gguf) {
    std::string key = name("a metadata key");
    GgufValue value;
    value.type = static_cast<GgufType>(number<uint32_t>(key));
    const auto size = bytes_of(value.type);
    if (!size) fail(fmt::format("{} has a value of unknown type", printable(key)));
    if (value.type == GgufType::kString) {
      value.bytes = string(printable(key));
    } else if (value.type == GgufType::kArray) {
      value.bytes = array(key);
    } else {
      value.bytes = take(*size, printable(key));
    }
    if (!gguf.metadata.emplace(key, value).second) {
      fail(fmt::format("{} stands twice in the metadata", printable(key)));
    }
    if (key == "general.alignment") read_alignment(value);
    if (key == "split.count") check_whole(value);
  }

  /// Skips an array; all its bytes, with type and length.
  std::string_view array(const std::string& key) {
    const size_t begin = position_;
    const auto type = static_cast<GgufType>(number<uint32_t>(key));
    const auto count = number<uint64_t>(key);
    const auto size = bytes_of(type);
    if (!size || type == GgufType::kArray) {
      fail(fmt::format("{} has elements of unknown type", printable(key)));
    }
    if (type == GgufType::kString) {
      check_count(count, sizeof(uint64_t), printable(key));
      for (uint64_t i = 0; i < count; ++i) string(printable(key));
    } else {
      check_count(count, *size, printable(key));
      take(count * *size, printable(key));
    }
    return bytes_.substr(begin, position_ - begin);
  }

  void read_alignment(const GgufValue& value) {
    uint32_t alignment = 0;
    if (value.type == GgufType::kU32) std::memcpy(&alignment, value.bytes.data(), sizeof alignment);
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > kMaxAlignment) {
      fail(fmt::format("general.alignment must be a power of two in 8..{}", kMaxAlignment));
    }
    alignment_ = alignment;
  }

  void check_whole(const GgufValue& value) const {
    uint16_t count = 0;
    if (value.type == GgufType::kU16) std::memcpy(&count, value.bytes.data(), sizeof count);
    if (count > 1) fail(fmt::format("one of {} parts; owl3 reads whole files: merge them", count));
  }

  Entry read_entry() {
    Entry entry;
    entry.name = name("a tensor's name");
    const auto dimensions = number<uint32_t>(entry.name);
    if (dimensions > kMaxDimensions) fail_tensor(entry.name, "has too many dimensions");
    for (uint32_t axis = 0; axis < dimensions; ++axis) {
      const auto size = number<uint64_t>(entry.name);
      if (size > uint64_t{std::numeric_limits<int64_t>::max()}) {
        fail_tensor(entry.name, "has a shape too large");
      }
      entry.shape.push_back(static_cast<int64_t>(size));
    }
    std::reverse(entry.shape.begin(), entry.shape.end());
    const auto type = number<uint32_t>(entry.name);
    const auto dtype = dtype_of(type);
    if (!dtype) {
      fail_tensor(entry.name,
                  fmt::format("is of type {}; owl3 reads f32, f16, bf16, q8_0, q6_k, q4_k and q4_0",
                              name_of_type(type)));
    }
    entry.dtype = *dtype;
    const auto bytes = dense_bytes(entry.dtype, entry.shape);
    if (!bytes) {
      fail_tensor(entry.name, fmt::format("of shape {} cannot be {}", to_string(entry.shape),
                                          name_of(entry.dtype)));
    }
    entry.begin = number<uint64_t>(entry.name);
    if (__builtin_add_overflow(entry.begin, *bytes, &entry.end)) {
      fail_tensor(entry.name, "lies beyond any file");
    }
    return entry;
  }

  void place_tensors(std::vector<Entry>& entries, Gguf& gguf, std::shared_ptr<const void> owner) {
    const uint64_t data = aligned(position_, alignment_);
    const uint64_t data_bytes = bytes_.size() - std::min<uint64_t>(data, bytes_.size());
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    uint64_t covered = 0;
    for (Entry& entry : entries) {
      if (entry.end > data_bytes) {
        fail_tensor(entry.name, fmt::format("ends at byte {} of the data, which has only {}: the "
                                            "file is truncated or broken",
                                            entry.end, data_bytes));
      }
      if (entry.begin % alignment_ != 0) fail_tensor(entry.name, "is not aligned");
      if (entry.begin < covered) fail_tensor(entry.name, "overlaps another");
      covered = entry.end;
      // Tensor's pointer is mutable for those that own memory; these are only ever read.
      auto* first =
          const_cast<char*>(bytes_.data()) + std::min<uint64_t>(data, bytes_.size()) + entry.begin;
      Tensor tensor(entry.dtype, std::move(entry.shape), first, owner);
      if (!gguf.tensors.emplace(entry.name, std::move(tensor)).second) {
        fail_tensor(entry.name, "is listed twice");
      }
    }
    gguf.owner = std::move(owner);
  }

  std::string_view bytes_;
  const std::string& file_;
  size_t position_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
};

template <typename Number>
void append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_text(std::string& bytes, std::string_view text) {
  append(bytes, uint64_t{text.size()});
  bytes += text;
}

constexpr uint64_t kWrittenAlignment = 64;

}  // namespace

std::optional<std::string_view> Gguf::text(std::string_view key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end() || found->second.type != GgufType::kString) return std::nullopt;
  return found->second.bytes;
}

bool is_gguf(std::span<const std::byte> bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
      .starts_with(kMagic);
}

Gguf parse_gguf(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                const std::string& name) {
  return Reader(bytes, name).read(std::move(owner));
}

void GgufMetadata::begin(std::string_view key, GgufType type) {
  append_text(bytes_, key);
  append(bytes_, type);
  ++count_;
}

void GgufMetadata::put_u32(std::string_view key, uint32_t value) {
  begin(key, GgufType::kU32);
  append(bytes_, value);
}

void GgufMetadata::put_f32(std::string_view key, float value) {
  begin(key, GgufType::kF32);
  append(bytes_, value);
}

void GgufMetadata::put_bool(std::string_view key, bool value) {
  begin(key, GgufType::kBool);
  append(bytes_, uint8_t{value});
}

void GgufMetadata::put_text(std::string_view key, std::string_view value) {
  begin(key, GgufType::kString);
  append_text(bytes_, value);
}

void GgufMetadata::put_i32s(std::string_view key, std::span<const int32_t> values) {
  begin(key, GgufType::kArray);
  append(bytes_, GgufType::kI32);
  append(bytes_, uint64_t{values.size()});
  for (const int32_t value : values) append(bytes_, value);
}

void GgufMetadata::put_texts(std::string_view key, std::span<const std::string> values) {
  begin(key, GgufType::kArray);
  append(bytes_, GgufType::kString);
  append(bytes_, uint64_t{values.size()});
  for (const std::string& value : values) append_text(bytes_, value);
}

GgufWriter::GgufWriter(const std::filesystem::path& path, GgufMetadata metadata,
                       std::vector<TensorSpec> tensors)
    : file_(path), tensors_(std::move(tensors)) {
  metadata.put_u32("general.alignment", static_cast<uint32_t>(kWrittenAlignment));
  std::string header(kMagic);
  append(header, kVersion);
  append(header, uint64_t{tensors_.size()});
  append(header, metadata.count());
  header += metadata.bytes();
  uint64_t offset = 0;
  for (const TensorSpec& tensor : tensors_) {
    OWL3_CHECK(tensor.shape.size() <= kMaxDimensions);
    append_text(header, tensor.name);
    append(header, static_cast<uint32_t>(tensor.shape.size()));
    for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) {
      append(header, static_cast<uint64_t>(*size));
    }
    append(header, number_of(tensor.dtype));
    append(header, offset);
    offset = aligned(offset + tensor.size_bytes(), kWrittenAlignment);
  }
  file_.write(header);
  position_ = header.size();
  file_bytes_ = aligned(position_, kWrittenAlignment) + offset;
  pad();
  remaining_ = tensors_.empty() ? 0 : tensors_.front().size_bytes();
}

void GgufWriter::pad() {
  constexpr std::array<char, kWrittenAlignment> kZeros{};
  const uint64_t padding = aligned(position_, kWrittenAlignment) - position_;
  file_.write(kZeros.data(), static_cast<size_t>(padding));
  position_ += padding;
}

void GgufWriter::write(const void* data, size_t size) {
  OWL3_CHECK(size <= remaining_);
  file_.write(data, size);
  position_ += size;
  remaining_ -= size;
  // Readers of the ecosystem expect padding behind the last tensor too.
  while (remaining_ == 0 && current_ < tensors_.size()) {
    pad();
    ++current_;
    if (current_ < tensors_.size()) remaining_ = tensors_[current_].size_bytes();
  }
}

void GgufWriter::commit() {
  OWL3_CHECK(remaining_ == 0 && position_ == file_bytes_);
  file_.commit();
}

}  // namespace owl3
