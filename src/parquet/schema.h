// The columns of a Parquet file: a tree of fields, whose leaves are what is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parquet/thrift_reader.h"

namespace owl3::parquet {

/// How a value is stored, by Parquet's numbers.
enum class PhysicalType : uint8_t {
  kBoolean,
  kInt32,
  kInt64,
  kInt96,
  kFloat,
  kDouble,
  kByteArray,
  kFixedLengthByteArray
};

/// What a value means.
enum class ValueKind : uint8_t {
  kBoolean,
  kSigned,
  kUnsigned,
  kFloat16,
  kFloat,
  kDouble,
  kBytes,
  kText,
  kDecimal,
  kUuid,
  kDate,
  kTime,
  kTimestamp,
  kInt96Timestamp
};

struct ValueType {
  PhysicalType physical = PhysicalType::kInt32;
  int64_t fixed_length = 0;  // bytes of each value, of kFixedLengthByteArray
  ValueKind kind = ValueKind::kSigned;
  int32_t scale = 0;                 // kDecimal: digits after the point
  int64_t units_per_second = 1'000;  // kTime, kTimestamp
  bool utc = false;                  // kTimestamp
};

enum class Repetition : uint8_t { kRequired, kOptional, kRepeated };

/// A field of the tree. Levels are Dremel's: how many of a value's optional and repeated fields are
/// there (definition), and at which repeated field a value goes on (repetition).
struct Field {
  std::string name;
  Repetition repetition = Repetition::kRequired;
  int definition = 0;  // of a value that is there, this field included
  int repetition_level = 0;
  ValueType type;                       // of a leaf
  std::vector<Field> children;          // of a group: one at least
  bool is_list = false;                 // one repeated child, whose values are the list's
  bool unwraps_element = false;         // ... in a group of their own
  size_t first_leaf = 0, end_leaf = 0;  // the leaves in it, in the order of the file

  bool is_leaf() const { return children.empty(); }
};

struct Leaf {
  std::string path;  // "image.bytes"
  int definition = 0, repetition_level = 0;
  ValueType type;
};

struct Schema {
  std::vector<Field> fields;
  std::vector<Leaf> leaves;
};

/// One entry of the flat list in which a footer has the tree.
struct SchemaElement {
  std::optional<int32_t> physical;
  int32_t fixed_length = 0, repetition = 0, children = 0;
  std::optional<int32_t> converted;  // the older way to say what values mean
  int32_t scale = 0;
  std::string name;
  // The newer one.
  int64_t logical = 0;  // the number of the union's field, 0: none
  int64_t logical_unit = 0;
  bool logical_signed = true, logical_utc = false;
};

SchemaElement read_schema_element(ThriftReader& reader);
/// Throws InputError for what is no tree.
Schema build_schema(const std::vector<SchemaElement>& elements);

}  // namespace owl3::parquet
