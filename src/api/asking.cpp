#include "api/asking.h"

#include <algorithm>
#include <cmath>

namespace owl3 {

namespace {

/// How long a follower may go without a chance to say that it wants no more.
constexpr std::chrono::milliseconds kPatience{20};

double seconds_between(Asking::Clock::time_point start, Asking::Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

StopReason stop_reason_of(GenerationEnd end) {
  switch (end) {
    case GenerationEnd::kStopToken:
      return StopReason::kEndOfAnswer;
    case GenerationEnd::kLength:
      return StopReason::kLength;
    case GenerationEnd::kCallback:
      return StopReason::kInterrupted;
  }
  return StopReason::kEndOfAnswer;
}

/// Their probabilities among each other are a softmax of those behind the prompt.
std::vector<ScoredText> scored(const std::vector<std::string>& texts,
                               const std::vector<double>& logprobs) {
  if (logprobs.size() != texts.size() || texts.empty()) return {};
  const double largest = *std::max_element(logprobs.begin(), logprobs.end());
  double sum = 0;
  for (const double logprob : logprobs) sum += std::exp(logprob - largest);
  std::vector<ScoredText> scored;
  for (size_t i = 0; i < texts.size(); ++i) {
    scored.push_back({texts[i], logprobs[i], std::exp(logprobs[i] - largest) / sum});
  }
  return scored;
}

}  // namespace

std::string AnswerText::add(int32_t token) {
  if (tokenizer_.is_special(token)) return {};
  return stops_.push(utf8_.push(tokenizer_.bytes_of(token)));
}

std::string AnswerText::finish() {
  std::string rest = stops_.push(utf8_.finish());
  return rest += stops_.finish();
}

Asking::Asking(const Tokenizer& tokenizer, std::vector<std::string> stops, Question question,
               Watchers watchers)
    : tokenizer_(tokenizer),
      stops_(std::move(stops)),
      watchers_(std::move(watchers)),
      question_(std::move(question)),
      shown_(tokenizer_, stops_),
      to_prefill_(static_cast<int64_t>(question_.prompt.prompt().ids.size()) -
                  question_.tokens_before) {}

void Asking::on_prefill(int64_t tokens, int64_t total) {
  if (tokens == total) prefilled_at_ = Clock::now();
  if (watchers_.on_prefill) {
    try {
      watchers_.on_prefill(tokens, total);
    } catch (...) {
      thrown_by_watcher_ = std::current_exception();
      throw;
    }
  }
  const std::lock_guard lock(mutex_);
  prefilled_ = tokens;
  changed_.notify_one();
}

LikelyToken Asking::likely_token(const TokenLikelihood& likelihood) const {
  return {likelihood.token, std::string(tokenizer_.bytes_of(likelihood.token)), likelihood.logprob};
}

void Asking::on_choice(const TokenChoice& choice) {
  ScoredToken token{likely_token(choice.chosen), {}};
  for (const TokenLikelihood& other : choice.likeliest) {
    token.likeliest.push_back(likely_token(other));
  }
  likelihoods_.push_back(std::move(token));
  if (!watchers_.on_likelihood) return;
  try {
    watchers_.on_likelihood(likelihoods_.back());
  } catch (...) {
    thrown_by_watcher_ = std::current_exception();
    throw;
  }
}

bool Asking::on_token(int32_t token) {
  if (tokens_++ == 0) first_token_at_ = Clock::now();
  std::string piece = shown_.add(token);
  const bool wanted = piece.empty() || show({std::move(piece), tokens_});
  return wanted && !shown_.stopped() && !cancelled_;
}

/// False when the caller wants no more, as far as this is known yet.
bool Asking::show(Piece piece) {
  text_ += piece.text;
  if (watchers_.on_text) {
    try {
      return watchers_.on_text(piece.text);
    } catch (...) {
      thrown_by_watcher_ = std::current_exception();
      throw;
    }
  }
  const std::lock_guard lock(mutex_);
  pieces_.push_back(std::move(piece));
  changed_.notify_one();
  return true;
}

void Asking::on_end(Generated answer, Sequence sequence) noexcept {
  try {
    std::string rest = shown_.finish();
    if (!rest.empty()) show({std::move(rest), tokens_, true});
    stopped_ = shown_.stopped();
    generated_ = std::move(answer);
    sequence_ = std::move(sequence);
  } catch (...) {
    failure_ = std::current_exception();
  }
  end();
}

void Asking::on_failure(std::exception_ptr failure) noexcept {
  failure_ = std::move(failure);
  end();
}

void Asking::end() noexcept {
  ended_at_ = Clock::now();
  const std::function<void()> on_done = watchers_.on_done ? watchers_.on_done : nullptr;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  try {
    if (on_done) on_done();
  } catch (...) {  // it was told not to
  }
}

bool Asking::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void Asking::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_; });
}

bool Asking::wait_until(Clock::time_point when) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, when, [&] { return ended_; });
}

/// Waits for some, but not for long.
Asking::News Asking::next_news() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience,
                    [&] { return ended_ || !pieces_.empty() || prefilled_ != told_prefilled_; });
  News news;
  news.prefilled = prefilled_;
  if (!pieces_.empty()) {
    news.piece = std::move(pieces_.front());
    pieces_.pop_front();
  } else {
    news.ended = ended_;
  }
  return news;
}

void Asking::follow(const TextCallback& on_text, const ProgressCallback& progress) {
  try {
    for (;;) {
      const News news = next_news();
      const bool read_more = !news.piece && news.prefilled != told_prefilled_;
      if (read_more) told_prefilled_ = news.prefilled;
      if (news.ended && !read_more) return;
      if (refused_at_) continue;
      if (news.piece) {
        if (on_text && !on_text(news.piece->text) && !news.piece->last) {
          refused_at_ = news.piece->tokens;
          cancel();
        }
      } else if (read_more || news.prefilled < to_prefill_) {
        if (progress && !progress("reading the prompt", news.prefilled, to_prefill_)) {
          throw Interrupted("interrupted while reading the prompt");
        }
      } else if (on_text && !on_text({})) {
        cancel();
      }
    }
  } catch (...) {
    cancel();
    throw;
  }
}

/// The follower's no comes late: what was written since is taken back.
void Asking::cut_to_what_was_shown() {
  generated_.ids.resize(std::min(generated_.ids.size(), *refused_at_));
  // As if the step behind the last token had never been, so that it doesn't matter how far it was.
  const size_t read = generated_.ids.empty() ? 0 : generated_.ids.size() - 1;
  const auto length = static_cast<int64_t>(question_.prompt.prompt().ids.size() + read);
  if (sequence_->cache.length() > length) sequence_->cache.truncate(length);
  AnswerText again(tokenizer_, stops_);
  text_.clear();
  for (const int32_t token : generated_.ids) text_ += again.add(token);
  text_ += again.finish();
  tokens_ = generated_.ids.size();
  if (likelihoods_.size() > tokens_) likelihoods_.resize(tokens_);
  generated_.end = GenerationEnd::kCallback;
  stopped_ = again.stopped();
}

Asking::Outcome Asking::outcome() {
  if (failure_) std::rethrow_exception(failure_);
  if (refused_at_) cut_to_what_was_shown();
  Outcome outcome{std::move(question_),
                  std::move(*sequence_),
                  std::move(generated_.ids),
                  {},
                  std::move(generated_.prompt_logits)};
  Answer& answer = outcome.answer;
  answer.text = std::move(text_);
  answer.likelihoods = std::move(likelihoods_);
  answer.scored_texts = scored(scored_texts, generated_.text_logprobs);
  answer.stop_reason = stopped_ ? StopReason::kStopString : stop_reason_of(generated_.end);
  PromptBuilder& prompt = outcome.with_answer.prompt;
  answer.prompt_tokens = static_cast<int64_t>(prompt.prompt().ids.size());
  answer.prefilled_tokens = answer.prompt_tokens - outcome.with_answer.tokens_before;
  outcome.with_answer.tokens_before = answer.prompt_tokens;
  answer.new_tokens = static_cast<int64_t>(tokens_);
  answer.first_token_seconds =
      seconds_between(start_, tokens_ > 0 ? first_token_at_ : prefilled_at_);
  answer.prefill_seconds = seconds_between(start_, prefilled_at_);
  answer.decode_seconds = seconds_between(prefilled_at_, ended_at_);
  prompt.end_answer(outcome.answer_ids);
  return outcome;
}

}  // namespace owl3
