// Every rule by which the official evaluation reads replies, by name: as its golden data hold them,
// one reply at a time.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// What a rule makes of one reply.
struct RuleResult {
  nlohmann::ordered_json answer;   // null: no answer, counted wrong
  nlohmann::ordered_json details;  // what it was compared with: an object of the golden data's keys
};

/// Applies the rule that `reply_case` names ("rule") to its reply ("raw") and what else the rule
/// looks at ("options", "reference", "twice"). Throws InputError where there is no such rule, a
/// field is missing, or the rule has no answer.
RuleResult apply_answer_rule(const nlohmann::ordered_json& reply_case, Compatibility mode);

}  // namespace owl3
