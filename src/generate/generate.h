// Answers, step by step: a prompt is read in chunks, then a Generation decides on tokens. Both say
// what they want read next and leave it to others when that happens, and in whose company.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "generate/likelihood.h"
#include "model/owl3_model.h"
#include "owl3/options.h"

namespace owl3 {

class AnswerConstraint;
class ConstrainedAnswer;
class TokenMask;

/// Tokens per prefill step: bounds the memory of activations, whatever the prompt's length.
inline constexpr int64_t kPrefillChunk = 512;

/// Where a prompt of so many tokens is cut to be read: behind each kPrefillChunk tokens, counted
/// from the last of the given cuts, at these, and at its end. The ends of the chunks, ascending.
std::vector<int64_t> chunk_ends(int64_t tokens, std::span<const int64_t> cuts = {});

/// A prompt being read, behind what the sequence has. The chunks depend on the ids and cuts alone.
class Prefill {
 public:
  /// Images must have been placed in the sequence; it and the ids stay where they are. `cuts` count
  /// from the conversation's beginning, ascending; the sequence ends at a chunk's end, or where
  /// there are none behind it. Throws UsageError when there is nothing to read, or more than fits
  /// the model's context.
  Prefill(const ModelConfig& config, Sequence& sequence, std::span<const int32_t> ids,
          std::span<const int64_t> cuts = {});

  bool done() const { return read_ == static_cast<int64_t>(ids_.size()); }
  int64_t tokens_read() const { return read_; }
  int64_t tokens() const { return static_cast<int64_t>(ids_.size()); }
  /// The next chunk, to be read in one step.
  SequenceRows next_rows() const;
  /// It has been read.
  void advance();

 private:
  Sequence& sequence_;
  std::span<const int32_t> ids_;
  std::vector<int64_t> ends_;  // of chunks, counted as read_
  int64_t read_ = 0;
};

/// Called after every prefill chunk, and with an unchanged count between the layers of one, with
/// the tokens done and their total; false interrupts.
using PrefillProgress = std::function<bool(int64_t done, int64_t total)>;

/// Reads all of a prompt and returns the logits of its last token, float32 [1, V]. On Interrupted,
/// whole chunks stay in the cache. Throws as Prefill does.
Tensor prefill(Owl3Model& model, Sequence& sequence, std::span<const int32_t> ids,
               const PrefillProgress& progress = {});

struct GenerationRequest {
  std::span<const int32_t> prompt;   // all ids of the conversation, for the repetition penalty
  std::vector<int32_t> stop_tokens;  // end the answer and are not part of it
  GenerationOptions options;
  /// Called with every token of the answer as it is decided; false ends the answer with that token.
  /// With beam search, called for the whole answer at its end.
  std::function<bool(int32_t token)> on_token;
  /// Called before that, of an answer whose options ask how likely its tokens were.
  std::function<void(const TokenChoice& choice)> on_choice{};
  /// The form that the answer must have, compiled for the model's tokenizer.
  std::shared_ptr<AnswerConstraint> constraint{};
  /// Texts, as tokens, whose probability as the whole answer is told: Generated::text_logprobs.
  std::vector<std::vector<int32_t>> scored_texts{};
};

enum class GenerationEnd { kStopToken, kCallback, kLength };

struct Generated {
  std::vector<int32_t> ids;  // without the stop token
  GenerationEnd end = GenerationEnd::kStopToken;
  std::vector<double> text_logprobs{};  // of the scored texts; none where it was stopped before
  /// Of the prompt's last token, where its turn asks for them (ScheduledTurn); float32 [1, V].
  Tensor prompt_logits{};
};

/// An answer being written, behind a prompt that has been read.
class Generation {
 public:
  virtual ~Generation() = default;

  bool ended() const { return ended_; }
  /// Adds what is to be read next to a step: a token of each of its sequences, at least one unless
  /// it has ended. Called again before take(), it adds the same.
  virtual void add_rows(std::vector<SequenceRows>& step) = 0;
  /// Decides on the logits of what was read, float32 [rows, V], which may be changed; at first on
  /// those of the prompt's last token. What the request's callback throws comes out.
  virtual void take(Tensor logits) = 0;
  /// Ends it here: what is decided stands.
  virtual void stop() = 0;
  /// What was written; it has ended. The prompt's sequence then holds the answer's tokens but
  /// perhaps the last ones, which were never read.
  virtual Generated finish() = 0;

 protected:
  bool ended_ = false;
};

/// Sampling or, when num_beams > 1, beam search as Hugging Face's generate does it (length_penalty
/// 1, early_stopping false), with the request's texts scored beside it. The sequence holds the
/// prompt and stays where it is until the answer is finished, as do the request's ids. Throws
/// UsageError for options that make no sense.
std::unique_ptr<Generation> make_generation(const ModelConfig& config, Sequence& sequence,
                                            GenerationRequest request);

/// How long an answer may get: the options' limit, or what is left of the context.
int64_t answer_limit(const ModelConfig& config, const Sequence& sequence,
                     const GenerationOptions& options);
bool is_stop_token(const GenerationRequest& request, int32_t token);
/// What may come next in the answer's form: stop tokens when it is complete, and only then. Throws
/// InputError when the vocabulary has no token to go on with.
TokenMask allowed_tokens(const GenerationRequest& request, ConstrainedAnswer& form);

std::unique_ptr<Generation> make_beam_search(const ModelConfig& config, Sequence& sequence,
                                             GenerationRequest request);

}  // namespace owl3
