// The cases of the official evaluation's golden data, each kind as a function: what this program
// gives for one.
#pragma once

#include <nlohmann/json.hpp>

#include "benchmarks/compatibility.h"

namespace owl3 {

/// This program's result of a case.
struct CaseResult {
  nlohmann::ordered_json result;  // what stands under "official"
  nlohmann::ordered_json more =
      nlohmann::ordered_json::object();  // what may stand beside it, by key
};

using CaseFunction = CaseResult (*)(const nlohmann::ordered_json& golden_case, Compatibility mode);

// All throw InputError, where the case asks for what has no result.

CaseResult answer_case(const nlohmann::ordered_json& golden_case, Compatibility mode);
CaseResult metrics_case(const nlohmann::ordered_json& golden_case, Compatibility mode);
CaseResult frames_case(const nlohmann::ordered_json& golden_case, Compatibility mode);
CaseResult prompt_case(const nlohmann::ordered_json& golden_case, Compatibility mode);
CaseResult output_case(const nlohmann::ordered_json& golden_case, Compatibility mode);
/// "position" is the case's place in the file.
CaseResult plan_case(const nlohmann::ordered_json& golden_case, Compatibility mode);
CaseResult submission_case(const nlohmann::ordered_json& golden_case, Compatibility mode);

}  // namespace owl3
