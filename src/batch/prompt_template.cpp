#include "batch/prompt_template.h"

#include "core/error.h"
#include "text/user_marks.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

std::string value_text(const Json& value) {
  if (value.is_null()) return {};
  const std::string text = value.is_string()
                               ? value.get<std::string>()
                               : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return without_marks(text);
}

}  // namespace

PromptTemplate::PromptTemplate(const std::string& text) {
  parts_.emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
    if ((text[i] == '{' || text[i] == '}') && doubled) {
      parts_.back().text += text[i++];
    } else if (text[i] == '{') {
      const size_t end = text.find('}', i);
      if (end == text.npos || end == i + 1) {
        throw UsageError(
            "-p: a brace begins the name of a column, {caption}, which ends with another; write "
            "{{ for a brace");
      }
      parts_.back().column = text.substr(i + 1, end - i - 1);
      parts_.emplace_back();
      i = end;
    } else {
      parts_.back().text += text[i];
    }
  }
}

std::string PromptTemplate::fill(const Json& row) const {
  std::string question;
  for (const Part& part : parts_) {
    question += part.text;
    if (part.column.empty()) continue;
    const auto value = row.find(part.column);
    if (value == row.end()) {
      throw InputError(
          fmt::format("the row has no column \"{}\", which the question names", part.column));
    }
    question += value_text(*value);
  }
  return question;
}

}  // namespace owl3
