#include "runs/recipe_tree.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/regular_file.h"
#include "text/utf8.h"

namespace owl3 {

namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr int kMaxDepth = 32;
constexpr std::string_view kSet = "--set ";  // how a place on the command line begins
constexpr int kMaxValues = 100'000;          // aliases can repeat a small file into a large tree

/// Copies yaml-cpp's nodes, whose line numbers are lost when they are changed.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string name) : name_(std::move(name)) {}

  RecipeValue build(const YAML::Node& node, int depth = 0) {
    const std::string where = place(node.Mark());
    if (depth > kMaxDepth || ++values_ > kMaxValues) {
      throw_recipe_error(where, "too deeply nested or too large for a recipe");
    }
    RecipeValue value;
    value.where = where;
    if (node.IsScalar()) {
      value.kind = RecipeValue::Kind::kScalar;
      value.scalar = utf8_text(node, where);
      value.quoted = node.Tag() == "!";
    } else if (node.IsSequence()) {
      value.kind = RecipeValue::Kind::kList;
      for (const YAML::Node& item : node) value.items.push_back(build(item, depth + 1));
    } else if (node.IsMap()) {
      value.kind = RecipeValue::Kind::kMapping;
      for (const auto& entry : node) add_entry(value, entry.first, entry.second, depth);
    }
    return value;
  }

 private:
  /// JSON, which metrics and checkpoints are written in, knows no other text.
  static std::string utf8_text(const YAML::Node& scalar, const std::string& where) {
    const size_t invalid = find_invalid_utf8(scalar.Scalar());
    if (invalid == std::string::npos) return scalar.Scalar();
    throw_recipe_error(where, fmt::format("byte {} of a text is not UTF-8", invalid + 1));
  }

  void add_entry(RecipeValue& mapping, const YAML::Node& key, const YAML::Node& node, int depth) {
    const std::string where = place(key.Mark());
    if (!key.IsScalar()) throw_recipe_error(where, "a key must be a plain word");
    const std::string name = utf8_text(key, where);
    if (mapping.find(name) != nullptr) {
      throw_recipe_error(where, fmt::format("{} is given twice", name));
    }
    mapping.entries.push_back({name, build(node, depth + 1)});
    mapping.entries.back().value.where = where;  // the key's line, also where the value is empty
  }

  std::string place(const YAML::Mark& mark) const {
    return mark.is_null() ? name_ : fmt::format("{}:{}", name_, mark.line + 1);
  }

  std::string name_;
  int values_ = 0;
};

/// A picture or a model where a recipe belongs, of which YAML's reader would complain in riddles.
void check_is_text(std::string_view text, const std::string& name) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return;  // UTF-16 has zeros
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  };
  if (std::none_of(text.begin(), text.end(), is_control)) return;
  throw_recipe_error(name, "this is no text; a recipe is a file of YAML or JSON");
}

RecipeValue parse_value(std::string_view text, const std::string& name) {
  check_is_text(text, name);
  try {
    return TreeBuilder(name).build(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    const std::string where =
        error.mark.is_null() ? name : fmt::format("{}:{}", name, error.mark.line + 1);
    throw_recipe_error(
        where,
        name.starts_with(kSet)
            ? fmt::format("the value is no YAML ({})", error.msg)
            : fmt::format("this is no YAML, or does not fit the lines before it ({}); keys that "
                          "belong together begin in the same column, those inside another one "
                          "further right",
                          error.msg));
  }
}

void set_places(RecipeValue& value, const std::string& where) {
  value.where = where;
  for (RecipeValue& item : value.items) set_places(item, where);
  for (auto& [key, child] : value.entries) set_places(child, where);
}

RecipeValue& child_of(RecipeValue& mapping, std::string_view key) {
  if (mapping.kind != RecipeValue::Kind::kMapping) {
    mapping.kind = RecipeValue::Kind::kMapping;  // a value makes room for keys of its own
    mapping.scalar.clear();
    mapping.items.clear();
  }
  for (auto& [name, child] : mapping.entries) {
    if (name == key) return child;
  }
  mapping.entries.push_back({std::string(key), {}});
  return mapping.entries.back().value;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  if (!file ||
      (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof())) {
    throw_unreadable(path, errno, "cannot be read: ");
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

template <typename Number>
bool parse_whole(const std::string& text, Number& number) {
  const char* begin = text.data() + (text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(begin, end, number);
  return error == std::errc() && stopped == end && begin != end;
}

}  // namespace

const RecipeValue* RecipeValue::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

RecipeValue parse_yaml(std::string_view text, const std::string& name) {
  if (text.size() > kMaxFileBytes) {
    throw InputError(fmt::format("{}: larger than any recipe", name));
  }
  return parse_value(text, name);
}

RecipeValue parse_recipe_tree(std::string_view text, const std::string& name) {
  RecipeValue tree = parse_yaml(text, name);
  if (tree.kind == RecipeValue::Kind::kNull) tree.kind = RecipeValue::Kind::kMapping;
  if (tree.kind != RecipeValue::Kind::kMapping) {
    throw InputError(fmt::format("{}: a recipe is a mapping of keys to values", name));
  }
  return tree;
}

RecipeValue load_yaml(const std::string& path) {
  return parse_yaml(text_of(path), path);
}

RecipeValue load_recipe_tree(const std::string& path) {
  return parse_recipe_tree(text_of(path), path);
}

void set_recipe_value(RecipeValue& tree, std::string_view assignment) {
  const std::string where = fmt::format("{}{}", kSet, assignment);
  const size_t equals = assignment.find('=');
  if (equals == assignment.npos || equals == 0) {
    throw UsageError(fmt::format("{}: must be KEY=VALUE, for example --set batch.rows=4", where));
  }
  RecipeValue value = parse_value(assignment.substr(equals + 1), where);
  set_places(value, where);
  RecipeValue* place = &tree;
  std::string_view keys = assignment.substr(0, equals);
  for (size_t dot = 0; dot != keys.npos;) {
    dot = keys.find('.');
    place = &child_of(*place, keys.substr(0, dot));
    place->where = where;
    if (dot != keys.npos) keys.remove_prefix(dot + 1);
  }
  *place = std::move(value);
}

void throw_recipe_error(const std::string& where, std::string_view what) {
  const std::string message = fmt::format("{}: {}", where, what);
  if (where.starts_with(kSet)) throw UsageError(message);
  throw InputError(message);
}

bool parse_number(const RecipeValue& value, double& number) {
  return value.kind == RecipeValue::Kind::kScalar && !value.quoted &&
         parse_whole(value.scalar, number) && std::isfinite(number);
}

bool parse_integer(const RecipeValue& value, int64_t& number) {
  if (value.kind != RecipeValue::Kind::kScalar || value.quoted) return false;
  if (parse_whole(value.scalar, number)) return true;
  double real = 0;  // 1e3
  if (!parse_number(value, real) || real != std::floor(real) || std::abs(real) > 1e15) return false;
  number = static_cast<int64_t>(real);
  return true;
}

bool parse_boolean(const RecipeValue& value, bool& truth) {
  if (value.kind != RecipeValue::Kind::kScalar || value.quoted) return false;
  truth = value.scalar == "true";
  return truth || value.scalar == "false";
}

nlohmann::ordered_json to_json(const RecipeValue& value) {
  using Json = nlohmann::ordered_json;
  int64_t integer = 0;
  double number = 0;
  bool truth = false;
  switch (value.kind) {
    case RecipeValue::Kind::kNull:
      return nullptr;
    case RecipeValue::Kind::kList: {
      Json list = Json::array();
      for (const RecipeValue& item : value.items) list.push_back(to_json(item));
      return list;
    }
    case RecipeValue::Kind::kMapping: {
      Json object = Json::object();
      for (const auto& [key, child] : value.entries) object[key] = to_json(child);
      return object;
    }
    case RecipeValue::Kind::kScalar:
      break;
  }
  if (parse_boolean(value, truth)) return truth;
  if (parse_integer(value, integer)) return integer;
  if (parse_number(value, number)) return number;
  return value.scalar;
}

}  // namespace owl3
