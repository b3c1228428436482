#include "parquet/value_decoder.h"

#include <array>
#include <cstring>
#include <string>

#include "core/error.h"
#include "parquet/delta_decoder.h"
#include "parquet/run_decoder.h"

namespace owl3::parquet {

namespace {

constexpr const char* kNames[] = {"PLAIN",
                                  "1",
                                  "PLAIN_DICTIONARY",
                                  "RLE",
                                  "BIT_PACKED",
                                  "DELTA_BINARY_PACKED",
                                  "DELTA_LENGTH_BYTE_ARRAY",
                                  "DELTA_BYTE_ARRAY",
                                  "RLE_DICTIONARY",
                                  "BYTE_STREAM_SPLIT"};

[[noreturn]] void fail() {
  throw InputError("is damaged: a page with fewer values than it says");
}

size_t width_of(const ValueType& type) {
  switch (type.physical) {
    case PhysicalType::kInt32:
    case PhysicalType::kFloat:
      return 4;
    case PhysicalType::kInt64:
    case PhysicalType::kDouble:
      return 8;
    case PhysicalType::kInt96:
      return 12;
    case PhysicalType::kFixedLengthByteArray:
      return static_cast<size_t>(type.fixed_length);
    case PhysicalType::kBoolean:
    case PhysicalType::kByteArray:
      break;
  }
  return 0;
}

/// The bytes of a page, taken from the front.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::string_view take(uint64_t count) {
    if (count > bytes_.size()) fail();
    const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()), count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  uint32_t take_length() {
    uint32_t length = 0;
    std::memcpy(&length, take(sizeof(length)).data(), sizeof(length));
    return length;
  }

 private:
  std::span<const std::byte> bytes_;
};

class PlainFixed : public ValueDecoder {
 public:
  PlainFixed(std::span<const std::byte> bytes, size_t width) : bytes_(bytes), width_(width) {}
  std::string_view next() override { return bytes_.take(width_); }

 private:
  Bytes bytes_;
  size_t width_;
};

class PlainByteArrays : public ValueDecoder {
 public:
  explicit PlainByteArrays(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::string_view next() override { return bytes_.take(bytes_.take_length()); }

 private:
  Bytes bytes_;
};

constexpr std::string_view truth_value(bool value) {
  return value ? std::string_view("\1", 1) : std::string_view("\0", 1);
}

class PlainBooleans : public ValueDecoder {
 public:
  explicit PlainBooleans(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::string_view next() override {
    if (position_ / 8 >= bytes_.size()) fail();
    const auto byte = static_cast<uint32_t>(bytes_[position_ / 8]);
    return truth_value((byte >> (position_++ % 8) & 1) != 0);
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;  // in bits
};

class RunBooleans : public ValueDecoder {
 public:
  explicit RunBooleans(std::span<const std::byte> bytes) {
    Bytes all(bytes);
    const std::string_view runs = all.take(all.take_length());
    runs_ = RunDecoder(std::as_bytes(std::span(runs)), 1);
  }
  std::string_view next() override { return truth_value(runs_.next() != 0); }

 private:
  RunDecoder runs_;
};

class FromDictionary : public ValueDecoder {
 public:
  FromDictionary(std::span<const std::byte> bytes, const Dictionary& dictionary)
      : dictionary_(dictionary) {
    // A page in which all values are missing may have no byte.
    if (!bytes.empty()) places_ = RunDecoder(bytes.subspan(1), static_cast<int>(bytes[0]));
  }
  std::string_view next() override {
    const uint32_t place = places_.next();
    if (place >= dictionary_.size()) {
      throw InputError("is damaged: a value that its dictionary does not have");
    }
    return dictionary_[place];
  }

 private:
  const Dictionary& dictionary_;
  RunDecoder places_;
};

class Deltas : public ValueDecoder {
 public:
  Deltas(std::span<const std::byte> bytes, size_t width) : numbers_(bytes), width_(width) {}
  std::string_view next() override {
    const int64_t number = numbers_.next();
    std::memcpy(bytes_.data(), &number, sizeof(number));
    return {bytes_.data(), width_};
  }

 private:
  DeltaDecoder numbers_;
  size_t width_;
  std::array<char, 8> bytes_{};
};

/// Lengths of byte arrays as differences, and behind them all arrays in one piece.
class DeltaLengths : public ValueDecoder {
 public:
  explicit DeltaLengths(std::span<const std::byte> bytes)
      : lengths_(bytes), arrays_(bytes.subspan(lengths_.end_position())) {}
  std::string_view next() override { return arrays_.take(static_cast<uint64_t>(lengths_.next())); }

 private:
  DeltaDecoder lengths_;
  Bytes arrays_;
};

/// How much each array has in common with the beginning of the one before, and the rest of it.
class DeltaArrays : public ValueDecoder {
 public:
  DeltaArrays(std::span<const std::byte> bytes, size_t width)
      : common_(bytes), rests_(bytes.subspan(common_.end_position())), width_(width) {}
  std::string_view next() override {
    const auto common = static_cast<uint64_t>(common_.next());
    if (common > array_.size()) fail();
    array_.resize(common);
    array_ += rests_.next();
    if (width_ != 0 && array_.size() != width_) fail();
    return array_;
  }

 private:
  DeltaDecoder common_;
  DeltaLengths rests_;
  size_t width_;  // that all have; 0: any
  std::string array_;
};

/// The first bytes of all values, then their second bytes, and so on.
class SplitBytes : public ValueDecoder {
 public:
  SplitBytes(std::span<const std::byte> bytes, size_t width)
      : bytes_(bytes), count_(bytes.size() / width), value_(width, '\0') {
    if (bytes.size() % width != 0) fail();
  }
  std::string_view next() override {
    if (read_ == count_) fail();
    for (size_t i = 0; i < value_.size(); ++i) {
      value_[i] = static_cast<char>(bytes_[i * count_ + read_]);
    }
    ++read_;
    return value_;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t count_, read_ = 0;
  std::string value_;
};

std::unique_ptr<ValueDecoder> make_plain(const ValueType& type, std::span<const std::byte> values) {
  if (type.physical == PhysicalType::kBoolean) return std::make_unique<PlainBooleans>(values);
  if (type.physical == PhysicalType::kByteArray) return std::make_unique<PlainByteArrays>(values);
  return std::make_unique<PlainFixed>(values, width_of(type));
}

}  // namespace

Dictionary read_dictionary(std::span<const std::byte> page, const ValueType& type, int64_t count) {
  // Every value takes a byte at least, so that a false count is found out before it costs memory.
  if (type.physical == PhysicalType::kBoolean || static_cast<uint64_t>(count) > page.size()) {
    throw InputError("is damaged: a dictionary that cannot be");
  }
  const auto values = make_plain(type, page);
  Dictionary dictionary;
  dictionary.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) dictionary.push_back(values->next());
  return dictionary;
}

std::unique_ptr<ValueDecoder> make_value_decoder(Encoding encoding, const ValueType& type,
                                                 std::span<const std::byte> values,
                                                 const Dictionary& dictionary) {
  const PhysicalType physical = type.physical;
  const bool is_array = physical == PhysicalType::kByteArray;
  const bool is_fixed = physical == PhysicalType::kFixedLengthByteArray;
  switch (encoding) {
    case Encoding::kPlain:
      return make_plain(type, values);
    case Encoding::kPlainDictionary:
    case Encoding::kRleDictionary:
      return std::make_unique<FromDictionary>(values, dictionary);
    case Encoding::kRle:
      if (physical != PhysicalType::kBoolean) break;
      return std::make_unique<RunBooleans>(values);
    case Encoding::kDeltaBinaryPacked:
      if (physical != PhysicalType::kInt32 && physical != PhysicalType::kInt64) break;
      return std::make_unique<Deltas>(values, width_of(type));
    case Encoding::kDeltaLengthByteArray:
      if (!is_array) break;
      return std::make_unique<DeltaLengths>(values);
    case Encoding::kDeltaByteArray:
      if (!is_array && !is_fixed) break;
      return std::make_unique<DeltaArrays>(values, width_of(type));
    case Encoding::kByteStreamSplit:
      if (width_of(type) == 0) break;
      return std::make_unique<SplitBytes>(values, width_of(type));
    case Encoding::kBitPacked:
      break;
  }
  const auto number = static_cast<int32_t>(encoding);
  const bool has_name = number >= 0 && static_cast<size_t>(number) < std::size(kNames);
  throw InputError(fmt::format("has the encoding {}, which is not read for its values",
                               has_name ? kNames[number] : std::to_string(number)));
}

}  // namespace owl3::parquet
