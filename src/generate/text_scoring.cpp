#include "generate/text_scoring.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "generate/sampler.h"

namespace owl3 {

TextScoring::TextScoring(const Sequence& prompt, std::vector<std::vector<int32_t>> texts,
                         std::vector<int32_t> stop_tokens)
    : texts_(std::move(texts)),
      stop_tokens_(std::move(stop_tokens)),
      log_probabilities_(texts_.size()),
      prompt_(prompt.fork()) {
  prompt_.log.reset();  // which is of the answer alone
  std::sort(stop_tokens_.begin(), stop_tokens_.end());
  stop_tokens_.erase(std::unique(stop_tokens_.begin(), stop_tokens_.end()), stop_tokens_.end());
}

void TextScoring::begin(std::span<const float> logits) {
  Branch all{std::move(prompt_), {}, 0};
  for (size_t text = 0; text < texts_.size(); ++text) all.texts.push_back(text);
  begun_ = true;
  go_on(std::move(all), logits);
}

void TextScoring::add_rows(std::vector<SequenceRows>& step, size_t most) {
  asked_ = std::min(most, open_.size());
  for (auto branch = open_.end() - static_cast<std::ptrdiff_t>(asked_); branch != open_.end();
       ++branch) {
    const std::vector<int32_t>& text = texts_[branch->texts.front()];
    step.push_back({branch->sequence, {&text[branch->tokens - 1], 1}});
  }
}

void TextScoring::take(const Tensor& logits) {
  const auto first = open_.end() - static_cast<std::ptrdiff_t>(asked_);
  std::vector<Branch> read(std::make_move_iterator(first), std::make_move_iterator(open_.end()));
  open_.erase(first, open_.end());
  const auto vocabulary = static_cast<size_t>(logits.dim(1));
  for (size_t i = 0; i < read.size(); ++i) {
    go_on(std::move(read[i]), {logits.f32() + i * vocabulary, vocabulary});
  }
  asked_ = 0;
}

/// What the branch has read tells the next token of its texts, or their end.
void TextScoring::go_on(Branch branch, std::span<const float> logits) {
  check_logits_finite(logits);
  const double log_sum = log_sum_exp(logits);
  std::map<int32_t, std::vector<size_t>> by_next_token;
  for (const size_t text : branch.texts) {
    if (texts_[text].size() == branch.tokens) {
      log_probabilities_[text] += log_probability_of_end(logits, log_sum);
      continue;
    }
    const int32_t next = texts_[text][branch.tokens];
    OWL3_CHECK(static_cast<size_t>(next) < logits.size());
    log_probabilities_[text] += double{logits[static_cast<size_t>(next)]} - log_sum;
    by_next_token[next].push_back(text);
  }
  size_t left = by_next_token.size();
  for (auto& [token, texts] : by_next_token) {
    const bool last_use = --left == 0;
    Sequence sequence = last_use ? std::move(branch.sequence) : branch.sequence.fork();
    open_.push_back({std::move(sequence), std::move(texts), branch.tokens + 1});
  }
}

/// Of all tokens that end an answer together; where there are none, nothing else can come.
double TextScoring::log_probability_of_end(std::span<const float> logits, double log_sum) const {
  std::vector<float> ends;
  for (const int32_t token : stop_tokens_) {
    if (token < 0 || static_cast<size_t>(token) >= logits.size()) continue;
    ends.push_back(logits[static_cast<size_t>(token)]);
  }
  return ends.empty() ? 0 : log_sum_exp(ends) - log_sum;
}

namespace {

class ScoredGeneration final : public Generation {
 public:
  ScoredGeneration(std::unique_ptr<Generation> answer, TextScoring scoring)
      : answer_(std::move(answer)), scoring_(std::move(scoring)) {}

  void add_rows(std::vector<SequenceRows>& step) override {
    if (ended_) return;
    const size_t before = step.size();
    if (!answer_->ended()) answer_->add_rows(step);
    answer_rows_ = step.size() - before;
    scoring_.add_rows(step, static_cast<size_t>(kMaxBeams) - answer_rows_);
  }

  void take(Tensor logits) override {
    if (ended_) return;
    if (begun_) {
      const auto rows = static_cast<int64_t>(answer_rows_);
      if (rows < logits.dim(0)) scoring_.take(logits.rows(rows, logits.dim(0)));
      if (rows > 0) answer_->take(logits.rows(0, rows));
    } else {
      begun_ = true;
      scoring_.begin({logits.f32(), static_cast<size_t>(logits.size())});
      answer_->take(std::move(logits));
    }
    ended_ = answer_->ended() && scoring_.done();
  }

  void stop() override {
    if (ended_) return;
    if (!answer_->ended()) answer_->stop();
    ended_ = true;
  }

  Generated finish() override {
    Generated answer = answer_->finish();
    if (scoring_.done()) answer.text_logprobs = scoring_.log_probabilities();
    return answer;
  }

 private:
  std::unique_ptr<Generation> answer_;
  TextScoring scoring_;
  bool begun_ = false;
  size_t answer_rows_ = 0;  // of the step, before those of the scoring
};

}  // namespace

std::unique_ptr<Generation> with_scored_texts(std::unique_ptr<Generation> answer,
                                              TextScoring scoring) {
  return std::make_unique<ScoredGeneration>(std::move(answer), std::move(scoring));
}

}  // namespace owl3
