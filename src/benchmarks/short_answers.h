// What is taken from the replies of single tasks before they are compared: up to the first full
// stop, the first letter, what follows "is".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// VizWiz: up to the first full stop and comma, stripped.
std::string vizwiz_answer(std::string_view reply);

/// POPE: stripped, then up to the first full stop and comma.
std::string pope_answer(std::string_view reply);
enum class YesOrNo { kNo, kYes, kNeither };
/// Of a POPE answer or annotation.
YesOrNo yes_or_no(std::string_view answer);

/// GQA's first accuracy: what is left after "is ", "are ", "a ", "an ", "the " and before " of",
/// inside words too.
std::string gqa_answer(std::string_view reply);

/// NLVR2: up to the first full stop and comma, small, stripped.
std::string nlvr2_answer(std::string_view reply);

/// AI2D: the first character; nothing of an empty reply.
std::optional<std::string> ai2d_answer(std::string_view reply);
/// MIBench: the same, of the reply in small letters.
std::optional<std::string> mi_bench_answer(std::string_view reply);
/// NExT-QA: the first character, small; an empty reply is "x". White space in front leaves nothing
/// in the official code and is stripped otherwise; nothing of a blank reply.
std::optional<std::string> next_qa_answer(std::string_view reply, Compatibility mode);

}  // namespace owl3
