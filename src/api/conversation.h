// A conversation: what a Chat is inside.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/asking.h"
#include "api/impl.h"
#include "api/prompt_folder.h"
#include "api/question.h"
#include "owl3/chat.h"

namespace owl3 {

struct Chat::Impl {
  Impl(Model model_in, ChatOptions options_in);

  Owl3Model& owl3() const { return Internals::of(model).model; }
  const Tokenizer& tokenizer() const { return Internals::of(model).tokenizer; }

  PromptBuilder new_prompt() const;
  /// The conversation's images and, behind them, those of `media` at their tokens.
  std::vector<PlacedImage> placed_images(const PromptBuilder& with_question,
                                         const std::vector<Medium>& media) const;
  /// The user's text as the prompt writes it.
  std::string with_marks(const std::string& text, const std::vector<QuestionMedium>& media,
                         int64_t images_before) const;
  std::string with_marks(const std::string& text, const std::vector<Medium>& media) const;
  /// Throws UsageError while an Engine answers a question of the conversation.
  void check_idle() const;

  /// Begins to ask. Nothing of the conversation changes until settle().
  std::shared_ptr<Asking> start(const std::string& text, const std::vector<Medium>& media,
                                const GenerationOptions& generation, Asking::Watchers watchers);
  /// Makes the question and its answer a part of the conversation, once the asking has ended.
  /// Throws what went wrong; the conversation is then as it was before.
  Answer settle(Asking& asking);

  Answer ask(const std::string& text, const std::vector<Medium>& media,
             const GenerationOptions& generation, const TextCallback& on_text,
             const ProgressCallback& progress);
  void check(const std::vector<PlannedTurn>& turns) const;
  void add_exchange(const std::string& question, const std::vector<Medium>& media,
                    const std::string& answer);

  Evidence why(const EvidenceOptions& evidence, const ProgressCallback& progress);

  /// Makes what a question has come to the conversation.
  void commit(Asking::Question&& with_answer, Sequence&& new_sequence,
              int64_t new_tokens) noexcept {
    prompt = std::move(with_answer.prompt);
    sequence = std::move(new_sequence);
    images_asked_about = with_answer.images_asked_about;
    all_media = std::move(with_answer.media);
    answer_begin = with_answer.tokens_before;
    answer_end = answer_begin + new_tokens;
  }

  Model model;
  ChatOptions options;
  PromptBuilder prompt;
  Sequence sequence;
  int64_t images_asked_about = 0;  // films are not counted, and tiles are one image
  std::vector<Medium> all_media;   // of all questions
  int64_t answer_begin = 0;        // of the prompt's tokens, those of the last answer
  int64_t answer_end = 0;
  std::atomic<bool> being_answered = false;  // by an Engine
  std::optional<PromptFolder> prompts;       // what was read in other conversations
};

}  // namespace owl3
