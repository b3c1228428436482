// What a prompt is made of beside its words: how media stand in it, and which tokens end an answer.
#pragma once

#include <span>
#include <vector>

#include "api/impl.h"
#include "text/prompt.h"

namespace owl3 {

std::vector<MediaLayout> layouts_of(std::span<const Medium> media);
std::vector<MediaLayout> layouts_of(std::span<const MediumPlan> media);

/// Throws UsageError where one was encoded by another model: that one, or the same under other
/// adapters, sees an image differently.
void check_owner(std::span<const Medium> media, const Model& model);

/// Throws InputError where one of a memory file is damaged: it would answer something else.
void check_whole(std::span<const Medium> media);

/// The checkpoint's, and those that the prompt's format has.
std::vector<int32_t> stop_tokens(const Internals::LoadedModel& model);

/// The texts that are to be scored behind a prompt of so many tokens, as tokens. Throws UsageError
/// where one doesn't fit the model's context.
std::vector<std::vector<int32_t>> scored_texts(const Internals::LoadedModel& model,
                                               const GenerationOptions& options,
                                               int64_t prompt_tokens,
                                               ControlTokens control_tokens = ControlTokens::kText);

/// Throws ContextExceeded where a prompt of so many tokens leaves the model's context no room for
/// an answer.
void check_context(int64_t tokens, const Model& model);

}  // namespace owl3
