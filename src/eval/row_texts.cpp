#include "eval/row_texts.h"

#include "eval/scoring.h"
#include "text/user_marks.h"

namespace owl3 {

int64_t image_marks_in(std::string_view text) {
  return count_user_marks(text, kUserImageMark);
}

std::string_view behind_image_marks(std::string_view text) {
  size_t behind = 0;
  for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, mark->end())) {
    if (mark->places_medium()) behind = mark->end();
  }
  return text.substr(behind);
}

std::vector<std::string> text_list(const nlohmann::json& row, const JsonReader& reader,
                                   const char* key) {
  std::vector<std::string> texts;
  const auto list = row.find(key);
  if (list == row.end() || list->is_null()) return texts;
  if (!list->is_array()) reader.fail(key, "must be a list of texts");
  for (const auto& entry : *list) {
    if (!entry.is_string() || words_of(entry.get<std::string>()).empty()) {
      reader.fail(key, "must be a list of texts");
    }
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

}  // namespace owl3
