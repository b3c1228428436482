// Checked access to the JSON of a training row; every error names the row and the key.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace owl3 {

/// "a list", "a string" and so on, for error messages.
std::string_view kind_of(const nlohmann::json& value);

/// What the key has; null counts as absent, which is nullptr.
const nlohmann::json* find_value(const nlohmann::json& object, const char* key);

/// The values of one row. Places are keys as in "messages[1].content".
class RowValues {
 public:
  /// `name` is where the row stands, "file.jsonl:17"; kept by reference.
  explicit RowValues(const std::string& name) : name_(name) {}

  /// Throws InputError "<name>: <place> <what>".
  [[noreturn]] void fail(std::string_view place, std::string_view what) const;

  std::string text(const nlohmann::json& value, const std::string& place) const;
  /// Of a key that must be there.
  std::string text_of(const nlohmann::json& object, const char* key,
                      const std::string& place) const;
  const nlohmann::json& list(const nlohmann::json& value, const std::string& place) const;
  const nlohmann::json& object(const nlohmann::json& value, const std::string& place) const;

 private:
  const std::string& name_;
};

}  // namespace owl3
