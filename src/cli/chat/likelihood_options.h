// The options of `owl3 chat` and `owl3 batch` that ask how likely answers are.
#pragma once

#include "cli/chat/chat_options.h"

namespace owl3::cli {

void add_likelihood_options(CLI::App& command, GenerationChoices& choices, const char* group);
/// Throws UsageError where they don't fit what else is asked for. A saved conversation, which is
/// loaded later, may bring a form of its own.
void check_likelihood_options(const GenerationChoices& choices, const FormArguments& form,
                              bool is_loaded = false);

inline constexpr const char* kChoicesMissing =
    "--choice-probs: tells of choices; give them with --choices";

}  // namespace owl3::cli
