#include "eval/row_texts.h"

#include "eval/scoring.h"

namespace owl3 {

int64_t image_marks_in(std::string_view text) {
  int64_t count = 0;
  for (size_t at = text.find(kRowImageMark); at != text.npos;
       at = text.find(kRowImageMark, at + 1)) {
    ++count;
  }
  return count;
}

std::string_view behind_image_marks(std::string_view text) {
  const size_t last = text.rfind(kRowImageMark);
  return last == text.npos ? text : text.substr(last + kRowImageMark.size());
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
