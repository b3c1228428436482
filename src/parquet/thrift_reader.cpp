#include "parquet/thrift_reader.h"

#include <limits>

#include "core/error.h"

namespace owl3::parquet {

namespace {

/// Nothing in Parquet is nested deeper; what is would only use up the stack.
constexpr int kDeepest = 32;

[[noreturn]] void fail() {
  throw InputError("is damaged: its metadata cannot be read");
}

}  // namespace

uint8_t ThriftReader::byte() {
  if (position_ == bytes_.size()) fail();
  return static_cast<uint8_t>(bytes_[position_++]);
}

uint64_t ThriftReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t next = byte();
    value |= static_cast<uint64_t>(next & 0x7f) << shift;
    if (next < 0x80) return value;
  }
  fail();
}

int64_t ThriftReader::zigzag() {
  const uint64_t value = varint();
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

void ThriftReader::pass(uint64_t count) {
  if (count > bytes_.size() - position_) fail();
  position_ += count;
}

/// The id is written as the distance to the one before, where that is small.
ThriftReader::Type ThriftReader::next_field(int64_t& id) {
  const uint8_t head = byte();
  const auto type = static_cast<Type>(head & 0x0f);
  if (head == 0) return Type::kStop;
  if (type == Type::kStop || type > Type::kStruct) fail();
  const int64_t next = head >> 4 != 0 ? id + (head >> 4) : zigzag();
  if (next < 0 || next > std::numeric_limits<int16_t>::max()) fail();
  id = next;
  return type;
}

ThriftReader::ListHeader ThriftReader::list_header(Type type) {
  if (type != Type::kList && type != Type::kSet) fail();
  const uint8_t head = byte();
  const auto of = static_cast<Type>(head & 0x0f);
  if (of == Type::kStop || of > Type::kStruct) fail();
  const uint64_t count = head >> 4 != 15 ? head >> 4 : varint();
  if (count > bytes_.size() - position_) fail();  // each takes a byte at least
  return {of, count};
}

bool ThriftReader::boolean(Type type) const {
  if (type != Type::kTrue && type != Type::kFalse) fail();
  return type == Type::kTrue;
}

int64_t ThriftReader::integer(Type type) {
  if (type == Type::kByte) return static_cast<int8_t>(byte());
  if (type != Type::kI16 && type != Type::kI32 && type != Type::kI64) fail();
  return zigzag();
}

int32_t ThriftReader::integer32(Type type) {
  const int64_t value = integer(type);
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    fail();
  }
  return static_cast<int32_t>(value);
}

std::string_view ThriftReader::binary(Type type) {
  if (type != Type::kBinary) fail();
  const uint64_t size = varint();
  const size_t begin = position_;
  pass(size);
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, size};
}

void ThriftReader::skip(Type type, int depth) {
  if (depth == kDeepest) fail();
  switch (type) {
    case Type::kStop:
      fail();
    case Type::kTrue:
    case Type::kFalse:
      return;  // the value is the type
    case Type::kByte:
      return pass(1);
    case Type::kI16:
    case Type::kI32:
    case Type::kI64:
      varint();
      return;
    case Type::kDouble:
      return pass(8);
    case Type::kBinary:
      return pass(varint());
    case Type::kList:
    case Type::kSet: {
      const auto [of, count] = list_header(type);
      for (uint64_t i = 0; i < count; ++i) {
        of == Type::kTrue || of == Type::kFalse ? pass(1) : skip(of, depth + 1);
      }
      return;
    }
    case Type::kMap: {
      const uint64_t count = varint();
      if (count == 0) return;
      const uint8_t types = byte();
      if (count > bytes_.size() - position_) fail();
      for (uint64_t i = 0; i < count; ++i) {
        for (const int of : {types >> 4, types & 0x0f}) {
          of == 1 || of == 2 ? pass(1) : skip(static_cast<Type>(of), depth + 1);
        }
      }
      return;
    }
    case Type::kStruct: {
      int64_t id = 0;
      for (Type of = next_field(id); of != Type::kStop; of = next_field(id)) skip(of, depth + 1);
      return;
    }
  }
  fail();
}

}  // namespace owl3::parquet
