// How likely tokens and texts were, as JSON: the server, the command line and files of answers tell
// it alike.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "owl3/chat.h"

namespace owl3 {

/// As OpenAI has it, a list: each token with "logprob", "bytes" and the likeliest in its place,
/// "top_logprobs". A token that is part of a character is no UTF-8: dump() is to replace that.
nlohmann::ordered_json logprobs_of(std::span<const ScoredToken> tokens);

/// {"yes": 0.93, "no": 0.07}: what each has of all.
nlohmann::ordered_json probabilities_of(std::span<const ScoredText> texts);
/// {"yes": -0.21, "no": -2.8}: its own logarithm of probability.
nlohmann::ordered_json text_logprobs_of(std::span<const ScoredText> texts);

}  // namespace owl3
