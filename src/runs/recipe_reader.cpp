#include "runs/recipe_reader.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/similar.h"

namespace owl3 {

namespace {

std::string shown(const RecipeValue& value) {
  switch (value.kind) {
    case RecipeValue::Kind::kNull:
      return "nothing";
    case RecipeValue::Kind::kList:
      return "a list";
    case RecipeValue::Kind::kMapping:
      return "a mapping";
    case RecipeValue::Kind::kScalar:
      break;
  }
  const std::string text =
      value.scalar.size() > 60 ? value.scalar.substr(0, 57) + "..." : value.scalar;
  return fmt::format("\"{}\"", text);
}

}  // namespace

RecipeReader::RecipeReader(const RecipeValue& mapping, std::string path)
    : mapping_(&mapping), path_(std::move(path)) {
  if (mapping.kind == RecipeValue::Kind::kMapping) return;
  const std::string name = path_.empty() ? "the recipe" : path_.substr(0, path_.size() - 1);
  throw_recipe_error(mapping.where,
                     fmt::format("{} must be a mapping, not {}", name, shown(mapping)));
}

bool RecipeReader::has(const char* key) const {
  const RecipeValue* value = mapping_->find(key);
  return value != nullptr && value->kind != RecipeValue::Kind::kNull;
}

const RecipeValue* RecipeReader::ask(const char* key) {
  known_.emplace_back(key);
  return has(key) ? mapping_->find(key) : nullptr;
}

void RecipeReader::integer(const char* key, int64_t& value, int64_t min, int64_t max) {
  const RecipeValue* given = ask(key);
  if (given == nullptr) return;
  if (!parse_integer(*given, value) || value < min || value > max) {
    fail(key, fmt::format("must be a whole number from {} to {}, not {}", min, max, shown(*given)));
  }
}

void RecipeReader::number(const char* key, double& value, double min, double max) {
  const RecipeValue* given = ask(key);
  if (given == nullptr) return;
  if (!parse_number(*given, value) || value < min || value > max) {
    fail(key, fmt::format("must be a number from {:g} to {:g}, not {}", min, max, shown(*given)));
  }
}

void RecipeReader::boolean(const char* key, bool& value) {
  const RecipeValue* given = ask(key);
  if (given == nullptr) return;
  if (!parse_boolean(*given, value)) {
    fail(key, fmt::format("must be true or false, not {}", shown(*given)));
  }
}

void RecipeReader::text(const char* key, std::string& value) {
  const RecipeValue* given = ask(key);
  if (given == nullptr) return;
  if (given->kind != RecipeValue::Kind::kScalar || given->scalar.empty()) {
    fail(key, fmt::format("must be a text, not {}", shown(*given)));
  }
  value = given->scalar;
}

int RecipeReader::choice(const char* key, std::initializer_list<const char*> words, int standard) {
  const RecipeValue* given = ask(key);
  if (given == nullptr) return standard;
  const auto* found = std::find_if(words.begin(), words.end(), [&](const char* word) {
    return given->kind == RecipeValue::Kind::kScalar && given->scalar == word;
  });
  if (found == words.end()) {
    fail(key, fmt::format("must be {}, not {}", fmt::join(words, " or "), shown(*given)));
  }
  return static_cast<int>(found - words.begin());
}

void RecipeReader::texts(const char* key, std::vector<std::string>& values) {
  const RecipeValue* given = ask(key);
  if (given == nullptr) return;
  values.clear();
  const auto add = [&](const RecipeValue& item) {
    if (item.kind != RecipeValue::Kind::kScalar || item.scalar.empty()) {
      fail(key, fmt::format("must be a list of texts, not {}", shown(item)));
    }
    values.push_back(item.scalar);
  };
  if (given->kind == RecipeValue::Kind::kList) {
    for (const RecipeValue& item : given->items) add(item);
  } else {
    add(*given);
  }
}

const RecipeValue* RecipeReader::mapping(const char* key) {
  const RecipeValue* given = ask(key);
  if (given != nullptr && given->kind != RecipeValue::Kind::kMapping) {
    fail(key, fmt::format("must be a mapping, not {}", shown(*given)));
  }
  return given;
}

const RecipeValue* RecipeReader::list(const char* key) {
  const RecipeValue* given = ask(key);
  if (given != nullptr && given->kind != RecipeValue::Kind::kList) {
    fail(key, fmt::format("must be a list, not {}", shown(*given)));
  }
  return given;
}

const RecipeValue* RecipeReader::any(const char* key) {
  return ask(key);
}

void RecipeReader::finish() const {
  for (const auto& [key, value] : mapping_->entries) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::string meant = did_you_mean(key, known_);
    throw_recipe_error(value.where, fmt::format("unknown key {}{}{}", path_, key,
                                                meant.empty() ? fmt::format("; allowed here: {}",
                                                                            fmt::join(known_, ", "))
                                                              : meant));
  }
}

/// What is missing may be there with a slip in its name.
void RecipeReader::check_misspelt(const char* key) const {
  for (const auto& [given, value] : mapping_->entries) {
    if (std::find(known_.begin(), known_.end(), given) != known_.end()) continue;
    const std::string meant = did_you_mean(given, std::array{std::string(key)});
    if (meant.empty()) continue;
    throw_recipe_error(value.where, fmt::format("unknown key {}{}{}", path_, given, meant));
  }
}

void RecipeReader::fail(const char* key, std::string_view what) const {
  const RecipeValue* value = mapping_->find(key);
  if (!has(key)) check_misspelt(key);
  throw_recipe_error(value != nullptr ? value->where : mapping_->where,
                     fmt::format("{}{} {}", path_, key, what));
}

}  // namespace owl3
