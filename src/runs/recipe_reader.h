// Typed, strict reading of one mapping of a recipe: every key is asked for, or it is an error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "runs/recipe_tree.h"

namespace owl3 {

/// Reads the keys of a mapping into variables that hold their defaults. A key that is absent leaves
/// the variable alone. Each message is one line: where, key, what is allowed.
class RecipeReader {
 public:
  /// `path` is the mapping's own place: "" at the top, "batch." below.
  explicit RecipeReader(const RecipeValue& mapping, std::string path = "");

  bool has(const char* key) const;
  /// Whole number in [min, max].
  void integer(const char* key, int64_t& value, int64_t min, int64_t max);
  /// Number in [min, max].
  void number(const char* key, double& value, double min, double max);
  void boolean(const char* key, bool& value);
  /// A text that is not empty.
  void text(const char* key, std::string& value);
  /// One of `words`; returns its index, or `standard` when the key is absent.
  int choice(const char* key, std::initializer_list<const char*> words, int standard);
  /// A list of texts; a bare text counts as a list of one.
  void texts(const char* key, std::vector<std::string>& values);
  /// The mapping or list below; nullptr when absent.
  const RecipeValue* mapping(const char* key);
  const RecipeValue* list(const char* key);
  /// Whatever stands there.
  const RecipeValue* any(const char* key);

  /// Throws for the first key that nobody asked for.
  void finish() const;
  /// Throws InputError "<file:line>: <key> <what>", or UsageError of a --set.
  [[noreturn]] void fail(const char* key, std::string_view what) const;
  const std::string& path() const { return path_; }

 private:
  const RecipeValue* ask(const char* key);
  void check_misspelt(const char* key) const;

  const RecipeValue* mapping_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace owl3
