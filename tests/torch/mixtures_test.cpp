// Random mixtures of conversations on LibTorch's CPU against the CPU backend: of any length, with
// images of several sizes, some reading one token and some a part of a prompt in the same step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "backend/make_backend.h"
#include "model/owl3_model.h"
#include "model_case.h"

namespace owl3 {
namespace {

using test::ModelCase;

/// What a conversation reads in a step: ids, and images of so many tokens at these places among
/// them.
struct Reading {
  struct Image {
    int64_t at = 0;
    int64_t tokens = 0;
    uint32_t seed = 0;
  };
  std::vector<int32_t> ids;
  std::vector<Image> images;
};

/// Steps of conversations; who reads nothing in one is not part of it.
using Mixture = std::vector<std::vector<Reading>>;

class MixtureMaker {
 public:
  MixtureMaker(uint32_t seed, int64_t vocabulary) : random_(seed), vocabulary_(vocabulary) {}

  Mixture make() {
    constexpr int64_t kMostConversations = 12, kSteps = 4;
    const auto conversations = static_cast<size_t>(number(1, kMostConversations));
    Mixture mixture;
    std::vector<int64_t> images;  // that a conversation has yet to see
    for (size_t i = 0; i < conversations; ++i) images.push_back(number(0, 2) * number(0, 10));
    for (int64_t step = 0; step < kSteps; ++step) {
      std::vector<Reading>& readings = mixture.emplace_back(conversations);
      for (size_t i = 0; i < conversations; ++i) {
        const int64_t kind = number(0, 5);  // 0 waits, to 3 decodes, to 5 reads a part of a prompt
        if (step > 0 && kind == 0 && conversations > 1) continue;
        readings[i] = reading(step > 0 && kind <= 3 ? 1 : number(2, 70), images[i]);
      }
    }
    return mixture;
  }

 private:
  int64_t number(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random_);
  }

  Reading reading(int64_t tokens, int64_t& images_left) {
    Reading made;
    for (int64_t t = 0; t < tokens; ++t) {
      made.ids.push_back(static_cast<int32_t>(number(0, vocabulary_ - 1)));
      if (images_left == 0 || number(0, 1) == 0) continue;
      constexpr int64_t kTokens[] = {1, 5, 16, 33};
      made.images.push_back({t, kTokens[number(0, 3)], static_cast<uint32_t>(number(1, 1 << 20))});
      --images_left;
    }
    return made;
  }

  std::mt19937 random_;
  int64_t vocabulary_;
};

/// The logits of every step: of each conversation that reads something, in order.
std::vector<Tensor> logits_of(Owl3Model& model, const Mixture& mixture) {
  Decoder& decoder = model.decoder();
  std::vector<Sequence> conversations;
  for (size_t i = 0; i < mixture.front().size(); ++i) {
    conversations.push_back(decoder.new_sequence());
  }
  std::vector<Tensor> logits;
  for (const std::vector<Reading>& readings : mixture) {
    std::vector<SequenceRows> step;
    for (size_t i = 0; i < readings.size(); ++i) {
      if (readings[i].ids.empty()) continue;
      for (const Reading::Image& image : readings[i].images) {
        const Tensor embeddings =
            random_tensor({image.tokens, model.config().hidden_size}, image.seed);
        conversations[i].images.push_back(
            {conversations[i].cache.length() + image.at,
             decoder.remember(model.backend().upload(embeddings), image.tokens).front()});
      }
      step.push_back({conversations[i], readings[i].ids});
    }
    if (!step.empty()) logits.push_back(decoder.next_logits(step));
  }
  return logits;
}

/// The length of a - b over that of b.
double relative_difference(const Tensor& a, const Tensor& b) {
  double away = 0, length = 0;
  for (int64_t i = 0; i < b.size(); ++i) {
    away += std::pow(element(a, i) - element(b, i), 2);
    length += std::pow(element(b, i), 2);
  }
  return std::sqrt(away / length);
}

class TorchMixtures : public testing::TestWithParam<ModelCase> {
 protected:
  Owl3Model model(std::unique_ptr<Backend> backend) {
    ModelOptions options;
    options.precision = GetParam().precision;
    options.visual_memory_int8 = GetParam().visual_memory_int8;
    options.threads = 1;
    const auto folder = std::filesystem::path(OWL3_TEST_DATA) / "model" / GetParam().model;
    return {Checkpoint::open(folder), backend ? std::move(backend) : make_backend(options),
            options};
  }

  /// Where a key is rounded to int8, a value that lies between two numbers becomes the one or the
  /// other by the last bit of what computed it.
  double tolerance() const {
    if (GetParam().precision == Precision::kBFloat16) return 0.03;
    return GetParam().visual_memory_int8 ? 3e-3 : 1e-5;
  }
};

INSTANTIATE_TEST_SUITE_P(EveryKind, TorchMixtures,
                         testing::Values(ModelCase{"unified", Precision::kFloat32, false},
                                         ModelCase{"unified", Precision::kFloat32, true},
                                         ModelCase{"unified", Precision::kBFloat16, false},
                                         ModelCase{"unified", Precision::kBFloat16, true},
                                         ModelCase{"gated-tied", Precision::kFloat32, false},
                                         ModelCase{"gated-tied", Precision::kBFloat16, false},
                                         ModelCase{"gated-tied", Precision::kBFloat16, true}),
                         test::name_of_case);

TEST_P(TorchMixtures, GetWhatTheCpuBackendGivesThem) {
  Owl3Model here = model(nullptr), there = model(test::torch_cpu(GetParam().precision));
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    const Mixture mixture = MixtureMaker(seed, here.config().vocab_size).make();
    const std::vector<Tensor> expected = logits_of(here, mixture), got = logits_of(there, mixture);
    ASSERT_EQ(expected.size(), got.size());
    for (size_t step = 0; step < got.size(); ++step) {
      EXPECT_LE(relative_difference(got[step], expected[step]), tolerance())
          << "mixture " << seed << ", step " << step;
    }
  }
}

TEST_P(TorchMixtures, GetTheSameBitsWhereverTheirImagesLie) {
  Owl3Model on = model(test::torch_cpu(GetParam().precision));
  Owl3Model beside = model(test::torch_cpu(GetParam().precision, ",memory=20K"));
  for (uint32_t seed = 11; seed <= 14; ++seed) {
    const Mixture mixture = MixtureMaker(seed, on.config().vocab_size).make();
    const std::vector<Tensor> a = logits_of(on, mixture), b = logits_of(beside, mixture);
    for (size_t step = 0; step < a.size(); ++step) {
      EXPECT_TRUE(std::equal(a[step].f32(), a[step].f32() + a[step].size(), b[step].f32()))
          << "mixture " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace owl3
