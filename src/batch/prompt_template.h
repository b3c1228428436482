// A question with the columns of a row in it: "Is this {caption}?"
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace owl3 {

/// {name} is a column, {{ a brace; a closing brace without an opening one is itself.
class PromptTemplate {
 public:
  /// Throws UsageError for a brace that is never closed.
  explicit PromptTemplate(const std::string& text);

  /// The question about a row. What the row says is text: a mark in it places nothing. Throws
  /// InputError for a column that the row does not have.
  std::string fill(const nlohmann::ordered_json& row) const;

 private:
  struct Part {
    std::string text;
    std::string column;  // behind the text; empty at the end
  };
  std::vector<Part> parts_;
};

}  // namespace owl3
