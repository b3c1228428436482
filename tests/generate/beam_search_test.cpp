// Beam search against a plain one that keeps no cache: it reads prompt and answer anew for every
// token, sorts all continuations, and follows Hugging Face's bookkeeping line by line.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "generate/generate.h"
#include "tiny_model.h"

namespace owl3 {
namespace {

struct PlainBeam {
  std::vector<int32_t> ids;
  double score = 0;
};

class PlainBeamSearch {
 public:
  PlainBeamSearch(TinyModel& tiny, const GoldenPrompt& prompt, const GenerationRequest& request)
      : tiny_(tiny), prompt_(prompt), request_(request) {}

  std::vector<int32_t> run() {
    const auto beams = static_cast<size_t>(request_.options.num_beams);
    std::vector<PlainBeam> open(beams);
    for (size_t i = 1; i < beams; ++i) open[i].score = -1e9;  // as copies of the prompt start
    bool done = false;
    for (int64_t length = 1; length <= request_.options.max_new_tokens && !done; ++length) {
      const std::vector<PlainBeam> sorted = continuations(open);
      std::vector<PlainBeam> next;
      for (size_t rank = 0; next.size() < beams; ++rank) {
        PlainBeam candidate = sorted.at(rank);
        if (!stops(candidate.ids.back())) {
          next.push_back(candidate);
        } else if (rank < beams) {
          candidate.ids.pop_back();
          finish(candidate, static_cast<double>(length));
        }
      }
      done = finished_.size() == beams &&
             worst() >= sorted.front().score / static_cast<double>(length);
      if (!done) open = next;
    }
    if (!done) {
      for (const PlainBeam& beam : open) finish(beam, static_cast<double>(beam.ids.size()));
    }
    return std::max_element(finished_.begin(), finished_.end(),
                            [](const auto& a, const auto& b) { return a.score < b.score; })
        ->ids;
  }

 private:
  bool stops(int32_t token) const {
    const auto& s = request_.stop_tokens;
    return std::count(s.begin(), s.end(), token) > 0;
  }
  double worst() const {
    double lowest = 1e9;
    for (const PlainBeam& beam : finished_) lowest = std::min(lowest, beam.score);
    return lowest;
  }
  void finish(const PlainBeam& beam, double length) {
    finished_.push_back({beam.ids, beam.score / length});
    if (finished_.size() <= static_cast<size_t>(request_.options.num_beams)) return;
    finished_.erase(
        std::min_element(finished_.begin(), finished_.end(),
                         [](const auto& a, const auto& b) { return a.score < b.score; }));
  }

  std::vector<PlainBeam> continuations(const std::vector<PlainBeam>& open) {
    std::vector<PlainBeam> all;
    for (const PlainBeam& beam : open) {
      const std::vector<double> scores = log_probabilities(beam.ids);
      for (size_t token = 0; token < scores.size(); ++token) {
        PlainBeam longer = beam;
        longer.ids.push_back(static_cast<int32_t>(token));
        longer.score += scores[token];
        all.push_back(std::move(longer));
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const PlainBeam& a, const PlainBeam& b) { return a.score > b.score; });
    return all;
  }

  std::vector<double> log_probabilities(const std::vector<int32_t>& answer) {
    std::vector<int32_t> ids = prompt_.ids;
    ids.insert(ids.end(), answer.begin(), answer.end());
    Sequence sequence = tiny_.place_images(prompt_);
    Decoder& decoder = tiny_.model().decoder();
    const Tensor hidden = decoder.forward(sequence, ids);
    const Tensor logits = decoder.logits(hidden.rows(hidden.dim(0) - 1, hidden.dim(0)));
    double sum = 0;
    for (int64_t i = 0; i < logits.size(); ++i) sum += std::exp(double{logits.f32()[i]});
    std::vector<double> scores;
    for (int64_t i = 0; i < logits.size(); ++i) {
      scores.push_back(double{logits.f32()[i]} - std::log(sum));
    }
    for (const int32_t id : std::set<int32_t>(ids.begin(), ids.end())) {
      scores[static_cast<size_t>(id)] *= request_.options.repetition_penalty;  // all are negative
    }
    return scores;
  }

  TinyModel& tiny_;
  const GoldenPrompt& prompt_;
  const GenerationRequest& request_;
  std::vector<PlainBeam> finished_;
};

class BeamSearch : public testing::TestWithParam<const char*> {
 protected:
  TinyModel& tiny() { return tiny_model(GetParam()); }

  GenerationRequest request(const GoldenPrompt& prompt, GenerationOptions options) {
    GenerationRequest made;
    made.prompt = prompt.ids;
    made.options = std::move(options);
    return made;
  }
  Generated search(const GoldenPrompt& prompt, const GenerationRequest& request,
                   const KeepGoing& go_on = {}) {
    Sequence sequence = tiny().place_images(prompt);
    const Tensor logits = prefill(tiny().model(), sequence, prompt.ids);
    return write(tiny().model(), make_beam_search(tiny().model().config(), sequence, request),
                 logits, go_on);
  }
};

INSTANTIATE_TEST_SUITE_P(Models, BeamSearch, testing::Values("gated-tied", "unified"), model_name);

TEST_P(BeamSearch, OfOneBeamIsGreedy) {
  for (const auto& [name, prompt] : tiny().prompts()) {
    EXPECT_EQ(search(prompt, request(prompt, plain_options(12))).ids, prompt.greedy) << name;
    GenerationRequest stopping = request(prompt, plain_options(12));
    stopping.stop_tokens = {prompt.greedy[6]};
    const auto end = std::find(prompt.greedy.begin(), prompt.greedy.end(), prompt.greedy[6]);
    const Generated got = search(prompt, stopping);
    EXPECT_EQ(got.ids, std::vector<int32_t>(prompt.greedy.begin(), end)) << name;
    EXPECT_EQ(got.end, GenerationEnd::kStopToken);
  }
}

TEST_P(BeamSearch, AgreesWithOneThatKeepsNoCache) {
  for (const char* name : {"text-only", "one-image", "adjacent-images"}) {
    const GoldenPrompt& prompt = tiny().prompts().at(name);
    for (const int64_t beams : {2, 3, 4}) {
      for (const double penalty : {1.0, 1.2}) {
        GenerationOptions options = plain_options(8, beams);
        options.repetition_penalty = penalty;
        const GenerationRequest made = request(prompt, options);
        EXPECT_EQ(search(prompt, made).ids, PlainBeamSearch(tiny(), prompt, made).run())
            << name << ", " << beams << " beams, penalty " << penalty;
      }
    }
  }
}

// Stop tokens taken from the beams' own answers, so that hypotheses finish at many lengths.
TEST_P(BeamSearch, AgreesWithOneThatKeepsNoCacheWhereAnswersStop) {
  size_t stopped = 0;
  for (const char* name : {"text-only", "first-token-image"}) {
    const GoldenPrompt& prompt = tiny().prompts().at(name);
    for (const int64_t beams : {2, 3, 4}) {
      GenerationRequest made = request(prompt, plain_options(8, beams));
      const std::vector<int32_t> free = search(prompt, made).ids;
      for (const size_t at : {1, 3, 6}) {
        made.stop_tokens = {free.at(at), prompt.greedy.at(at + 1)};
        const Generated got = search(prompt, made);
        EXPECT_EQ(got.ids, PlainBeamSearch(tiny(), prompt, made).run())
            << name << ", " << beams << " beams, stop at " << at;
        stopped += got.end == GenerationEnd::kStopToken ? 1 : 0;
      }
    }
  }
  EXPECT_GT(stopped, 0u);
}

TEST_P(BeamSearch, LeavesASequenceThatTheConversationGoesOnFrom) {
  const GoldenPrompt& prompt = tiny().prompts().at("interleaved");
  for (const bool stopping : {false, true}) {
    GenerationRequest made = request(prompt, plain_options(10, 3));
    if (stopping) made.stop_tokens = {search(prompt, made).ids.at(5)};
    Sequence sequence = tiny().place_images(prompt);
    const Tensor logits = prefill(tiny().model(), sequence, prompt.ids);
    const Generated got = generate(tiny().model(), sequence, logits, made);

    std::vector<int32_t> ids = prompt.ids;
    ids.insert(ids.end(), got.ids.begin(), got.ids.end());
    ids.push_back(1);
    const auto read = static_cast<size_t>(sequence.cache.length());
    ASSERT_GE(read, prompt.ids.size());
    ASSERT_LT(read, ids.size());
    const Tensor continued = prefill(tiny().model(), sequence, std::span(ids).subspan(read));
    Sequence anew = tiny().place_images(prompt);
    const Tensor expected = prefill(tiny().model(), anew, ids);
    for (int64_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(continued.f32()[i], expected.f32()[i], 1e-3);
    }
  }
}

TEST_P(BeamSearch, TellsTheAnswerAtItsEndAndLetsItBeCut) {
  const GoldenPrompt& prompt = tiny().prompts().at("one-image");
  GenerationRequest made = request(prompt, plain_options(8, 3));
  const std::vector<int32_t> whole = search(prompt, made).ids;
  std::vector<int32_t> told;
  made.on_token = [&](int32_t token) {
    told.push_back(token);
    return told.size() < 4;
  };
  const Generated got = search(prompt, made);
  EXPECT_EQ(got.ids, std::vector<int32_t>(whole.begin(), whole.begin() + 4));
  EXPECT_EQ(told, got.ids);
  EXPECT_EQ(got.end, GenerationEnd::kCallback);
}

TEST_P(BeamSearch, InterruptedGivesTheBestSoFar) {
  const GoldenPrompt& prompt = tiny().prompts().at("one-image");
  const int64_t asked_in_all = 7 * tiny().model().config().num_hidden_layers;  // layers of steps
  for (int64_t allowed = 0; allowed < asked_in_all; allowed += 4) {
    GenerationRequest made = request(prompt, plain_options(8, 3));
    int64_t asked = 0;
    const Generated got = search(prompt, made, [&] { return asked++ < allowed; });
    EXPECT_EQ(got.end, GenerationEnd::kCallback);
    EXPECT_GE(got.ids.size(), 1u);
    EXPECT_LT(got.ids.size(), 8u);
  }
}

TEST_P(BeamSearch, EndsWhenEveryTokenStops) {
  const GoldenPrompt& prompt = tiny().prompts().at("one-image");
  GenerationRequest made = request(prompt, plain_options(8, 3));
  for (int32_t id = 0; id < tiny().model().config().vocab_size; ++id) {
    made.stop_tokens.push_back(id);
  }
  const Generated got = search(prompt, made);
  EXPECT_TRUE(got.ids.empty());
  EXPECT_EQ(got.end, GenerationEnd::kStopToken);
}

}  // namespace
}  // namespace owl3
