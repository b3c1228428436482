#include "cli/chat/likelihood_options.h"

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "program/number_option.h"

namespace owl3::cli {

void add_likelihood_options(CLI::App& command, GenerationChoices& choices, const char* group) {
  command
      .add_option("--logprobs", choices.logprobs,
                  "Tell how likely each token of the answer was, and the N likeliest in its place")
      ->transform(whole_number(0, kMaxLikeliest))
      ->type_name("N")
      ->group(group);
  command
      .add_flag("--choice-probs", choices.choice_probs,
                "Tell how likely each of --choices was, as the whole answer")
      ->group(group);
}

void check_likelihood_options(const GenerationChoices& choices, const FormArguments& form,
                              bool is_loaded) {
  if (choices.choice_probs && !form.choices && !is_loaded) throw UsageError(kChoicesMissing);
  if (!choices.logprobs) return;
  const bool samples = choices.temperature || choices.top_k || choices.top_p || choices.min_p;
  const bool beams = choices.num_beams ? *choices.num_beams > 1
                                       : choices.preset == "beam" && !choices.greedy && !samples;
  if (beams) {
    throw UsageError("--logprobs: beam search tells no probabilities of tokens; use --num-beams 1");
  }
}

}  // namespace owl3::cli
