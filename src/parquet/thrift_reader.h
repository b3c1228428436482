// Thrift's compact protocol, in which Parquet writes its footer and the headers of pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace owl3::parquet {

/// Every number and length is checked against the bytes that are there. All throw InputError.
class ThriftReader {
 public:
  enum class Type : uint8_t {
    kStop,
    kTrue,
    kFalse,
    kByte,
    kI16,
    kI32,
    kI64,
    kDouble,
    kBinary,
    kList,
    kSet,
    kMap,
    kStruct
  };

  explicit ThriftReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// Calls field(id, type) for every field of a struct, which reads it and returns true; a field
  /// for which it returns false, unread, is passed over.
  template <typename Field>
  void read_struct(const Field& field) {
    int64_t id = 0;
    for (Type type = next_field(id); type != Type::kStop; type = next_field(id)) {
      if (!field(id, type)) skip(type, 0);
    }
  }
  /// Calls element(type) so many times as the list says.
  template <typename Element>
  void read_list(Type type, const Element& element) {
    const auto [of, count] = list_header(type);
    for (uint64_t i = 0; i < count; ++i) element(of);
  }

  bool boolean(Type type) const;
  int64_t integer(Type type);
  int32_t integer32(Type type);
  /// Valid as long as the bytes.
  std::string_view binary(Type type);

  /// How much has been read.
  size_t position() const { return position_; }

 private:
  struct ListHeader {
    Type of;
    uint64_t count;
  };

  Type next_field(int64_t& id);
  ListHeader list_header(Type type);
  void skip(Type type, int depth);
  uint8_t byte();
  uint64_t varint();
  int64_t zigzag();
  void pass(uint64_t count);

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

}  // namespace owl3::parquet
