#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace owl3 {

namespace {

using Json = nlohmann::json;

// The reference implementation's own limit; a real 7B shard's header is 0.1 MB.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxDimensions = 8;
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxDtypeBytes = 64;

/// One tensor as the header states it.
struct Entry {
  std::string name;
  std::optional<std::string> dtype_name;
  std::optional<DType> dtype;  // nothing: one that owl3 does not compute with
  std::optional<Shape> shape;
  std::vector<uint64_t> offsets;
};

std::optional<DType> dtype_of(std::string_view safetensors_name) {
  if (safetensors_name == "BF16") return DType::kBF16;
  if (safetensors_name == "F16") return DType::kF16;
  if (safetensors_name == "F32") return DType::kF32;
  return std::nullopt;
}

/// Bits of an element of the format's other types; nothing for one that is not known here.
std::optional<uint64_t> foreign_bits(std::string_view safetensors_name) {
  constexpr std::pair<std::string_view, uint64_t> kBits[] = {
      {"BOOL", 8},    {"U8", 8},          {"I8", 8},          {"F8_E4M3", 8}, {"F8_E5M2", 8},
      {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"U16", 16},    {"I16", 16},
      {"U32", 32},    {"I32", 32},        {"U64", 64},        {"I64", 64},    {"F64", 64},
      {"C64", 64},    {"C128", 128},      {"F4", 4},          {"F6_E2M3", 6}, {"F6_E3M2", 6},
  };
  for (const auto& [name, bits] : kBits) {
    if (name == safetensors_name) return bits;
  }
  return std::nullopt;
}

std::string_view safetensors_name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kI8:
      return "I8";
    default:
      OWL3_CHECK(false);  // blocks have no name in this format
  }
}

/// Reads the header event by event, so that memory stays proportional to the tensors it describes
/// whatever the JSON holds, and duplicate keys are seen. Grammar: {name: {"dtype": string, "shape":
/// [integers], "data_offsets": [integer, integer]}, "__metadata__": {string: string}}.
class HeaderReader : public Json::json_sax_t {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  std::vector<Entry> take() { return std::move(entries_); }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return unexpected("a number that is not an integer");
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      if (entries_.back().shape->size() == kMaxDimensions) fail_entry("has too many dimensions");
      if (value > uint64_t{std::numeric_limits<int64_t>::max()})
        fail_entry("has a shape too large");
      entries_.back().shape->push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place_ != Place::kOffsets) return unexpected("a number");
    if (entries_.back().offsets.size() == 2) fail_entry("has more than two data_offsets");
    entries_.back().offsets.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) return true;
    if (place_ != Place::kEntry || key_ != "dtype") return unexpected("a string");
    if (value.size() > kMaxDtypeBytes) fail_entry("has a dtype that is too long");
    entries_.back().dtype_name = value;
    entries_.back().dtype = dtype_of(value);
    return true;
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::kOutside:
        place_ = Place::kTop;
        return true;
      case Place::kTop:
        if (key_ == "__metadata__") {
          place_ = Place::kMetadata;
        } else {
          place_ = Place::kEntry;
          entries_.push_back(Entry{key_, {}, {}, {}, {}});
        }
        return true;
      default:
        return unexpected("an object");
    }
  }

  bool end_object() override {
    if (place_ == Place::kEntry) check_complete();
    place_ = place_ == Place::kTop ? Place::kOutside : Place::kTop;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kEntry) return unexpected("a list");
    Entry& entry = entries_.back();
    if (key_ == "shape" && !entry.shape) {
      place_ = Place::kShape;
      entry.shape.emplace();
    } else if (key_ == "data_offsets" && entry.offsets.empty()) {
      place_ = Place::kOffsets;
    } else {
      return unexpected("a list");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::kEntry;
    return true;
  }

  bool key(string_t& name) override {
    if (name.size() > kMaxNameBytes) fail("a name in the header is too long");
    if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20; })) {
      fail(fmt::format("the name {} holds control characters", printable(name)));
    }
    if (place_ == Place::kTop && !names_.insert(name).second) {
      fail(fmt::format("{} stands twice in the header", printable(name)));
    }
    key_ = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    fail(fmt::format("the header is not valid JSON at byte {}", position));
  }

 private:
  enum class Place { kOutside, kTop, kMetadata, kEntry, kShape, kOffsets };

  [[noreturn]] void fail(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", file_, what));
  }
  [[noreturn]] void fail_entry(std::string_view what) const {
    fail(fmt::format("tensor {} {}", printable(entries_.back().name), what));
  }
  bool unexpected(std::string_view what) const {
    fail(fmt::format("the header holds {} where none belongs (at key {})", what, printable(key_)));
  }
  void check_complete() const {
    const Entry& entry = entries_.back();
    if (!entry.dtype_name) fail_entry("has no dtype");
    if (!entry.shape) fail_entry("has no shape");
    if (entry.offsets.size() != 2) fail_entry("has no pair of data_offsets");
  }

  const std::string& file_;
  Place place_ = Place::kOutside;
  std::string key_;
  std::set<std::string> names_;
  std::vector<Entry> entries_;
};

/// The JSON header's text, its length checked against the file.
std::string_view header_of(std::span<const std::byte> bytes, const std::string& name) {
  constexpr std::string_view kLfsPointer = "version https://git-lfs";
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  if (std::string_view(text, bytes.size()).starts_with(kLfsPointer)) {
    throw InputError(
        fmt::format("{}: a Git LFS pointer, not the weights; run `git lfs pull` in "
                    "its folder",
                    name));
  }
  uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    throw InputError(fmt::format("{}: not a safetensors file ({} bytes)", name, bytes.size()));
  }
  std::memcpy(&length, bytes.data(), sizeof length);  // little-endian, as every x86-64 and Arm is
  if (length > kMaxHeaderBytes) {
    throw InputError(
        fmt::format("{}: not a safetensors file (states a header of {} bytes)", name, length));
  }
  if (length > bytes.size() - sizeof length) {
    throw InputError(fmt::format("{}: truncated: its header has {} bytes, the file {}", name,
                                 length, bytes.size()));
  }
  return {text + sizeof length, static_cast<size_t>(length)};
}

/// Bytes of a tensor of n-bit elements without gaps; nothing when that is no whole number.
std::optional<uint64_t> packed_bytes(uint64_t bits, const Shape& shape) {
  for (const int64_t extent : shape) {
    if (__builtin_mul_overflow(bits, static_cast<uint64_t>(extent), &bits)) return std::nullopt;
  }
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

/// Whether the tensor has the bytes its type and shape say; of an unknown type, who knows.
bool has_right_size(const Entry& entry, uint64_t bytes) {
  if (entry.dtype) return dense_bytes(*entry.dtype, *entry.shape) == bytes;
  const auto bits = foreign_bits(*entry.dtype_name);
  return !bits || packed_bytes(*bits, *entry.shape) == bytes;
}

/// Checks an entry's own claims: offsets in order and inside the data, size as the shape says.
void check_entry(const Entry& entry, std::span<const std::byte> data, const std::string& file) {
  const auto fail = [&](std::string_view what) {
    throw InputError(fmt::format("{}: tensor {} {}", file, printable(entry.name), what));
  };
  const uint64_t begin = entry.offsets[0];
  const uint64_t end = entry.offsets[1];
  if (begin > end) fail(fmt::format("ends (at {}) before it begins (at {})", end, begin));
  if (end > data.size()) {
    fail(
        fmt::format("ends at byte {} of the data, which has only {}: the file is truncated or "
                    "broken",
                    end, data.size()));
  }
  if (!has_right_size(entry, end - begin)) {
    fail(
        fmt::format("of shape {} does not fit its {} bytes", to_string(*entry.shape), end - begin));
  }
  if (!entry.dtype) return;  // nobody reads it
  const auto address = reinterpret_cast<uintptr_t>(data.data() + begin);
  if (address % size_of(*entry.dtype) != 0) {
    fail(
        fmt::format("is not aligned to its {}-byte elements; save the file again with a current "
                    "safetensors library",
                    size_of(*entry.dtype)));
  }
}

/// The tensors must cover the data exactly: no overlap, no hole, nothing behind the last.
void check_coverage(std::vector<Entry>& entries, size_t data_size, const std::string& file) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.offsets[0] != covered) {
      throw InputError(fmt::format(
          "{}: tensor {} {} (its data begin at {}, expected {})", file, printable(entry.name),
          entry.offsets[0] < covered ? "overlaps another" : "leaves a hole before it",
          entry.offsets[0], covered));
    }
    covered = entry.offsets[1];
  }
  if (covered != data_size) {
    throw InputError(fmt::format("{}: {} bytes behind the last tensor belong to none", file,
                                 data_size - covered));
  }
}

/// The JSON header, padded with spaces so that the data begin at a multiple of 8.
std::string make_header(const std::vector<TensorSpec>& tensors) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  size_t offset = 0;
  for (const TensorSpec& tensor : tensors) {
    const size_t end = offset + tensor.size_bytes();
    header += fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          Json(tensor.name).dump(), safetensors_name_of(tensor.dtype),
                          fmt::join(tensor.shape, ","), offset, end);
    offset = end;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

std::vector<TensorSpec> in_aligned_order(std::vector<TensorSpec> tensors) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorSpec& a, const TensorSpec& b) {
    return size_of(a.dtype) > size_of(b.dtype);
  });
  return tensors;
}

}  // namespace

Safetensors parse_all_safetensors(std::span<const std::byte> bytes,
                                  std::shared_ptr<const void> owner, const std::string& name) {
  const std::string_view header = header_of(bytes, name);
  if (!header.starts_with('{')) {
    throw InputError(
        fmt::format("{}: not a safetensors file (its header is no JSON object)", name));
  }
  HeaderReader reader(name);
  Json::sax_parse(header.begin(), header.end(), &reader);
  std::vector<Entry> entries = reader.take();

  const auto data = bytes.subspan(sizeof(uint64_t) + header.size());
  for (const Entry& entry : entries) check_entry(entry, data, name);
  check_coverage(entries, data.size(), name);

  Safetensors parsed;
  for (Entry& entry : entries) {
    if (!entry.dtype) {
      parsed.foreign.emplace(std::move(entry.name),
                             ForeignTensor{std::move(*entry.dtype_name), std::move(*entry.shape)});
      continue;
    }
    // Tensor's pointer is mutable for those that own memory; these are only ever read.
    auto* first = const_cast<std::byte*>(data.data()) + entry.offsets[0];
    parsed.tensors.emplace(std::move(entry.name),
                           Tensor(*entry.dtype, std::move(*entry.shape), first, owner));
  }
  return parsed;
}

TensorMap parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name) {
  Safetensors parsed = parse_all_safetensors(bytes, std::move(owner), name);
  if (parsed.foreign.empty()) return std::move(parsed.tensors);
  const auto& [tensor, foreign] = *parsed.foreign.begin();
  throw InputError(fmt::format("{}: {}", name, describe_foreign(tensor, foreign)));
}

Safetensors load_all_safetensors(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  Safetensors parsed = parse_all_safetensors(file->bytes(), file, path.string());
  parsed.file = file;
  return parsed;
}

TensorMap load_safetensors(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse_safetensors(file->bytes(), file, path.string());
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::vector<TensorSpec> tensors)
    : file_(path), tensors_(in_aligned_order(std::move(tensors))) {
  std::set<std::string_view> names;
  for (const TensorSpec& tensor : tensors_) {
    OWL3_CHECK(names.insert(tensor.name).second && tensor.name != "__metadata__");
    remaining_ += tensor.size_bytes();
  }
  const std::string header = make_header(tensors_);
  const uint64_t length = header.size();
  file_.write(&length, sizeof length);
  file_.write(header);
}

void SafetensorsWriter::write(const void* data, size_t size) {
  OWL3_CHECK(size <= remaining_);
  file_.write(data, size);
  remaining_ -= size;
}

void SafetensorsWriter::commit() {
  OWL3_CHECK(remaining_ == 0);
  file_.commit();
}

}  // namespace owl3
