#include "generate/generate.h"

#include <algorithm>

#include "generate/sampler.h"

namespace owl3 {

namespace {

void check_context(const Owl3Model& model, const Sequence& sequence, size_t new_tokens) {
  const int64_t tokens = sequence.cache.length() + static_cast<int64_t>(new_tokens);
  const int64_t context = model.config().max_position_embeddings;
  if (tokens <= context) return;
  throw UsageError(
      fmt::format("the conversation has {} tokens, but the model's context ends at {}: shorten it "
                  "or use fewer images",
                  tokens, context));
}

// Reads one token. -> float32 [V]
Tensor next_logits(Owl3Model& model, Sequence& sequence, int32_t token,
                   const KeepGoing& keep_going) {
  const SequenceRows rows = {sequence, {&token, 1}};
  const Tensor logits = model.decoder().next_logits({&rows, 1}, keep_going);
  return logits.reshaped({logits.size()});
}

}  // namespace

int64_t answer_limit(const Owl3Model& model, const Sequence& sequence,
                     const GenerationOptions& options) {
  const int64_t left = model.config().max_position_embeddings - sequence.cache.length();
  return std::clamp<int64_t>(left, 0, options.max_new_tokens);
}

bool is_stop_token(const GenerationRequest& request, int32_t token) {
  const std::vector<int32_t>& stops = request.stop_tokens;
  return std::find(stops.begin(), stops.end(), token) != stops.end();
}

Tensor prefill(Owl3Model& model, Sequence& sequence, std::span<const int32_t> ids,
               const PrefillProgress& progress) {
  if (ids.empty()) throw UsageError("there is no token to read: the prompt is empty");
  check_context(model, sequence, ids.size());
  const auto total = static_cast<int64_t>(ids.size());
  Tensor hidden;  // of the last chunk
  for (int64_t done = 0; done < total;) {
    const int64_t chunk = std::min(kPrefillChunk, total - done);
    KeepGoing keep_going;
    if (progress) keep_going = [&] { return progress(done, total); };
    hidden = model.decoder().forward(
        sequence, ids.subspan(static_cast<size_t>(done), static_cast<size_t>(chunk)), keep_going);
    done += chunk;
    if (progress && !progress(done, total))
      throw Interrupted("interrupted while reading the prompt");
  }
  const Tensor logits = model.decoder().logits(hidden.rows(hidden.dim(0) - 1, hidden.dim(0)));
  model.checkpoint().check_unchanged();
  return logits.reshaped({logits.size()});
}

namespace {

// A token at a time.
Generated sample(Owl3Model& model, Sequence& sequence, Tensor logits,
                 const GenerationRequest& request) {
  Sampler sampler(request.options);
  const int64_t limit = answer_limit(model, sequence, request.options);
  std::vector<int32_t> seen(request.prompt.begin(), request.prompt.end());
  Generated answer{{}, GenerationEnd::kLength};
  bool refused = false;  // tells an end that between_steps asked for from what a callback throws
  const KeepGoing keep_going = [&] {
    refused = request.between_steps && !request.between_steps();
    return !refused;
  };
  try {
    while (static_cast<int64_t>(answer.ids.size()) < limit) {
      check_interrupt(keep_going);
      if (!answer.ids.empty()) logits = next_logits(model, sequence, answer.ids.back(), keep_going);
      const int32_t token =
          sampler.choose({logits.f32(), static_cast<size_t>(logits.size())}, seen);
      if (is_stop_token(request, token)) return {answer.ids, GenerationEnd::kStopToken};
      answer.ids.push_back(token);
      seen.push_back(token);
      if (request.on_token && !request.on_token(token)) {
        return {answer.ids, GenerationEnd::kCallback};
      }
    }
  } catch (const Interrupted&) {
    if (!refused) throw;
    answer.end = GenerationEnd::kCallback;  // what is written so far stands
  }
  return answer;
}

}  // namespace

Generated generate(Owl3Model& model, Sequence& sequence, Tensor logits,
                   const GenerationRequest& request) {
  check_generation_options(request.options);
  Generated answer = request.options.num_beams > 1
                         ? beam_search(model, sequence, logits, request)
                         : sample(model, sequence, std::move(logits), request);
  model.checkpoint().check_unchanged();
  return answer;
}

}  // namespace owl3
