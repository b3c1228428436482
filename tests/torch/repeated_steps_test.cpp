// Steps of decoding that are recorded once and replayed give what they give when they are done.
// What records them here has a CUDA graph's meaning (operation_recorder.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "generate/generate.h"
#include "host_copies.h"
#include "model/owl3_model.h"
#include "model_case.h"
#include "operation_recorder.h"

namespace owl3 {
namespace {

using test::ModelCase;
using test::OperationRecorder;

/// A model whose steps are repeated, or not, and conversations with it.
class Talk {
 public:
  Talk(const ModelCase& kind, std::shared_ptr<OperationRecorder> recorder,
       const std::string& setting = "")
      : model_(Checkpoint::open(std::filesystem::path(OWL3_TEST_DATA) / "model" / kind.model),
               backend(kind, std::move(recorder), setting), options(kind)) {}

  Decoder& decoder() { return model_.decoder(); }
  Backend& backend() { return model_.backend(); }

  ImageMemoryPtr image(int64_t tokens, uint32_t seed) {
    const Tensor embeddings = random_tensor({tokens, model_.config().hidden_size}, seed);
    return decoder().remember(model_.backend().upload(embeddings), tokens).front();
  }

  /// One that has read so many tokens, with images of so many tokens at the first places.
  Sequence conversation(int64_t length, const std::vector<int64_t>& images, uint32_t seed) {
    Sequence sequence = decoder().new_sequence();
    for (const int64_t tokens : images) {
      const auto place = static_cast<int64_t>(sequence.images.size());
      sequence.images.push_back({place, image(tokens, seed + static_cast<uint32_t>(place))});
    }
    std::vector<int32_t> prompt;
    for (int64_t t = 0; t < length; ++t) prompt.push_back(id(t, seed));
    const SequenceRows rows = {sequence, prompt};
    decoder().next_logits({&rows, 1});
    return sequence;
  }

  /// So many tokens behind a prompt, each the likeliest.
  std::vector<int32_t> answer(int64_t tokens) {
    Sequence sequence = decoder().new_sequence();
    const std::vector<int32_t> prompt = {5, 6, 7};
    Tensor logits = prefill(model_, sequence, prompt);
    GenerationOptions options;
    options.do_sample = false;
    options.max_new_tokens = tokens;
    const auto answer = make_generation(model_.config(), sequence, {prompt, {}, options, {}});
    for (answer->take(logits); !answer->ended(); answer->take(logits)) {
      std::vector<SequenceRows> rows;
      answer->add_rows(rows);
      logits = decoder().next_logits(rows);
    }
    return answer->finish().ids;
  }

  /// A token more for each of them.
  Tensor step(const std::vector<Sequence*>& sequences, const KeepGoing& keep_going = {}) {
    std::vector<std::vector<int32_t>> ids;
    std::vector<SequenceRows> rows;
    for (const Sequence* sequence : sequences) ids.push_back({id(sequence->cache.length(), 77)});
    for (size_t i = 0; i < sequences.size(); ++i) rows.push_back({*sequences[i], ids[i]});
    return decoder().next_logits(rows, keep_going);
  }

 private:
  static ModelOptions options(const ModelCase& kind) {
    ModelOptions options;
    options.precision = kind.precision;
    options.visual_memory_int8 = kind.visual_memory_int8;
    options.threads = 1;
    return options;
  }
  static std::unique_ptr<Backend> backend(const ModelCase& kind,
                                          std::shared_ptr<OperationRecorder> recorder,
                                          const std::string& setting) {
    return make_torch_backend("cpu" + setting, options(kind),
                              recorder ? record_operations(recorder) : BeginRecording());
  }
  int32_t id(int64_t place, uint32_t seed) const {
    return static_cast<int32_t>((place * 37 + seed * 11 + 5) % model_.config().vocab_size);
  }

  Owl3Model model_;
};

double relative_difference(const Tensor& a, const Tensor& b) {
  double away = 0, length = 0;
  for (int64_t i = 0; i < b.size(); ++i) {
    away += std::pow(element(a, i) - element(b, i), 2);
    length += std::pow(element(b, i), 2);
  }
  return std::sqrt(away / length);
}

class TorchRepeatedSteps : public testing::TestWithParam<ModelCase> {
 protected:
  TorchRepeatedSteps() {
    // What was recorded to see whether it can be.
    *recorder_ = {};
  }

  int replays() const { return recorder_->launches - recorder_->recordings; }
  double tolerance() const { return GetParam().precision == Precision::kBFloat16 ? 0.03 : 1e-5; }
  /// A step of the same conversations of both.
  void expect_same(const std::vector<Sequence*>& done, const std::vector<Sequence*>& repeated) {
    const Tensor expected = done_.step(done), got = repeated_.step(repeated);
    ASSERT_EQ(expected.size(), got.size());
    ASSERT_LE(relative_difference(got, expected), tolerance());
  }

  std::shared_ptr<OperationRecorder> recorder_ = std::make_shared<OperationRecorder>();
  Talk done_ = Talk(GetParam(), nullptr);
  Talk repeated_ = Talk(GetParam(), recorder_);
};

INSTANTIATE_TEST_SUITE_P(EveryKind, TorchRepeatedSteps,
                         testing::Values(ModelCase{"unified", Precision::kFloat32, false},
                                         ModelCase{"unified", Precision::kFloat32, true},
                                         ModelCase{"unified", Precision::kBFloat16, false},
                                         ModelCase{"gated-tied", Precision::kFloat32, false},
                                         ModelCase{"gated-tied", Precision::kFloat32, true},
                                         ModelCase{"gated-tied", Precision::kBFloat16, true}),
                         test::name_of_case);

TEST_P(TorchRepeatedSteps, GiveWhatStepsGiveOverTheEndsOfPages) {
  const auto conversations = [](Talk& talk) {
    std::vector<Sequence> all;
    all.push_back(talk.conversation(250, {}, 1));
    all.push_back(talk.conversation(5, {4, 9}, 2));
    all.push_back(talk.conversation(300, {16, 16, 5}, 3));
    return all;
  };
  std::vector<Sequence> done = conversations(done_), repeated = conversations(repeated_);
  ASSERT_EQ(recorder_->recordings, 0);
  for (int i = 0; i < 16; ++i) {
    expect_same({&done[0], &done[1], &done[2]}, {&repeated[0], &repeated[1], &repeated[2]});
  }
  // Of 6 steps until a page is full and 9 behind the one that begins another, each time one is done
  // and one recorded.
  EXPECT_EQ(recorder_->recordings, 2);
  EXPECT_EQ(replays(), 11);
  EXPECT_TRUE(recorder_->read_by_host.empty()) << recorder_->read_by_host.front();
}

TEST_P(TorchRepeatedSteps, AreWhatAnswersAreMadeOf) {
  constexpr int64_t kTokens = 12;
  const std::vector<int32_t> answer = repeated_.answer(kTokens);
  EXPECT_EQ(std::ssize(answer), kTokens);
  EXPECT_GE(replays(), kTokens - 3);  // the first is the prompt's, the next two are not replayed
  if (GetParam().precision == Precision::kFloat32) {
    EXPECT_EQ(answer, done_.answer(kTokens));
  }
}

TEST_P(TorchRepeatedSteps, OfLongTextsGiveWhatStepsGive) {
  Sequence done = done_.conversation(1500, {4}, 1), repeated = repeated_.conversation(1500, {4}, 1);
  for (int i = 0; i < 4; ++i) expect_same({&done}, {&repeated});
  EXPECT_EQ(replays(), 2);
}

TEST_P(TorchRepeatedSteps, SendOnceAndWaitOnce) {
  Sequence a = repeated_.conversation(5, {4}, 1), b = repeated_.conversation(9, {}, 2);
  repeated_.step({&a, &b});
  for (int i = 0; i < 3; ++i) {
    const test::HostCopies copies;
    repeated_.step({&a, &b});
    EXPECT_EQ(copies.uploads(), 1);
    EXPECT_EQ(copies.waits(), 1);
  }
  EXPECT_EQ(replays(), 2);
}

TEST_P(TorchRepeatedSteps, AreOfOneConversationEachThatGoesOnBetweenOthers) {
  Sequence a = done_.conversation(8, {4, 7}, 1), b = done_.conversation(8, {4, 7}, 2);
  Sequence c = repeated_.conversation(8, {4, 7}, 1), d = repeated_.conversation(8, {4, 7}, 2);
  for (int i = 0; i < 5; ++i) {
    expect_same({&a}, {&c});
    expect_same({&b}, {&d});
    done_.conversation(6, {3}, 9);
    repeated_.conversation(6, {3}, 9);
  }
  expect_same({&b, &a}, {&d, &c});
  EXPECT_EQ(recorder_->recordings, 2);
  EXPECT_EQ(replays(), 6);
}

TEST_P(TorchRepeatedSteps, AreNoOthersWhereATextWasCutOrForked) {
  Sequence done = done_.conversation(20, {4}, 1), repeated = repeated_.conversation(20, {4}, 1);
  for (int i = 0; i < 4; ++i) expect_same({&done}, {&repeated});
  ASSERT_EQ(replays(), 2);
  done.cache.truncate(21);
  repeated.cache.truncate(21);
  for (int i = 0; i < 4; ++i) expect_same({&done}, {&repeated});
  EXPECT_EQ(replays(), 3);  // behind one that copied the page, one that was done, and one recorded
  Sequence done_fork = done.fork(), fork = repeated.fork();
  for (int i = 0; i < 5; ++i) {
    expect_same({&done}, {&repeated});
    expect_same({&done, &done_fork}, {&repeated, &fork});
  }
  EXPECT_EQ(replays(), 10);
}

TEST_P(TorchRepeatedSteps, AreNoOthersWhereImagesAreOthers) {
  Sequence done = done_.conversation(8, {4, 7}, 1), repeated = repeated_.conversation(8, {4, 7}, 1);
  for (int i = 0; i < 4; ++i) expect_same({&done}, {&repeated});
  ASSERT_EQ(replays(), 2);
  done.images[0].memory = done_.image(4, 5);
  repeated.images[0].memory = repeated_.image(4, 5);
  expect_same({&done}, {&repeated});
  EXPECT_EQ(replays(), 2);
  // Where an image stands is a number like others.
  done.images[1].token_index = repeated.images[1].token_index = 3;
  for (int i = 0; i < 3; ++i) expect_same({&done}, {&repeated});
  done.images[1].token_index = repeated.images[1].token_index = 2;
  expect_same({&done}, {&repeated});
  EXPECT_EQ(replays(), 5);
  done.images.pop_back();
  repeated.images.pop_back();
  expect_same({&done}, {&repeated});
  EXPECT_EQ(replays(), 5);
}

TEST_P(TorchRepeatedSteps, LeaveATextAsItWasWhereTheyAreInterrupted) {
  Sequence done = done_.conversation(8, {4}, 1), repeated = repeated_.conversation(8, {4}, 1);
  for (int steps_before = 0; steps_before < 4; ++steps_before) {
    for (int i = 0; i < steps_before; ++i) expect_same({&done}, {&repeated});
    const int64_t length = repeated.cache.length();
    int layers = 0;
    EXPECT_THROW(repeated_.step({&repeated}, [&] { return ++layers < 2; }), Interrupted);
    EXPECT_EQ(repeated.cache.length(), length);
    expect_same({&done}, {&repeated});  // on a page of its own again
  }
  const int before = replays();
  for (int i = 0; i < 4; ++i) expect_same({&done}, {&repeated});
  EXPECT_EQ(replays(), before + 2);
}

TEST_P(TorchRepeatedSteps, AreDoneAgainWhereTheyCantBeRecorded) {
  for (const char* what : {"begin", "operation", "end"}) {
    const auto recorder = std::make_shared<OperationRecorder>();
    Talk talk(GetParam(), recorder);
    EXPECT_NE(talk.backend().description().find(", graphs"), std::string::npos);
    recorder->begin_fails = std::string(what) == "begin";
    recorder->end_fails = std::string(what) == "end";
    if (std::string(what) == "operation") recorder->fails_after = 100;
    Sequence done = done_.conversation(8, {4}, 1), tried = talk.conversation(8, {4}, 1);
    const int launches = recorder->launches;
    for (int i = 0; i < 6; ++i) {
      const Tensor expected = done_.step({&done}), got = talk.step({&tried});
      ASSERT_LE(relative_difference(got, expected), tolerance()) << what << ", step " << i;
      EXPECT_EQ(tried.cache.length(), done.cache.length());
    }
    EXPECT_EQ(recorder->launches, launches) << what;
    EXPECT_EQ(talk.backend().description().find(", graphs"), std::string::npos);
  }
}

TEST_P(TorchRepeatedSteps, AreDoneAgainAndOfOtherKindsGoOnWhereMemoryLacks) {
  for (const std::string what : {"begin", "operation", "end", "launch", "replay"}) {
    const auto recorder = std::make_shared<OperationRecorder>();
    Talk talk(GetParam(), recorder);
    *recorder = {.lacks_memory = true};
    recorder->begin_fails = what == "begin";
    recorder->end_fails = what == "end";
    recorder->launch_fails = what == "launch";
    if (what == "operation") recorder->fails_after = 100;
    Sequence done = done_.conversation(8, {4}, 1), tried = talk.conversation(8, {4}, 1);
    const auto expect_steps = [&](int count) {
      for (int i = 0; i < count; ++i) {
        const Tensor expected = done_.step({&done}), got = talk.step({&tried});
        ASSERT_LE(relative_difference(got, expected), tolerance()) << what << ", step " << i;
        EXPECT_EQ(tried.cache.length(), done.cache.length());
      }
    };
    expect_steps(3);
    if (what == "replay") {
      EXPECT_EQ(recorder->launches, 2);
      recorder->launch_fails = true;
      expect_steps(1);
    }
    // It is not tried again, though now it would do.
    *recorder = {};
    expect_steps(4);
    EXPECT_EQ(recorder->begun, 0) << what;
    EXPECT_EQ(recorder->launches, 0) << what;
    EXPECT_NE(talk.backend().description().find(", graphs"), std::string::npos) << what;
    // Of two images, and of none.
    for (const std::vector<int64_t>& images : {std::vector<int64_t>{4, 7}, {}}) {
      *recorder = {};
      done = done_.conversation(8, images, 1);
      tried = talk.conversation(8, images, 1);
      expect_steps(4);
      EXPECT_EQ(recorder->recordings, 1) << what;
      EXPECT_EQ(recorder->launches, 3) << what;
    }
  }
}

TEST_P(TorchRepeatedSteps, AreNoneOfImagesBesideTheDevice) {
  Talk beside(GetParam(), recorder_, ",memory=0");
  *recorder_ = {};
  Sequence done = done_.conversation(8, {4}, 1), read = beside.conversation(8, {4}, 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_LE(relative_difference(beside.step({&read}), done_.step({&done})), tolerance());
  }
  EXPECT_EQ(recorder_->launches, 0);
}

/// One row over a page of which the first places are filled.
class TorchRepeatedRow : public testing::Test {
 protected:
  static constexpr int64_t kHeads = 2, kSize = 8;

  Tensor rows(int64_t count, uint32_t seed) {
    return backend_->upload(random_tensor({count, kHeads, kSize}, seed));
  }
  std::unique_ptr<StepScope> begin() {
    return backend_->step_repeater()->begin({{&page_.keys}, {}});
  }
  Tensor attended(uint32_t seed) {
    backend_->append(page_, key_, key_);
    const TextRows text = {1, page_.count - 1, {&page_, 1}};
    const AttentionPart part = backend_->causal_attention(rows_[seed], {&text, 1});
    return backend_->download(part.out);
  }

  std::shared_ptr<OperationRecorder> recorder_ = std::make_shared<OperationRecorder>();
  std::unique_ptr<Backend> backend_ =
      make_torch_backend("cpu", {.precision = Precision::kFloat32}, record_operations(recorder_));
  Tensor key_ = rows(1, 7);
  std::vector<Tensor> rows_ = {rows(1, 0), rows(1, 0)};
  KeyValueBlock page_ = backend_->new_block(kHeads, 32, kSize, DType::kF32);
};

TEST_F(TorchRepeatedRow, SeesNothingOfWhatLiesBehindIt) {
  Tensor bad = make_tensor(DType::kF32, {20, kHeads, kSize});
  std::fill(bad.f32(), bad.f32() + bad.size(), NAN);
  backend_->append(page_, backend_->upload(bad), backend_->upload(bad));
  page_.count = 0;
  for (int i = 0; i < 4; ++i) {
    const auto scope = begin();
    const Tensor got = attended(0);
    // All keys and values are the same: so is their mean.
    const Tensor value = backend_->download(key_);
    for (int64_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got.f32()[j], value.f32()[j], 1e-6);
  }
}

TEST_F(TorchRepeatedRow, IsDoneAgainWhereItIsOfOtherOperations) {
  for (int i = 0; i < 3; ++i) {
    const auto scope = begin();
    attended(0);
  }
  {
    const auto scope = begin();
    EXPECT_THROW(backend_->swiglu(key_, key_), StepNotRepeated);
  }
  EXPECT_EQ(begin(), nullptr);
  EXPECT_NO_THROW(attended(0));
}

TEST_F(TorchRepeatedRow, IsDoneAgainWhereItReadsOtherMemory) {
  for (int i = 0; i < 3; ++i) {
    const auto scope = begin();
    attended(0);
  }
  const auto scope = begin();
  EXPECT_THROW(attended(1), StepNotRepeated);
}

TEST_F(TorchRepeatedRow, IsNoOtherWhereItsPageIsAnother) {
  for (int i = 0; i < 3; ++i) {
    const auto scope = begin();
    attended(0);
  }
  const int launches = recorder_->launches;
  page_ = backend_->copy(page_);
  const auto scope = begin();
  attended(0);
  EXPECT_EQ(recorder_->launches, launches);
}

TEST_F(TorchRepeatedRow, IsOfTheThreadThatBeganIt) {
  for (int i = 0; i < 4; ++i) {
    const auto scope = begin();
    std::thread([&] { EXPECT_NO_THROW(backend_->download(backend_->swiglu(key_, key_))); }).join();
    attended(0);
  }
}

TEST(TorchRepeatedStepsSetting, TurnsThemOff) {
  const auto recorder = std::make_shared<OperationRecorder>();
  for (const char* off :
       {"cpu,graphs=off", "cpu,memory=1M,graphs=off", "cpu,graphs=off,memory=1M"}) {
    EXPECT_EQ(make_torch_backend(off, {}, record_operations(recorder))->step_repeater(), nullptr);
  }
  EXPECT_NE(make_torch_backend("cpu,graphs=on", {}, record_operations(recorder))->step_repeater(),
            nullptr);
  // The host's own operations are told at no cost.
  EXPECT_EQ(make_torch_backend("cpu", {})->step_repeater(), nullptr);
  for (const char* bad : {"cpu,graphs", "cpu,graphs=", "cpu,graphs=1", "cpu,graphs=off,graphs=off",
                          "cpu,memory=1,memory=2", "cpu,graphs=off,"}) {
    EXPECT_THROW(make_torch_backend(bad, {}), UsageError) << bad;
  }
}

}  // namespace
}  // namespace owl3
