#include "formats/json_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/zero_byte.h"

namespace owl3 {

namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 64;

/// A value as it stands in the file, cut short for an error line.
std::string excerpt(const Json& value) {
  constexpr size_t kLongest = 40;
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

/// A text with Python's numbers that are none written as null.
class PlainText {
 public:
  explicit PlainText(std::string_view python) : rest_(python) {
    while (!rest_.empty()) take();
  }

  const std::string& text() const { return text_; }
  /// The byte of the text as it was, both from 1.
  size_t original_byte(size_t byte) const {
    return byte - static_cast<size_t>(std::count_if(longer_.begin(), longer_.end(),
                                                    [&](size_t at) { return at < byte; }));
  }

 private:
  void take() {
    if (rest_[0] == '"') return take_string();
    if (rest_.starts_with("NaN")) {
      text_ += "null";
      longer_.push_back(text_.size());
      return rest_.remove_prefix(3);
    }
    for (const std::string_view word : {"-Infinity", "Infinity"}) {
      if (!rest_.starts_with(word)) continue;
      text_ += "null";
      text_.append(word.size() - 4, ' ');
      return rest_.remove_prefix(word.size());
    }
    text_ += rest_[0];
    rest_.remove_prefix(1);
  }

  void take_string() {
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    end = std::min(end + 1, rest_.size());
    text_ += rest_.substr(0, end);
    rest_.remove_prefix(end);
  }

  std::string_view rest_;
  std::string text_;
  std::vector<size_t> longer_;  // the bytes, from 1, that the text has more than it had
};

bool has_python_numbers(std::string_view text) {
  return text.find("NaN") != text.npos || text.find("Infinity") != text.npos;
}

}  // namespace

Json parse_json_object(std::string_view text, const std::string& name, size_t max_bytes,
                       JsonDialect dialect) {
  if (text.size() > max_bytes) {
    throw InputError(fmt::format("{}: {} bytes are too many for this file (at most {})", name,
                                 text.size(), max_bytes));
  }
  if (const size_t zero = find_zero_byte(text); zero != text.npos) {
    throw InputError(fmt::format("{}: not valid JSON at byte {}", name, zero + 1));
  }
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) throw InputError(fmt::format("{}: nested too deeply", name));
    return true;
  };
  std::optional<PlainText> plain;
  if (dialect == JsonDialect::kPython && has_python_numbers(text)) plain.emplace(text);
  if (plain) text = plain->text();
  Json json;
  try {
    json = Json::parse(text.begin(), text.end(), limit_depth);
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("{}: not valid JSON at byte {}", name,
                                 plain ? plain->original_byte(error.byte) : error.byte));
  } catch (const Json::exception&) {  // a number beyond any double
    throw InputError(fmt::format("{}: holds a number out of range", name));
  }
  if (!json.is_object()) throw InputError(fmt::format("{}: not a JSON object", name));
  return json;
}

JsonReader::JsonReader(const Json& object, std::string name, std::string path)
    : object_(&object), name_(std::move(name)), path_(std::move(path)) {}

const Json* JsonReader::find(const char* key) const {
  const auto entry = object_->find(key);
  return entry == object_->end() || entry->is_null() ? nullptr : &*entry;
}

void JsonReader::fail(const char* key, std::string_view what) const {
  throw InputError(fmt::format("{}: {}{} {}", name_, path_, key, what));
}

JsonReader JsonReader::object(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) fail(key, "is missing");
  if (!value->is_object()) fail(key, fmt::format("must be an object, not {}", excerpt(*value)));
  return JsonReader(*value, name_, path_ + key + ".");
}

bool JsonReader::is_null(const char* key) const {
  const auto entry = object_->find(key);
  return entry != object_->end() && entry->is_null();
}

JsonReader JsonReader::optional_object(const char* key) const {
  static const Json kEmpty = Json::object();
  return has(key) ? object(key) : JsonReader(kEmpty, name_, path_ + key + ".");
}

std::vector<std::string> JsonReader::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, value] : object_->items()) {
    if (!value.is_null()) names.push_back(key);
  }
  return names;
}

std::optional<std::vector<std::string>> JsonReader::optional_strings(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) fail(key, fmt::format("must be a list, not {}", excerpt(*value)));
  std::vector<std::string> strings;
  for (const Json& element : *value) {
    if (!element.is_string()) {
      fail(key, fmt::format("must hold strings, not {}", excerpt(element)));
    }
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

int64_t JsonReader::as_integer(const char* key, const Json& value, int64_t min, int64_t max) const {
  // Above int64's range the library keeps the number as unsigned.
  const bool huge = value.is_number_unsigned() &&
                    value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  if (!value.is_number_integer()) {
    fail(key, fmt::format("must be an integer, not {}", excerpt(value)));
  }
  if (huge || value.get<int64_t>() < min || value.get<int64_t>() > max) {
    fail(key, fmt::format("is {}, outside {} to {}", excerpt(value), min, max));
  }
  return value.get<int64_t>();
}

int64_t JsonReader::integer(const char* key, int64_t min, int64_t max) const {
  const Json* value = find(key);
  if (value == nullptr) fail(key, "is missing");
  return as_integer(key, *value, min, max);
}

std::optional<int64_t> JsonReader::optional_integer(const char* key, int64_t min,
                                                    int64_t max) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return as_integer(key, *value, min, max);
}

std::optional<uint64_t> JsonReader::optional_unsigned(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned()) {
    fail(key, fmt::format("must be an integer from 0 to 2^64 - 1, not {}", excerpt(*value)));
  }
  return value->get<uint64_t>();
}

double JsonReader::as_number(const char* key, const Json& value, double min, double max) const {
  if (!value.is_number()) fail(key, fmt::format("must be a number, not {}", excerpt(value)));
  const auto number = value.get<double>();
  if (!(number >= min && number <= max)) {
    fail(key, fmt::format("is {}, outside {} to {}", excerpt(value), min, max));
  }
  return number;
}

std::optional<double> JsonReader::optional_number(const char* key, double min, double max) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return as_number(key, *value, min, max);
}

std::optional<std::vector<double>> JsonReader::optional_numbers(const char* key, double min,
                                                                double max) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) fail(key, fmt::format("must be a list, not {}", excerpt(*value)));
  std::vector<double> numbers;
  for (const Json& element : *value) numbers.push_back(as_number(key, element, min, max));
  return numbers;
}

std::optional<bool> JsonReader::optional_bool(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    fail(key, fmt::format("must be true or false, not {}", excerpt(*value)));
  }
  return value->get<bool>();
}

std::optional<std::string> JsonReader::optional_string(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(key, fmt::format("must be a string, not {}", excerpt(*value)));
  return value->get<std::string>();
}

std::optional<std::vector<int64_t>> JsonReader::optional_integers(const char* key, int64_t min,
                                                                  int64_t max) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::vector<int64_t> integers;
  if (value->is_array()) {
    for (const Json& element : *value) integers.push_back(as_integer(key, element, min, max));
  } else {
    integers.push_back(as_integer(key, *value, min, max));
  }
  return integers;
}

}  // namespace owl3
