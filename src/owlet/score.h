// Whether an answer is right, by the key of its question.
#pragma once

#include <string_view>

namespace owl3 {

/// Whether the key stands in the answer as whole words, whatever the capitals; letters and digits
/// are words of their own ("owl12"). Of a list ("owl, pear") all parts, in this order. A place
/// counts only in full: "top" is not right where the answer has "top left".
bool is_right_answer(std::string_view answer, std::string_view key);

}  // namespace owl3
