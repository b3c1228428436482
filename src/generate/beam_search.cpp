// Beam search with the bookkeeping of Hugging Face's generate: scores are sums of
// log-probabilities, a finished hypothesis counts as its sum divided by its length (the stop token
// included), and the search ends when no open beam could beat the worst hypothesis kept. Answers
// with a form differ in two things: a beam whose form leaves only its end has ended, and at the
// limit answers that lack their end stand back behind whole ones.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "constraint/constrained_answer.h"
#include "generate/generate.h"
#include "generate/sampler.h"

namespace owl3 {

namespace {

struct Beam {
  Sequence sequence;         // has read all of ids but the last
  std::vector<int32_t> ids;  // of the answer
  double score = 0;          // sum of log-probabilities
  Tensor logits;             // float32 [V], of the next token
  std::optional<ConstrainedAnswer> form{};

  bool has_ended() const { return form && form->ended(); }
  bool is_whole() const { return form && form->complete(); }
};

struct Candidate {
  size_t beam = 0;
  int32_t token = 0;
  double score = 0;
};

bool better(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  return std::pair(a.beam, a.token) < std::pair(b.beam, b.token);
}

struct Hypothesis {
  std::vector<int32_t> ids;  // without the stop token
  double score = 0;          // sum of log-probabilities / length
  bool stopped = false;      // by a stop token, rather than the limit
  std::optional<ReadingLog> log;
};

/// The best finished hypotheses, at most as many as beams.
class Hypotheses {
 public:
  explicit Hypotheses(size_t limit) : limit_(limit) {}

  /// `length` counts the stop token.
  void add(const Beam& beam, double sum, size_t length, bool stopped) {
    const double score = sum / static_cast<double>(length);
    if (full() && score <= worst_score()) return;
    kept_.push_back({beam.ids, score, stopped, beam.sequence.log});
    if (kept_.size() > limit_) kept_.erase(worst());
  }

  /// Whether no open beam can still get in, given the best sum among the candidates of `length`.
  bool decided(double best_sum, size_t length) const {
    return full() && worst_score() >= best_sum / static_cast<double>(length);
  }

  /// Of equals the last one found.
  const Hypothesis& best() const {
    OWL3_CHECK(!kept_.empty());
    const Hypothesis* best = &kept_.front();
    for (const Hypothesis& hypothesis : kept_) {
      if (hypothesis.score >= best->score) best = &hypothesis;
    }
    return *best;
  }

  bool empty() const { return kept_.empty(); }

 private:
  bool full() const { return kept_.size() >= limit_; }
  std::vector<Hypothesis>::const_iterator worst() const {
    return std::min_element(kept_.begin(), kept_.end(),
                            [](const auto& a, const auto& b) { return a.score < b.score; });
  }
  double worst_score() const { return worst()->score; }

  size_t limit_;
  std::vector<Hypothesis> kept_;
};

Tensor row_of(const Tensor& logits, size_t row) {
  const auto first = static_cast<int64_t>(row);
  return logits.rows(first, first + 1).reshaped({logits.dim(1)});
}

// logits -> log_softmax(logits), in place
void to_log_probabilities(std::span<float> logits) {
  const double log_sum = log_sum_exp(logits);
  for (float& logit : logits) logit = static_cast<float>(double{logit} - log_sum);
}

class BeamSearch final : public Generation {
 public:
  BeamSearch(const ModelConfig& config, Sequence& sequence, GenerationRequest request)
      : sequence_(sequence),
        request_(std::move(request)),
        num_beams_(static_cast<size_t>(request_.options.num_beams)),
        limit_(static_cast<size_t>(answer_limit(config, sequence, request_.options))),
        hypotheses_(num_beams_) {
    // Hugging Face starts with num_beams copies of which all but one score -1e9: one beam will do.
    beams_.push_back({sequence.fork(), {}, 0, {}});
    if (request_.constraint) beams_.front().form.emplace(request_.constraint);
    ended_ = limit_ == 0;
  }

  void add_rows(std::vector<SequenceRows>& step) override {
    if (ended_) return;
    for (Beam& beam : beams_) step.push_back({beam.sequence, {&beam.ids.back(), 1}});
  }

  void take(Tensor logits) override {
    if (ended_) return;
    for (size_t b = 0; b < beams_.size(); ++b) beams_[b].logits = row_of(logits, b);
    ++length_;
    ended_ = !step(length_) || length_ == limit_;
  }

  void stop() override {
    if (ended_) return;
    ended_ = interrupted_ = true;
  }

  Generated finish() override {
    if (limit_ == 0) return {{}, GenerationEnd::kLength};
    if (!decided_) add_open_beams();
    if (hypotheses_.empty()) return {{}, GenerationEnd::kCallback};  // stopped before all
    const Hypothesis best = hypotheses_.best();
    sequence_ = closest_sequence(best.ids, sequence_.cache.length());
    sequence_.log = best.log;
    Generated answer{best.ids, best.stopped ? GenerationEnd::kStopToken : GenerationEnd::kLength};
    if (interrupted_) answer.end = GenerationEnd::kCallback;
    for (size_t i = 0; request_.on_token && i < best.ids.size(); ++i) {
      if (request_.on_token(best.ids[i])) continue;
      answer.ids.resize(i + 1);
      answer.end = GenerationEnd::kCallback;
      break;
    }
    return answer;
  }

 private:
  void add_open_beams() {
    const bool any_whole =
        !hypotheses_.empty() ||
        std::any_of(beams_.begin(), beams_.end(), [](const Beam& beam) { return beam.is_whole(); });
    for (const Beam& beam : beams_) {
      const bool stands_back = beam.form && any_whole && !beam.is_whole();
      if (beam.ids.empty() || stands_back) continue;
      hypotheses_.add(beam, beam.score, beam.ids.size(), false);
    }
  }

  /// The cache of the open beam that shares most of the answer, cut to what it shares.
  Sequence closest_sequence(const std::vector<int32_t>& ids, int64_t prompt_length) {
    const auto shared = [&](const Beam& beam) {
      return std::mismatch(ids.begin(), ids.end(), beam.ids.begin(), beam.ids.end()).first -
             ids.begin();
    };
    const auto closest =
        std::max_element(beams_.begin(), beams_.end(),
                         [&](const Beam& a, const Beam& b) { return shared(a) < shared(b); });
    Sequence& sequence = closest->sequence;
    const int64_t length = prompt_length + shared(*closest);
    if (length < sequence.cache.length()) sequence.cache.truncate(length);
    return std::move(sequence);
  }

  // Extends every beam by a token; false when the search is decided.
  bool step(size_t length) {
    std::vector<Candidate> chosen;
    const std::vector<Candidate> candidates = best_candidates();
    for (size_t rank = 0; rank < candidates.size() && chosen.size() < num_beams_; ++rank) {
      const Candidate& candidate = candidates[rank];
      if (!is_stop_token(request_, candidate.token)) {
        chosen.push_back(candidate);
      } else if (rank < num_beams_) {
        hypotheses_.add(beams_[candidate.beam], candidate.score, length, true);
      }
    }
    decided_ = hypotheses_.decided(candidates.front().score, length) ||
               chosen.empty();  // every token of the vocabulary stops
    if (decided_) return false;
    extend(chosen);
    decided_ = !end_whole_beams(length);
    return !decided_;
  }

  /// Beams that can only stop have done so, for certain; false when these are all.
  bool end_whole_beams(size_t length) {
    const auto ended = std::stable_partition(beams_.begin(), beams_.end(),
                                             [](const Beam& beam) { return !beam.has_ended(); });
    for (auto beam = ended; beam != beams_.end(); ++beam) {
      hypotheses_.add(*beam, beam->score, length + 1, true);
    }
    if (ended == beams_.begin()) return false;  // they stay, for their sequences
    beams_.erase(ended, beams_.end());
    return true;
  }

  // The best continuations of all beams, best first: enough of them that num_beams do not stop.
  std::vector<Candidate> best_candidates() {
    const size_t per_beam = std::max<size_t>(2, 1 + request_.stop_tokens.size());
    const size_t count = per_beam * num_beams_;
    std::vector<Candidate> best;  // a heap with the worst in front
    for (size_t b = 0; b < beams_.size(); ++b) {
      const std::vector<float> scores = processed_scores(beams_[b]);
      for (size_t token = 0; token < scores.size(); ++token) {
        if (std::isinf(scores[token])) continue;  // not allowed
        const Candidate candidate = {b, static_cast<int32_t>(token),
                                     beams_[b].score + double{scores[token]}};
        if (best.size() == count && !better(candidate, best.front())) continue;
        best.push_back(candidate);
        std::push_heap(best.begin(), best.end(), better);
        if (best.size() <= count) continue;
        std::pop_heap(best.begin(), best.end(), better);
        best.pop_back();
      }
    }
    std::sort_heap(best.begin(), best.end(), better);
    return best;
  }

  std::vector<float> processed_scores(Beam& beam) const {
    const float* logits = beam.logits.f32();
    std::vector<float> scores(logits, logits + beam.logits.size());
    check_logits_finite(scores);
    to_log_probabilities(scores);
    if (beam.form) keep_allowed(scores, allowed_tokens(request_, *beam.form));
    // On log-probabilities rather than logits, as Hugging Face does it.
    std::vector<int32_t> seen(request_.prompt.begin(), request_.prompt.end());
    seen.insert(seen.end(), beam.ids.begin(), beam.ids.end());
    apply_repetition_penalty(scores, seen, request_.options.repetition_penalty);
    return scores;
  }

  // The chosen candidates become the beams. A cache is copied only while another beam needs it.
  void extend(const std::vector<Candidate>& chosen) {
    std::vector<size_t> uses(beams_.size());
    for (const Candidate& candidate : chosen) ++uses[candidate.beam];
    std::vector<Beam> next;
    for (const Candidate& candidate : chosen) {
      Beam& parent = beams_[candidate.beam];
      const bool last_use = --uses[candidate.beam] == 0;
      Sequence sequence = last_use ? std::move(parent.sequence) : parent.sequence.fork();
      std::vector<int32_t> ids = parent.ids;
      ids.push_back(candidate.token);
      next.push_back({std::move(sequence), std::move(ids), candidate.score, {}, parent.form});
      if (next.back().form) next.back().form->accept(candidate.token);
    }
    beams_ = std::move(next);
  }

  Sequence& sequence_;  // the prompt's
  const GenerationRequest request_;
  size_t num_beams_;
  size_t limit_;
  std::vector<Beam> beams_;
  size_t length_ = 0;  // of the answer, so far
  Hypotheses hypotheses_;
  bool decided_ = false;  // no open beam counts any more
  bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<Generation> make_beam_search(const ModelConfig& config, Sequence& sequence,
                                             GenerationRequest request) {
  return std::make_unique<BeamSearch>(config, sequence, std::move(request));
}

}  // namespace owl3
