#include "generate/generate.h"

#include <algorithm>

#include "generate/sampler.h"

namespace owl3 {

int64_t answer_limit(const ModelConfig& config, const Sequence& sequence,
                     const GenerationOptions& options) {
  const int64_t left = config.max_position_embeddings - sequence.cache.length();
  return std::clamp<int64_t>(left, 0, options.max_new_tokens);
}

bool is_stop_token(const GenerationRequest& request, int32_t token) {
  const std::vector<int32_t>& stops = request.stop_tokens;
  return std::find(stops.begin(), stops.end(), token) != stops.end();
}

Prefill::Prefill(const ModelConfig& config, Sequence& sequence, std::span<const int32_t> ids)
    : sequence_(sequence), ids_(ids) {
  if (ids.empty()) throw UsageError("there is no token to read: the prompt is empty");
  const int64_t length = sequence.cache.length() + tokens();
  const int64_t context = config.max_position_embeddings;
  if (length <= context) return;
  throw UsageError(
      fmt::format("the conversation has {} tokens, but the model's context ends at {}: shorten it "
                  "or use fewer images",
                  length, context));
}

SequenceRows Prefill::next_rows() const {
  const int64_t chunk = std::min(kPrefillChunk, tokens() - read_);
  return {sequence_, ids_.subspan(static_cast<size_t>(read_), static_cast<size_t>(chunk))};
}

void Prefill::advance() {
  read_ += static_cast<int64_t>(next_rows().ids.size());
}

Tensor prefill(Owl3Model& model, Sequence& sequence, std::span<const int32_t> ids,
               const PrefillProgress& progress) {
  Prefill reading(model.config(), sequence, ids);
  Tensor logits;
  KeepGoing keep_going;
  if (progress) keep_going = [&] { return progress(reading.tokens_read(), reading.tokens()); };
  while (!reading.done()) {
    const SequenceRows rows = reading.next_rows();
    const bool last =
        reading.tokens_read() + static_cast<int64_t>(rows.ids.size()) == reading.tokens();
    if (last) {
      logits = model.decoder().next_logits({&rows, 1}, keep_going);
    } else {
      model.decoder().forward({&rows, 1}, keep_going);
    }
    reading.advance();
    if (keep_going && !keep_going()) throw Interrupted("interrupted while reading the prompt");
  }
  model.checkpoint().check_unchanged();
  return logits;
}

namespace {

// A token at a time.
class Sampling final : public Generation {
 public:
  Sampling(const ModelConfig& config, Sequence& sequence, GenerationRequest request)
      : sequence_(sequence),
        request_(std::move(request)),
        sampler_(request_.options),
        limit_(answer_limit(config, sequence, request_.options)),
        seen_(request_.prompt.begin(), request_.prompt.end()) {
    if (limit_ == 0) end(GenerationEnd::kLength);
  }

  void add_rows(std::vector<SequenceRows>& step) override {
    if (!ended_) step.push_back({sequence_, {&answer_.ids.back(), 1}});
  }

  void take(Tensor logits) override {
    if (ended_) return;
    const int32_t token =
        sampler_.choose({logits.f32(), static_cast<size_t>(logits.size())}, seen_);
    if (is_stop_token(request_, token)) return end(GenerationEnd::kStopToken);
    answer_.ids.push_back(token);
    seen_.push_back(token);
    if (request_.on_token && !request_.on_token(token)) return end(GenerationEnd::kCallback);
    if (static_cast<int64_t>(answer_.ids.size()) == limit_) end(GenerationEnd::kLength);
  }

  void stop() override {
    if (!ended_) end(GenerationEnd::kCallback);
  }

  Generated finish() override { return std::move(answer_); }

 private:
  void end(GenerationEnd why) {
    answer_.end = why;
    ended_ = true;
  }

  Sequence& sequence_;
  GenerationRequest request_;
  Sampler sampler_;
  int64_t limit_;
  std::vector<int32_t> seen_;  // prompt and answer
  Generated answer_;
};

}  // namespace

std::unique_ptr<Generation> make_generation(const ModelConfig& config, Sequence& sequence,
                                            GenerationRequest request) {
  check_generation_options(request.options);
  if (request.options.num_beams > 1) return make_beam_search(config, sequence, std::move(request));
  return std::make_unique<Sampling>(config, sequence, std::move(request));
}

}  // namespace owl3
