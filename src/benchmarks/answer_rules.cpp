#include "benchmarks/answer_rules.h"

#include <optional>
#include <utility>
#include <vector>

#include "benchmarks/choice_answers.h"
#include "benchmarks/llava_answers.h"
#include "benchmarks/python_text.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/short_answers.h"
#include "benchmarks/vqa_answers.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::optional<std::string>& answer) {
  return answer ? Json(*answer) : Json(nullptr);
}

const char* name_of(YesOrNo answer) {
  return answer == YesOrNo::kYes ? "yes" : answer == YesOrNo::kNo ? "no" : "neither";
}

RuleResult choice(const Json& row, const std::string& raw, int times) {
  const LlavaComparison compared = compare_choice(raw, text_field(row, "reference"), times);
  return {compared.prediction,
          {{"reference_official", compared.reference}, {"correct", compared.correct()}}};
}

RuleResult rouge(const Json& row, const std::string& raw, Compatibility mode) {
  const LlavaRouge compared = compare_open(raw, text_field(row, "reference"), mode);
  Json details = Json::object();
  // The golden data have the texts that the official code compares.
  if (mode == Compatibility::kOfficial) {
    details["normalised"] = {compared.prediction, compared.reference};
  }
  return {compared.score ? Json(*compared.score) : Json("skipped"), std::move(details)};
}

RuleResult pope(const std::string& raw) {
  const std::string answer = pope_answer(raw);
  return {answer, {{"label", name_of(yes_or_no(answer))}}};
}

/// The official code ends in an error where there is no first character.
RuleResult first_letter(const std::optional<std::string>& answer, Compatibility mode) {
  if (!answer && mode == Compatibility::kOfficial) {
    throw InputError("the reply has no first character to compare");
  }
  return {json_of(answer), Json::object()};
}

using Rule = RuleResult (*)(const Json& row, const std::string& raw, Compatibility mode);

constexpr std::pair<const char*, Rule> kRules[] = {
    {"evalai",
     [](const Json&, const std::string& raw, Compatibility mode) -> RuleResult {
       return {evalai_answer(raw, mode), Json::object()};
     }},
    {"evalai_punctuation",
     [](const Json&, const std::string& raw, Compatibility mode) -> RuleResult {
       return {remove_punctuation(raw, CommaRule::kEvalAi, mode), Json::object()};
     }},
    {"evalai_digits_articles",
     [](const Json&, const std::string& raw, Compatibility) -> RuleResult {
       return {digits_and_articles(raw), Json::object()};
     }},
    {"vqa_eval_reply",
     [](const Json&, const std::string& raw, Compatibility mode) -> RuleResult {
       return {vqa_answer(python::strip(raw), mode), Json::object()};
     }},
    {"vqa_eval_reference",
     [](const Json&, const std::string& raw, Compatibility mode) -> RuleResult {
       return {remove_punctuation(raw, CommaRule::kVqa, mode), Json::object()};
     }},
    {"strip",
     [](const Json&, const std::string& raw, Compatibility) -> RuleResult {
       return {std::string(python::strip(raw)), Json::object()};
     }},
    {"vizwiz",
     [](const Json&, const std::string& raw, Compatibility) -> RuleResult {
       return {vizwiz_answer(raw), Json::object()};
     }},
    {"pope", [](const Json&, const std::string& raw, Compatibility) { return pope(raw); }},
    {"gqa",
     [](const Json&, const std::string& raw, Compatibility) -> RuleResult {
       return {gqa_answer(raw), Json::object()};
     }},
    {"ai2d", [](const Json&, const std::string& raw,
                Compatibility mode) { return first_letter(ai2d_answer(raw), mode); }},
    {"nlvr2",
     [](const Json&, const std::string& raw, Compatibility) -> RuleResult {
       return {nlvr2_answer(raw), Json::object()};
     }},
    {"next_qa", [](const Json&, const std::string& raw,
                   Compatibility mode) { return first_letter(next_qa_answer(raw, mode), mode); }},
    {"mi_bench", [](const Json&, const std::string& raw,
                    Compatibility mode) { return first_letter(mi_bench_answer(raw), mode); }},
    {"mmbench",
     [](const Json& row, const std::string& raw, Compatibility mode) -> RuleResult {
       return {mmbench_answer(raw, texts_field(row, "options"), mode), Json::object()};
     }},
    {"q_bench2",
     [](const Json&, const std::string& raw, Compatibility) -> RuleResult {
       return {q_bench2_answer(raw), Json::object()};
     }},
    {"llava_normalise",
     [](const Json&, const std::string& raw, Compatibility mode) -> RuleResult {
       const std::string once = llava_answer(raw, mode);
       return {once, {{"twice", llava_answer(once, mode)}}};
     }},
    {"llava_choice",
     [](const Json& row, const std::string& raw, Compatibility) { return choice(row, raw, 2); }},
    {"llava_image_choice",
     [](const Json& row, const std::string& raw, Compatibility) { return choice(row, raw, 1); }},
    {"rouge_l", rouge},
    {"videomme",
     [](const Json&, const std::string& raw, Compatibility mode) -> RuleResult {
       return {videomme_answer(raw, mode), Json::object()};
     }},
    {"check_answer",
     [](const Json& row, const std::string& raw, Compatibility mode) -> RuleResult {
       return {agrees_with_option(raw, text_field(row, "reference"), mode), Json::object()};
     }},
};

}  // namespace

RuleResult apply_answer_rule(const Json& reply_case, Compatibility mode) {
  const std::string name = text_field(reply_case, "rule");
  for (const auto& [known, rule] : kRules) {
    if (name == known) return rule(reply_case, text_field(reply_case, "raw"), mode);
  }
  throw InputError(fmt::format("there is no rule \"{}\"", name));
}

}  // namespace owl3
