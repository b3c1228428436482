// A question on its way: tokens come from the computing thread, text goes to the caller.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/prompt_read.h"
#include "engine/scheduler.h"
#include "owl3/chat.h"
#include "text/prompt.h"
#include "text/stream.h"
#include "text/tokenizer.h"

namespace owl3 {

/// An answer's text: tokens in, whole characters up to a stop string out.
class AnswerText {
 public:
  AnswerText(const Tokenizer& tokenizer, const std::vector<std::string>& stops)
      : tokenizer_(tokenizer), stops_(stops) {}

  /// What there is to show since the last call.
  std::string add(int32_t token);
  std::string finish();
  bool stopped() const { return stops_.stopped(); }

 private:
  const Tokenizer& tokenizer_;
  Utf8Stream utf8_;
  StopStrings stops_;
};

class Asking final : public TurnListener {
 public:
  using Clock = std::chrono::steady_clock;

  /// For a caller that doesn't wait: called by the computing thread.
  struct Watchers {
    TextCallback on_text;
    std::function<void(int64_t done, int64_t total)> on_prefill;
    std::function<void()> on_done;
    std::function<void(const ScoredToken& token)> on_likelihood{};
  };

  /// What a conversation is with its question.
  struct Question {
    PromptBuilder prompt;
    int64_t tokens_before = 0;  // of the prompt, that its sequence held already
    int64_t images_asked_about = 0;
    std::vector<Medium> media;
  };

  /// What becomes of a conversation.
  struct Outcome {
    Question with_answer;  // whose tokens before are the question's too
    Sequence sequence;
    std::vector<int32_t> answer_ids;
    Answer answer;
    Tensor prompt_logits{};  // where its turn keeps them
  };

  Asking(const Tokenizer& tokenizer, std::vector<std::string> stops, Question question,
         Watchers watchers);

  /// Waits for the end; calls these callbacks in this thread, on_text with an empty piece now and
  /// then. Throws what they throw, and Interrupted when progress says no.
  void follow(const TextCallback& on_text, const ProgressCallback& progress);

  std::optional<EvidenceOptions> evidence;  // what is to be told of it, once it has ended
  std::vector<std::string> scored_texts;    // as the turn has them in tokens
  std::optional<PromptRead> first_prompt;   // of a conversation that keeps what it reads

  void cancel() noexcept { cancelled_ = true; }
  bool ended() const;
  void wait() const;
  bool wait_until(Clock::time_point when) const;
  /// What a watcher threw, which is the caller's own.
  std::exception_ptr thrown_by_watcher() const { return thrown_by_watcher_; }
  /// Once, when it has ended. Throws what went wrong.
  Outcome outcome();

  bool cancelled() const noexcept override { return cancelled_; }
  void on_prefill(int64_t tokens, int64_t total) override;
  void on_choice(const TokenChoice& choice) override;
  bool on_token(int32_t token) override;
  void on_end(Generated answer, Sequence sequence) noexcept override;
  void on_failure(std::exception_ptr failure) noexcept override;

 private:
  struct Piece {
    std::string text;
    size_t tokens = 0;  // of the answer, up to here
    bool last = false;  // what the answer's end has set free: nothing ends with it
  };
  struct News {
    std::optional<Piece> piece;
    int64_t prefilled = 0;
    bool ended = false;
  };

  LikelyToken likely_token(const TokenLikelihood& likelihood) const;
  bool show(Piece piece);
  News next_news();
  void end() noexcept;
  void cut_to_what_was_shown();

  const Tokenizer& tokenizer_;
  const std::vector<std::string> stops_;
  const Watchers watchers_;
  std::atomic<bool> cancelled_ = false;

  // Of the computing thread until the end, then of who waits for it.
  Question question_;
  AnswerText shown_;
  std::string text_;
  bool stopped_ = false;  // by a stop string
  size_t tokens_ = 0;
  std::vector<ScoredToken> likelihoods_;
  std::optional<Sequence> sequence_;
  Generated generated_;
  std::exception_ptr failure_;
  std::exception_ptr thrown_by_watcher_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point prefilled_at_ = start_;
  Clock::time_point first_token_at_ = start_;
  Clock::time_point ended_at_ = start_;

  // Of the follower: the tokens after which it wanted no more; what it knows of the prompt.
  std::optional<size_t> refused_at_;
  int64_t told_prefilled_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Piece> pieces_;
  int64_t prefilled_ = 0;
  int64_t to_prefill_ = 0;
  bool ended_ = false;
};

}  // namespace owl3
