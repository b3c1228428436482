#include "training_data/row_values.h"

#include "core/error.h"

namespace owl3 {

using Json = nlohmann::json;

std::string_view kind_of(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "true or false";
  return value.is_null() ? "null" : "a number";
}

const Json* find_value(const Json& object, const char* key) {
  const auto entry = object.find(key);
  return entry == object.end() || entry->is_null() ? nullptr : &*entry;
}

void RowValues::fail(std::string_view place, std::string_view what) const {
  throw InputError(fmt::format("{}: {} {}", name_, place, what));
}

std::string RowValues::text(const Json& value, const std::string& place) const {
  if (!value.is_string()) fail(place, fmt::format("must be a string, not {}", kind_of(value)));
  return value.get<std::string>();
}

std::string RowValues::text_of(const Json& object, const char* key,
                               const std::string& place) const {
  const Json* value = find_value(object, key);
  if (value == nullptr) fail(place, "is missing");
  return text(*value, place);
}

const Json& RowValues::list(const Json& value, const std::string& place) const {
  if (!value.is_array()) fail(place, fmt::format("must be a list, not {}", kind_of(value)));
  return value;
}

const Json& RowValues::object(const Json& value, const std::string& place) const {
  if (!value.is_object()) fail(place, fmt::format("must be an object, not {}", kind_of(value)));
  return value;
}

}  // namespace owl3
