// A question that brings its whole conversation along, as clients of servers send it: nobody keeps
// anything between two of them but the prefix cache, by which what was read before costs nothing.
//
// An answer depends on the request alone. The prompt is read in chunks that are cut where answers
// of the assistant begin, whether those were written here or elsewhere, just now or a day ago; what
// the prefix cache has of it is whole chunks. So a first question is read as Chat::ask() reads it,
// and gets the same answer bit for bit; a later one of a Chat follows keys and values that came of
// writing the answer before, while here that answer is read as text: what differs then is rounding.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/prefix_cache.h"
#include "owl3/chat.h"
#include "owl3/engine.h"
#include "text/prompt.h"

namespace owl3 {

/// Text, or a medium: its number among those of the request.
struct MessagePart {
  std::string text;
  std::optional<size_t> medium{};
};

/// Media stand where their parts stand; nothing is written around them. Those of all messages are
/// numbered in the order in which they stand.
struct CompletionMessage {
  Role role = Role::kUser;
  std::vector<MessagePart> parts;
};

/// A text that is gone on with, or its tokens where there are any: nothing is written around it.
struct PlainPrompt {
  std::string text;
  std::vector<int32_t> tokens{};
};

/// An answer on its way. Destroyed before get(), it is cancelled and waited for.
class PendingCompletion {
 public:
  PendingCompletion(const PendingCompletion&) = delete;
  PendingCompletion& operator=(const PendingCompletion&) = delete;
  ~PendingCompletion();

  /// As PendingAnswer::cancel(). From any thread.
  void cancel() noexcept;
  bool ready() const;
  /// Waits, and throws what went wrong. What was read is kept for those who ask further. Once.
  Answer get();

 private:
  friend class Completions;
  struct Impl;
  explicit PendingCompletion(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// For one model; may be used by several threads at once.
class Completions {
 public:
  Completions(Model model, int64_t prefix_cache_bytes);

  /// Tokens of the prompt. Throws what ask() would, of what can be known before any medium is
  /// encoded: UsageError where the context is too small, a text has one of the model's own marks,
  /// or the messages are in no order the model knows.
  int64_t count_tokens(std::span<const CompletionMessage> messages,
                       std::span<const MediumPlan> media) const;
  int64_t count_tokens(const PlainPrompt& prompt) const;

  /// Throws where answers can't be held to a form, as ask() would; compiles it for that.
  void check(const AnswerForm& form) const;

  /// Throws as Engine::ask() does. Callbacks as there.
  std::unique_ptr<PendingCompletion> ask(std::span<const CompletionMessage> messages,
                                         std::span<const Medium> media,
                                         const GenerationOptions& options,
                                         AskCallbacks callbacks = {});
  /// Goes on with a text, until the model would end it.
  std::unique_ptr<PendingCompletion> ask(const PlainPrompt& prompt,
                                         const GenerationOptions& options,
                                         AskCallbacks callbacks = {});

  const Model& model() const { return model_; }
  PrefixCacheStats prefix_stats() const { return prefixes_->stats(); }

 private:
  PromptBuilder prompt_of(std::span<const CompletionMessage> messages,
                          std::vector<MediaLayout> layouts) const;
  PromptBuilder prompt_of(const PlainPrompt& prompt) const;
  std::unique_ptr<PendingCompletion> start(PromptBuilder prompt, std::span<const Medium> media,
                                           const GenerationOptions& options,
                                           AskCallbacks callbacks);

  Model model_;
  std::shared_ptr<PrefixCache> prefixes_;
};

}  // namespace owl3
