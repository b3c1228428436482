// Which of a question's options a reply names, by the rules of the benchmarks with choices.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// Q-Bench2: of E to A the first that stands as a capital, alone, before one of ".,:)" or at the
/// end; "X" where none does.
std::string q_bench2_answer(std::string_view reply);

/// MMBench: the same, then the first option that contains the reply or is contained in it, small
/// letters both. A blank reply is contained in an option officially, and "X" otherwise.
std::string mmbench_answer(std::string_view reply, const std::vector<std::string>& options,
                           Compatibility mode);

/// Video-MME: the first capital A to D, in whatever word, after some phrases are taken out; "A"
/// where there is none.
std::string videomme_answer(std::string_view reply, Compatibility mode);

/// LongVideoBench and MVBench: whether the reply agrees with the reference "B. text": its first
/// word is contained in "b.", or the text is contained in what follows the first blank. Officially
/// an empty first word, as of a blank in front, is contained in every reference; else the first
/// word is that of the stripped reply, and an empty one matches none. Throws InputError where the
/// reference has no text.
bool agrees_with_option(std::string_view reply, std::string_view reference, Compatibility mode);

}  // namespace owl3
