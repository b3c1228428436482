// The generation loop: prefill in chunks, then a token at a time, or beam search.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/owl3_model.h"
#include "owl3/options.h"

namespace owl3 {

/// Tokens per prefill step: bounds the memory of activations, whatever the prompt's length.
inline constexpr int64_t kPrefillChunk = 512;

/// Called after every prefill chunk, and with an unchanged count between the layers of one, with
/// the tokens done and their total; false interrupts.
using PrefillProgress = std::function<bool(int64_t done, int64_t total)>;

/// Reads the ids behind those in the sequence's cache and returns the logits of the last one,
/// float32 [V]. Images must have been placed in the sequence. On Interrupted, whole chunks stay in
/// the cache. Throws UsageError when the tokens would not fit the model's context.
Tensor prefill(Owl3Model& model, Sequence& sequence, std::span<const int32_t> ids,
               const PrefillProgress& progress = {});

struct GenerationRequest {
  std::span<const int32_t> prompt;   // all ids of the conversation, for the repetition penalty
  std::vector<int32_t> stop_tokens;  // end the answer and are not part of it
  GenerationOptions options;
  /// Called with every token of the answer as it is decided; false ends the answer with that token.
  /// With beam search, called for the whole answer at its end.
  std::function<bool(int32_t token)> on_token;
  /// Asked between tokens and between layers: false ends the answer with what is decided.
  std::function<bool()> between_steps;
};

enum class GenerationEnd { kStopToken, kCallback, kLength };

struct Generated {
  std::vector<int32_t> ids;  // without the stop token
  GenerationEnd end = GenerationEnd::kStopToken;
};

/// Generates behind a prefilled prompt; `logits` are those of its last token. Afterwards the
/// sequence holds the answer's tokens but perhaps the last ones, which were never read. What a
/// callback throws comes out, with the tokens read until then in the sequence.
Generated generate(Owl3Model& model, Sequence& sequence, Tensor logits,
                   const GenerationRequest& request);

/// How long an answer may get: the options' limit, or what is left of the context.
int64_t answer_limit(const Owl3Model& model, const Sequence& sequence,
                     const GenerationOptions& options);
bool is_stop_token(const GenerationRequest& request, int32_t token);

/// Beam search as Hugging Face's generate does it (length_penalty 1, early_stopping false): called
/// by generate() when num_beams > 1. Afterwards the sequence holds the prompt and as much of the
/// answer as an open beam had read of it; it is left as it was when the search throws.
Generated beam_search(Owl3Model& model, Sequence& sequence, const Tensor& logits,
                      const GenerationRequest& request);

}  // namespace owl3
