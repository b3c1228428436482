// A conversation about images and films.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "owl3/evidence.h"
#include "owl3/export.h"
#include "owl3/visual_memory.h"

namespace owl3 {

enum class StopReason {
  kEndOfAnswer,  // the model ended it
  kStopString,   // one of GenerationOptions::stop came
  kLength,       // max_new_tokens or the context's end
  kInterrupted,  // the callback asked to stop
};

/// A token that an answer has, or could have had in that place.
struct LikelyToken {
  int32_t token = 0;
  std::string bytes;   // its text, not always of whole characters
  double logprob = 0;  // natural logarithm of its probability, whatever the sampling's options
};

struct ScoredToken {
  LikelyToken written;
  std::vector<LikelyToken> likeliest;  // in its place, itself perhaps among them, in that order
};

/// How likely the model holds a text for the whole answer.
struct ScoredText {
  std::string text;
  /// Natural logarithm of the probability of its tokens, as the tokenizer cuts it, and of the
  /// answer's end behind them, whatever the sampling's options and the answer's form.
  double logprob = 0;
  double probability = 0;  // that it is this one, if it is one of the scored: they sum to 1
};

struct Answer {
  std::string text;
  StopReason stop_reason = StopReason::kEndOfAnswer;
  int64_t prompt_tokens = 0;     // of the whole conversation so far
  int64_t prefilled_tokens = 0;  // of those, computed for this answer
  int64_t new_tokens = 0;
  double first_token_seconds = 0;  // from the question to the first token
  double prefill_seconds = 0;
  double decode_seconds = 0;
  std::optional<Evidence> evidence{};      // where GenerationOptions::evidence asked for it
  std::vector<ScoredToken> likelihoods{};  // of its tokens, where GenerationOptions::likeliest did
  /// Of GenerationOptions::scored_texts, in their order; none where it was interrupted before.
  std::vector<ScoredText> scored_texts{};
};

/// Receives the answer's text as it comes, in whole characters; return false to stop.
using TextCallback = std::function<bool(std::string_view text)>;

struct ChatOptions {
  std::string system;  // system message; empty: the official empty one
  /// Images that stand before a question (without marks in it) get their numbers in the
  /// conversation, "<image>1<image>2", instead of a line each. A single one at its beginning does
  /// not. Not given: as the checkpoint was taught; the released ones were not.
  std::optional<bool> number_images{};
  /// Control tokens written out in questions, answers and the system message (<|im_end|>, ...) work
  /// as such, as in the official code, rather than being read as the characters they are. For
  /// evaluations that must see the same ids; never for text from people one does not know.
  bool control_tokens = false;
  /// Where what was read of long first questions is kept: a further question about the same many
  /// images, in a later process too, then reads its own few tokens. Not given: nowhere. The answer
  /// is the same bit for bit.
  std::filesystem::path prompt_folder{};
  /// Bytes of the files in it, at most: those not used for longest make way.
  int64_t prompt_folder_budget_bytes = 10'000'000'000;
};

/// A question with its answer, which the last of several may be without. Its media need not be
/// encoded yet.
struct PlannedTurn {
  std::string question;
  std::vector<MediumPlan> media;
  std::optional<std::string> answer{};
};

/// A conversation: what was said stays in the text cache, so a further question computes only its
/// own tokens. Not copyable; several may share a model and media, and be used by as many threads:
/// their answers are then written together (owl3/engine.h), each as if it were alone. One Chat is
/// used by one thread at a time. Of one that was moved from, only assignment and destruction may
/// follow.
class OWL3_API Chat {
 public:
  explicit Chat(Model model, ChatOptions options = {});
  Chat(Chat&&) noexcept;
  Chat& operator=(Chat&&) noexcept;
  ~Chat();

  /// Asks, with media. Each <image> and <video> in the text stands for the next image or video of
  /// `media`; where the text has none of them, every medium stands before it on a line of its own,
  /// or numbered (ChatOptions::number_images). Throws UsageError when marks and media don't fit, a
  /// medium was encoded by another model, or the context is full, and Busy when too many questions
  /// wait. Whatever is thrown, by a callback or for want of memory too, the conversation is as it
  /// was before. Callbacks are called by the thread that asks.
  Answer ask(const std::string& text, const std::vector<Medium>& media,
             const GenerationOptions& options, const TextCallback& on_text = {},
             const ProgressCallback& progress = {});

  /// The evidence of the last answer, however it came: reads the answer once more, beside what it
  /// was read from, where it was not asked for with the question. Throws UsageError when there is
  /// no answer, Interrupted when progress says so.
  Evidence why(const EvidenceOptions& options = {}, const ProgressCallback& progress = {});

  /// Throws the UsageError that ask() and add_exchange() would of these turns, one after the other:
  /// marks and media that don't fit, more than the context holds. Nothing is encoded or said.
  void check(const std::vector<PlannedTurn>& turns) const;

  /// Starts anew (the system message stays).
  void clear();
  /// Puts an exchange into the conversation without generating (few-shot examples, a saved
  /// conversation). Throws as ask() does, and leaves the conversation as it was then.
  void add_exchange(const std::string& question, const std::vector<Medium>& media,
                    const std::string& answer);

  /// Tokens of the conversation, and bytes of its text cache.
  int64_t tokens() const;
  size_t cache_bytes() const;
  /// Why something could not be kept in the prompt folder, one line, or empty.
  std::string warning() const;

 private:
  friend class Engine;
  friend class PendingAnswer;
  struct OWL3_LOCAL Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace owl3
