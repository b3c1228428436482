#include "api/prompt_parts.h"

#include "api/context_exceeded.h"

namespace owl3 {

std::vector<MediaLayout> layouts_of(std::span<const Medium> media) {
  std::vector<MediaLayout> layouts;
  for (const Medium& medium : media) layouts.push_back(Internals::of(medium).layout);
  return layouts;
}

std::vector<MediaLayout> layouts_of(std::span<const MediumPlan> media) {
  std::vector<MediaLayout> layouts;
  for (const MediumPlan& medium : media) {
    if (medium.is_video) {
      layouts.emplace_back(VideoLayout{medium.frames});
    } else {
      layouts.emplace_back(ImageLayout{medium.rows, medium.cols});
    }
  }
  return layouts;
}

void check_owner(std::span<const Medium> media, const Model& model) {
  for (const Medium& medium : media) {
    if (&Internals::of(Internals::of(medium).model) == &Internals::of(model)) continue;
    throw UsageError(fmt::format("{}: encoded by another model than the conversation's",
                                 medium.path().string()));
  }
}

void check_whole(std::span<const Medium> media) {
  for (const Medium& medium : media) {
    const std::vector<std::string> damage = medium.damage();
    if (!damage.empty()) throw InputError(damage.front());
  }
}

std::vector<int32_t> stop_tokens(const Internals::LoadedModel& model) {
  std::vector<int32_t> ids = model.model.checkpoint().generation_config().eos_token_id;
  for (const std::string_view name : {"<|im_end|>", "<|endoftext|>"}) {
    if (const auto id = model.tokenizer.id_of_added_token(name)) ids.push_back(*id);
  }
  return ids;
}

std::vector<std::vector<int32_t>> scored_texts(const Internals::LoadedModel& model,
                                               const GenerationOptions& options,
                                               int64_t prompt_tokens,
                                               ControlTokens control_tokens) {
  const int64_t room = model.model.config().max_position_embeddings - prompt_tokens;
  std::vector<std::vector<int32_t>> texts;
  for (const std::string& text : options.scored_texts) {
    texts.push_back(control_tokens == ControlTokens::kRecognised
                        ? model.tokenizer.encode(text)
                        : model.tokenizer.encode_words(text));
    if (std::ssize(texts.back()) <= room) continue;
    throw UsageError(
        fmt::format("a text whose probability is asked for has {} tokens, but behind the question "
                    "the model's context has room for {}",
                    texts.back().size(), room));
  }
  return texts;
}

void check_context(int64_t tokens, const Model& model) {
  if (tokens < model.context_length()) return;
  throw ContextExceeded(
      fmt::format("the conversation would have {} tokens, but the model's context holds {}; "
                  "start anew, or ask less at once: fewer images, or a shorter text",
                  tokens, model.context_length()));
}

}  // namespace owl3
