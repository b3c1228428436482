#include "generate/generate.h"

#include <algorithm>
#include <optional>

#include "constraint/constrained_answer.h"
#include "generate/sampler.h"
#include "generate/text_scoring.h"

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

TokenMask allowed_tokens(const GenerationRequest& request, ConstrainedAnswer& form) {
  TokenMask allowed = form.allowed();
  for (const int32_t stop : request.stop_tokens) {
    if (!allowed.holds(stop)) continue;
    if (form.complete()) {
      allowed.add(stop);
    } else {
      allowed.remove(stop);
    }
  }
  if (allowed.first() < 0) {
    throw InputError("the model's vocabulary has no token that goes on in the answer's form");
  }
  return allowed;
}

std::vector<int64_t> chunk_ends(int64_t tokens, std::span<const int64_t> cuts) {
  std::vector<int64_t> ends;
  int64_t read = 0;
  const auto read_to = [&](int64_t end) {
    for (; read < end; ends.push_back(read)) read = std::min(end, read + kPrefillChunk);
  };
  for (const int64_t cut : cuts) read_to(std::min(cut, tokens));
  read_to(tokens);
  return ends;
}

Prefill::Prefill(const ModelConfig& config, Sequence& sequence, std::span<const int32_t> ids,
                 std::span<const int64_t> cuts)
    : sequence_(sequence), ids_(ids) {
  std::vector<int64_t> ahead;
  for (const int64_t cut : cuts) {
    if (cut > sequence.cache.length()) ahead.push_back(cut - sequence.cache.length());
  }
  ends_ = chunk_ends(tokens(), ahead);
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
  const int64_t end = *std::upper_bound(ends_.begin(), ends_.end(), read_);
  return {sequence_, ids_.subspan(static_cast<size_t>(read_), static_cast<size_t>(end - read_))};
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
    if (request_.constraint) form_.emplace(request_.constraint);
    if (limit_ == 0) end(GenerationEnd::kLength);
    if (form_ && form_->ended()) end(GenerationEnd::kStopToken);
  }

  void add_rows(std::vector<SequenceRows>& step) override {
    if (!ended_) step.push_back({sequence_, {&answer_.ids.back(), 1}});
  }

  void take(Tensor logits) override {
    if (ended_) return;
    const std::span<float> values(logits.f32(), static_cast<size_t>(logits.size()));
    std::optional<Likelihoods> likelihoods;
    if (request_.options.likeliest) likelihoods.emplace(values);
    const int32_t token = next_token(values);
    if (is_stop_token(request_, token)) return end(GenerationEnd::kStopToken);
    answer_.ids.push_back(token);
    seen_.push_back(token);
    if (likelihoods && request_.on_choice) {
      request_.on_choice(
          {likelihoods->of(token), likelihoods->likeliest(*request_.options.likeliest)});
    }
    if (request_.on_token && !request_.on_token(token)) return end(GenerationEnd::kCallback);
    if (form_) form_->accept(token);
    if (form_ && form_->ended()) return end(GenerationEnd::kStopToken);
    if (static_cast<int64_t>(answer_.ids.size()) == limit_) end(GenerationEnd::kLength);
  }

  void stop() override {
    if (!ended_) end(GenerationEnd::kCallback);
  }

  Generated finish() override { return std::move(answer_); }

 private:
  /// What the form forces is not sampled.
  int32_t next_token(std::span<float> logits) {
    if (!form_) return sampler_.choose(logits, seen_, answer_.ids.size());
    const std::optional<int32_t> forced = form_->forced();
    if (forced && !is_stop_token(request_, *forced)) return *forced;
    const TokenMask allowed = allowed_tokens(request_, *form_);
    return sampler_.choose(logits, seen_, answer_.ids.size(), &allowed);
  }

  void end(GenerationEnd why) {
    answer_.end = why;
    ended_ = true;
  }

  Sequence& sequence_;
  GenerationRequest request_;
  Sampler sampler_;
  int64_t limit_;
  std::vector<int32_t> seen_;  // prompt and answer
  std::optional<ConstrainedAnswer> form_;
  Generated answer_;
};

}  // namespace

std::unique_ptr<Generation> make_generation(const ModelConfig& config, Sequence& sequence,
                                            GenerationRequest request) {
  check_generation_options(request.options);
  const std::vector<std::vector<int32_t>> scored_texts = std::move(request.scored_texts);
  const std::vector<int32_t> stop_tokens = request.stop_tokens;
  std::unique_ptr<Generation> answer =
      request.options.num_beams > 1
          ? make_beam_search(config, sequence, std::move(request))
          : std::make_unique<Sampling>(config, sequence, std::move(request));
  if (scored_texts.empty()) return answer;
  return with_scored_texts(std::move(answer), TextScoring(sequence, scored_texts, stop_tokens));
}

}  // namespace owl3
