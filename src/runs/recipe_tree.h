// A recipe file as a tree of values that know where they stand, for messages that name the place.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace owl3 {

struct RecipeEntry;

/// One value of a YAML (hence also JSON) file. Plain data: whoever reads it decides what it means.
struct RecipeValue {
  enum class Kind { kNull, kScalar, kList, kMapping };

  Kind kind = Kind::kNull;
  std::string scalar;   // the text of a scalar
  bool quoted = false;  // "3" is a text, 3 is a number
  std::vector<RecipeValue> items;
  std::vector<RecipeEntry> entries;  // in the file's order
  std::string where;                 // "stage1.yaml:12", or "--set batch.rows=4"

  const RecipeValue* find(std::string_view key) const;
};

/// A key of a mapping and what stands behind it.
struct RecipeEntry {
  std::string key;
  RecipeValue value;
};

/// Parses the text of a YAML or JSON file; `name` stands in messages. Throws InputError for a
/// syntax error, a key given twice, more nesting or values than any recipe has.
RecipeValue parse_yaml(std::string_view text, const std::string& name);
/// Reads and parses the file at `path`.
RecipeValue load_yaml(const std::string& path);

/// The same of a file whose top is a mapping.
RecipeValue parse_recipe_tree(std::string_view text, const std::string& name);

RecipeValue load_recipe_tree(const std::string& path);

/// Puts "batch.rows=4" (keys joined by dots, then a YAML value) into `tree`, over what stands
/// there. Throws UsageError.
void set_recipe_value(RecipeValue& tree, std::string_view assignment);

/// The tree as JSON: plain scalars that look like numbers, booleans or null become such.
nlohmann::ordered_json to_json(const RecipeValue& value);

/// Throws "<where>: <what>": of a file InputError, of a --set UsageError.
[[noreturn]] void throw_recipe_error(const std::string& where, std::string_view what);

/// The scalar as a number or boolean; false when it is none (quoted, or other text).
bool parse_number(const RecipeValue& value, double& number);
bool parse_integer(const RecipeValue& value, int64_t& number);
bool parse_boolean(const RecipeValue& value, bool& truth);

}  // namespace owl3
