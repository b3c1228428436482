// What `owl3 chat` tells of how likely an answer was: lines for people, JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "owl3/chat.h"

namespace owl3::cli {

/// The choices, the likeliest first, and the answer's tokens, a line each; nothing where nobody
/// asked.
std::string likelihood_text(const Answer& answer);

/// "choices" and "choice_logprobs", where they were asked for, and "logprobs".
void add_likelihoods(nlohmann::ordered_json& json, const Answer& answer, bool has_logprobs);

}  // namespace owl3::cli
