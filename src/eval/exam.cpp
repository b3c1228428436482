#include "eval/exam.h"

namespace owl3 {

std::string_view name_of(Pointing pointing) {
  return pointing == Pointing::kContent ? "content" : "number";
}

std::optional<Pointing> pointing_of(std::string_view name) {
  if (name == name_of(Pointing::kContent)) return Pointing::kContent;
  if (name == name_of(Pointing::kNumber)) return Pointing::kNumber;
  return std::nullopt;
}

}  // namespace owl3
