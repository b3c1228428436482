// Whether a reply is right, and how sure a share of right ones is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/exam.h"

namespace owl3 {

/// A text's words in small letters, without a, an, the.
std::vector<std::string> words_of(std::string_view text);
/// Whether `part` stands in `words`, in one run.
bool has_words(const std::vector<std::string>& words, const std::vector<std::string>& part);

/// Which option the reply names, by its words or, where the question letters them, by its letter.
/// Of options that are part of each other ("dog", "hot dog") the longest at a place counts. What a
/// reply repeats of the question, as the right sentence does before its answer ("The ground behind
/// the brown cross is"), names none. Nothing when it names none, or several.
std::optional<size_t> named_option(const std::string& reply, const Ask& ask);

/// With options, whether it names the right one alone; without, whether it has the answer's words.
bool is_right(const std::string& reply, const Ask& ask);

struct Interval {
  double low = 0;
  double high = 1;
};
/// Wilson's 95 % interval for the share behind `right` of `total`.
Interval confidence_interval(int64_t right, int64_t total);

}  // namespace owl3
