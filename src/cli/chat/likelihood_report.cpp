#include "cli/chat/likelihood_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "api/likelihood_json.h"
#include "core/counted.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

/// With quotes around it, since it may be a blank or a line's end, or a part of a character.
std::string quoted(const std::string& token) {
  using Json = nlohmann::ordered_json;
  return without_controls(Json(token).dump(-1, ' ', false, Json::error_handler_t::replace));
}

double percent(double logprob) {
  return 100 * std::exp(logprob);
}

std::string choices_text(std::vector<ScoredText> choices) {
  std::stable_sort(choices.begin(), choices.end(), [](const ScoredText& a, const ScoredText& b) {
    return a.probability > b.probability;
  });
  std::string text = "likely, of " + counted(std::ssize(choices), "choice") + ":\n";
  for (const ScoredText& choice : choices) {
    text += fmt::format("  {:5.1f} %  {}\n", 100 * choice.probability, one_line(choice.text));
  }
  return text;
}

std::string tokens_text(const std::vector<ScoredToken>& tokens) {
  std::string text = "likely, of " + counted(std::ssize(tokens), "token") + ":\n";
  for (const ScoredToken& token : tokens) {
    text +=
        fmt::format("  {:5.1f} %  {}", percent(token.written.logprob), quoted(token.written.bytes));
    for (size_t i = 0; i < token.likeliest.size(); ++i) {
      const LikelyToken& other = token.likeliest[i];
      text += fmt::format("{}{} {:.1f} %", i == 0 ? "  likeliest " : ", ", quoted(other.bytes),
                          percent(other.logprob));
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string likelihood_text(const Answer& answer) {
  std::string text;
  if (!answer.scored_texts.empty()) text += choices_text(answer.scored_texts);
  if (!answer.likelihoods.empty()) text += tokens_text(answer.likelihoods);
  return text;
}

void add_likelihoods(nlohmann::ordered_json& json, const Answer& answer, bool has_logprobs) {
  if (!answer.scored_texts.empty()) {
    json["choices"] = probabilities_of(answer.scored_texts);
    json["choice_logprobs"] = text_logprobs_of(answer.scored_texts);
  }
  if (has_logprobs) json["logprobs"] = logprobs_of(answer.likelihoods);
}

}  // namespace owl3::cli
