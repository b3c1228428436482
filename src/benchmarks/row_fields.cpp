#include "benchmarks/row_fields.h"

#include <cmath>

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void fail(const std::string& key, const char* kind) {
  throw InputError(fmt::format("\"{}\" of the row is no {}", key, kind));
}

}  // namespace

const Json& field(const Json& row, const std::string& key) {
  if (!row.is_object()) throw InputError("the row is no JSON object");
  const auto found = row.find(key);
  if (found == row.end()) throw InputError(fmt::format("the row has no \"{}\"", key));
  return *found;
}

std::string text_field(const Json& row, const std::string& key) {
  const Json& value = field(row, key);
  if (!value.is_string()) fail(key, "text");
  return value.get<std::string>();
}

std::vector<std::string> texts_field(const Json& row, const std::string& key) {
  std::vector<std::string> texts;
  for (const Json& value : list_field(row, key)) {
    if (!value.is_string()) fail(key, "list of texts");
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

const Json& list_field(const Json& row, const std::string& key) {
  const Json& value = field(row, key);
  if (!value.is_array()) fail(key, "list");
  return value;
}

double number_field(const Json& row, const std::string& key) {
  const Json& value = field(row, key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) fail(key, "number");
  return value.get<double>();
}

int64_t integer_field(const Json& row, const std::string& key) {
  const Json& value = field(row, key);
  if (!value.is_number_integer()) fail(key, "whole number");
  return value.get<int64_t>();
}

const Json& entry_of(const Json& list, int64_t index, const std::string& what) {
  if (!list.is_array()) fail(what, "list");
  const auto size = static_cast<int64_t>(list.size());
  const int64_t place = index < 0 ? index + size : index;
  if (place < 0 || place >= size) {
    throw InputError(
        fmt::format("\"{}\" of the row has {} entries, none at {}", what, size, index));
  }
  return list[static_cast<size_t>(place)];
}

}  // namespace owl3
