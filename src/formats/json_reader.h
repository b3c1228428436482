// Typed, range-checked reading of small JSON files; every error names the file and the key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

/// Python writes NaN, Infinity and -Infinity, which standard JSON has not; they are read as null.
enum class JsonDialect { kStandard, kPython };

/// Parses a JSON text whose top level is an object. Refuses texts above `max_bytes` and nesting
/// deeper than any file of these formats has.
nlohmann::json parse_json_object(std::string_view text, const std::string& name, size_t max_bytes,
                                 JsonDialect dialect = JsonDialect::kStandard);

/// One object of a JSON file. A key that is absent or null counts as not given. Keys that nobody
/// asks for are ignored: released files carry many that don't concern inference.
class JsonReader {
 public:
  /// `path` is the object's own place in the file: "" at the top, "vision_config." below.
  JsonReader(const nlohmann::json& object, std::string name, std::string path = "");

  bool has(const char* key) const { return find(key) != nullptr; }
  /// Whether the key is there, and null.
  bool is_null(const char* key) const;
  /// Of an absent key an empty object.
  JsonReader optional_object(const char* key) const;
  /// The keys whose value is not null.
  std::vector<std::string> keys() const;
  JsonReader object(const char* key) const;

  int64_t integer(const char* key, int64_t min, int64_t max) const;
  std::optional<int64_t> optional_integer(const char* key, int64_t min, int64_t max) const;
  /// 0 to 2^64 - 1.
  std::optional<uint64_t> optional_unsigned(const char* key) const;
  /// A finite number, min <= number <= max.
  std::optional<double> optional_number(const char* key, double min, double max) const;
  /// A list of finite numbers, min <= each <= max.
  std::optional<std::vector<double>> optional_numbers(const char* key, double min,
                                                      double max) const;
  std::optional<bool> optional_bool(const char* key) const;
  std::optional<std::string> optional_string(const char* key) const;
  std::optional<std::vector<std::string>> optional_strings(const char* key) const;
  /// A list of integers; a bare integer counts as a list of one.
  std::optional<std::vector<int64_t>> optional_integers(const char* key, int64_t min,
                                                        int64_t max) const;

  /// Throws InputError "<file>: <key> <what>".
  [[noreturn]] void fail(const char* key, std::string_view what) const;

 private:
  const nlohmann::json* find(const char* key) const;
  int64_t as_integer(const char* key, const nlohmann::json& value, int64_t min, int64_t max) const;
  double as_number(const char* key, const nlohmann::json& value, double min, double max) const;

  const nlohmann::json* object_;
  std::string name_;
  std::string path_;
};

}  // namespace owl3
