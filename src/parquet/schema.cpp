#include "parquet/schema.h"

#include "core/error.h"

namespace owl3::parquet {

namespace {

using Type = ThriftReader::Type;

/// Deeper trees would only use up the stack.
constexpr int kDeepest = 64;
/// Objects have the names in them, each anew.
constexpr size_t kLongestName = 1024;

// Parquet's numbers of what values mean: the older ones, and the fields of the newer union.
namespace converted {
enum : int32_t {
  kUtf8 = 0,
  kMap = 1,
  kMapKeyValue = 2,
  kList = 3,
  kEnum = 4,
  kDecimal = 5,
  kDate = 6,
  kTimeMillis = 7,
  kTimeMicros = 8,
  kTimestampMillis = 9,
  kTimestampMicros = 10,
  kUint8 = 11,
  kUint64 = 14,
  kJson = 19
};
}
namespace logical {
enum : int64_t {
  kString = 1,
  kMap = 2,
  kList = 3,
  kEnum = 4,
  kDecimal = 5,
  kDate = 6,
  kTime = 7,
  kTimestamp = 8,
  kInteger = 10,
  kJson = 12,
  kUuid = 14,
  kFloat16 = 15
};
}

void read_logical_details(ThriftReader& reader, SchemaElement& element) {
  const int64_t kind = element.logical;
  reader.read_struct([&](int64_t id, Type type) {
    if (kind == logical::kDecimal && id == 1) {
      element.scale = reader.integer32(type);
    } else if (kind == logical::kInteger && id == 2) {
      element.logical_signed = reader.boolean(type);
    } else if ((kind == logical::kTime || kind == logical::kTimestamp) && id == 1) {
      element.logical_utc = reader.boolean(type);
    } else if ((kind == logical::kTime || kind == logical::kTimestamp) && id == 2) {
      reader.read_struct([&](int64_t unit, Type) {
        element.logical_unit = unit;
        return false;
      });
    } else {
      return false;
    }
    return true;
  });
}

int64_t units_per_second(const SchemaElement& element) {
  switch (element.logical_unit) {
    case 1:
      return 1'000;
    case 2:
      return 1'000'000;
    case 3:
      return 1'000'000'000;
    default:
      break;
  }
  const bool micros = element.converted == converted::kTimeMicros ||
                      element.converted == converted::kTimestampMicros;
  return micros ? 1'000'000 : 1'000;
}

bool means(const SchemaElement& element, int64_t newer, std::initializer_list<int32_t> older) {
  if (element.logical != 0) return element.logical == newer;
  if (!element.converted) return false;
  for (const int32_t one : older) {
    if (*element.converted == one) return true;
  }
  return false;
}

ValueKind kind_of_integer(const SchemaElement& element) {
  if (means(element, logical::kDecimal, {converted::kDecimal})) return ValueKind::kDecimal;
  if (means(element, logical::kDate, {converted::kDate})) return ValueKind::kDate;
  if (means(element, logical::kTime, {converted::kTimeMillis, converted::kTimeMicros})) {
    return ValueKind::kTime;
  }
  if (means(element, logical::kTimestamp,
            {converted::kTimestampMillis, converted::kTimestampMicros})) {
    return ValueKind::kTimestamp;
  }
  const bool is_unsigned =
      element.logical == logical::kInteger
          ? !element.logical_signed
          : element.converted >= converted::kUint8 && element.converted <= converted::kUint64;
  return is_unsigned ? ValueKind::kUnsigned : ValueKind::kSigned;
}

ValueKind kind_of_bytes(const SchemaElement& element) {
  if (means(element, logical::kDecimal, {converted::kDecimal})) return ValueKind::kDecimal;
  if (element.logical == logical::kUuid) return ValueKind::kUuid;
  if (element.logical == logical::kFloat16) return ValueKind::kFloat16;
  const bool is_text = means(element, logical::kString, {converted::kUtf8}) ||
                       means(element, logical::kEnum, {converted::kEnum}) ||
                       means(element, logical::kJson, {converted::kJson});
  return is_text ? ValueKind::kText : ValueKind::kBytes;
}

ValueKind kind_of(const SchemaElement& element, PhysicalType physical) {
  switch (physical) {
    case PhysicalType::kBoolean:
      return ValueKind::kBoolean;
    case PhysicalType::kInt32:
    case PhysicalType::kInt64:
      return kind_of_integer(element);
    case PhysicalType::kInt96:
      return ValueKind::kInt96Timestamp;
    case PhysicalType::kFloat:
      return ValueKind::kFloat;
    case PhysicalType::kDouble:
      return ValueKind::kDouble;
    case PhysicalType::kByteArray:
    case PhysicalType::kFixedLengthByteArray:
      break;
  }
  return kind_of_bytes(element);
}

ValueType type_of(const SchemaElement& element) {
  const int32_t number = element.physical.value_or(-1);
  if (number < 0 || number > static_cast<int32_t>(PhysicalType::kFixedLengthByteArray)) {
    throw InputError(
        fmt::format("is damaged: its column \"{}\" has the type {}, which is none of Parquet's",
                    element.name, number));
  }
  ValueType type;
  type.physical = static_cast<PhysicalType>(number);
  type.kind = kind_of(element, type.physical);
  type.scale = element.scale;
  type.utc = element.logical_utc;
  type.units_per_second = units_per_second(element);
  if (element.logical == 0 && type.kind == ValueKind::kTimestamp) type.utc = true;
  if (type.physical == PhysicalType::kFixedLengthByteArray) {
    type.fixed_length = element.fixed_length;
    const bool wrong = type.kind == ValueKind::kUuid      ? type.fixed_length != 16
                       : type.kind == ValueKind::kFloat16 ? type.fixed_length != 2
                                                          : type.fixed_length < 1;
    if (wrong) {
      throw InputError(fmt::format("is damaged: its column \"{}\" has values of {} bytes",
                                   element.name, element.fixed_length));
    }
  }
  return type;
}

class TreeBuilder {
 public:
  explicit TreeBuilder(const std::vector<SchemaElement>& elements) : elements_(elements) {}

  Schema build() {
    if (elements_.empty()) throw InputError("is damaged: it has no schema");
    const int32_t count = elements_.front().children;
    Schema schema;
    for (int32_t i = 0; i < count; ++i) schema.fields.push_back(field("", 0, 0, 0));
    if (next_ != elements_.size()) throw InputError("is damaged: its schema is no tree");
    schema.leaves = std::move(leaves_);
    return schema;
  }

 private:
  Field field(const std::string& parent, int definition, int repetition, int depth) {
    if (next_ == elements_.size() || depth == kDeepest)
      throw InputError("is damaged: its schema is no tree");
    const SchemaElement& element = elements_[next_++];
    if (element.repetition < 0 || element.repetition > 2 || element.children < 0 ||
        element.name.size() > kLongestName) {
      throw InputError(fmt::format("is damaged: its schema's entry {}", next_ - 1));
    }
    Field field;
    field.name = element.name;
    field.repetition = static_cast<Repetition>(element.repetition);
    field.definition = definition + (field.repetition != Repetition::kRequired ? 1 : 0);
    field.repetition_level = repetition + (field.repetition == Repetition::kRepeated ? 1 : 0);
    field.first_leaf = leaves_.size();
    const std::string path = parent + field.name;
    if (element.children == 0) {
      field.type = type_of(element);
      leaves_.push_back({path, field.definition, field.repetition_level, field.type});
    }
    for (int32_t i = 0; i < element.children; ++i) {
      field.children.push_back(
          this->field(path + ".", field.definition, field.repetition_level, depth + 1));
    }
    field.end_leaf = leaves_.size();
    tell_list(element, field);
    return field;
  }

  /// A list is a group around a repeated field; that is either the element, or, as the standard has
  /// it, a group around the element. Which, older writers say by names.
  static void tell_list(const SchemaElement& element, Field& field) {
    const bool annotated =
        means(element, logical::kList, {converted::kList}) ||
        means(element, logical::kMap, {converted::kMap, converted::kMapKeyValue});
    if (!annotated || field.children.size() != 1 ||
        field.children[0].repetition != Repetition::kRepeated) {
      return;
    }
    field.is_list = true;
    const Field& repeated = field.children[0];
    field.unwraps_element = means(element, logical::kList, {converted::kList}) &&
                            repeated.children.size() == 1 && repeated.name != "array" &&
                            repeated.name != field.name + "_tuple";
  }

  const std::vector<SchemaElement>& elements_;
  size_t next_ = 1;
  std::vector<Leaf> leaves_;
};

}  // namespace

SchemaElement read_schema_element(ThriftReader& reader) {
  SchemaElement element;
  reader.read_struct([&](int64_t id, Type type) {
    switch (id) {
      case 1:
        element.physical = reader.integer32(type);
        return true;
      case 2:
        element.fixed_length = reader.integer32(type);
        return true;
      case 3:
        element.repetition = reader.integer32(type);
        return true;
      case 4:
        element.name = reader.binary(type);
        return true;
      case 5:
        element.children = reader.integer32(type);
        return true;
      case 6:
        element.converted = reader.integer32(type);
        return true;
      case 7:
        element.scale = reader.integer32(type);
        return true;
      case 10:
        if (type != Type::kStruct) return false;
        reader.read_struct([&](int64_t kind, Type of) {
          element.logical = kind;
          if (of != Type::kStruct) return false;
          read_logical_details(reader, element);
          return true;
        });
        return true;
      default:
        return false;
    }
  });
  return element;
}

Schema build_schema(const std::vector<SchemaElement>& elements) {
  return TreeBuilder(elements).build();
}

}  // namespace owl3::parquet
