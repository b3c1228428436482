// Caches, forks and images in sequences.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "generate/generate.h"
#include "model/owl3_model.h"

namespace owl3 {
namespace {

std::unique_ptr<Owl3Model> open_model(const std::string& name, int threads = 2) {
  CpuOptions options;
  options.threads = threads;
  options.matrix_product = MatrixProduct::kFloat32;
  return std::make_unique<Owl3Model>(
      Checkpoint::open(std::filesystem::path(OWL3_TEST_DATA) / "model" / name),
      std::make_unique<CpuBackend>(options), ModelOptions{Precision::kFloat32});
}

Tensor pixels_of(const Owl3Model& model, int64_t images) {
  const int64_t size = model.config().vision.image_size;
  Tensor pixels = make_tensor(DType::kF32, {images, 3, size, size});
  for (int64_t i = 0; i < pixels.size(); ++i) {
    pixels.f32()[i] = std::sin(static_cast<float>(i) * 0.37f);
  }
  return pixels;
}

std::vector<int32_t> ids_of(int64_t count) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>(5 + i * 31 % 300));
  return ids;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(double{a.f32()[i]} - double{b.f32()[i]}));
  }
  return largest;
}

TEST(Sequence, ForksGrowApartAcrossPages) {
  const auto model = open_model("gated-tied");
  const std::vector<int32_t> ids = ids_of(700);  // three pages
  Sequence origin = model->decoder().new_sequence();
  prefill(*model, origin, std::span(ids).first(600));
  Sequence fork = origin.fork();
  const Tensor a = prefill(*model, fork, std::span(ids).subspan(600));
  const std::vector<int32_t> other = {9, 8, 7};
  prefill(*model, origin, other);
  EXPECT_EQ(origin.cache.length(), 603);
  EXPECT_EQ(fork.cache.length(), 700);
  Sequence whole = model->decoder().new_sequence();
  const Tensor b = prefill(*model, whole, ids);
  EXPECT_LT(largest_difference(a, b), 1e-4);
}

TEST(Sequence, TruncatedTextIsForgotten) {
  const auto model = open_model("unified");
  const std::vector<int32_t> ids = ids_of(300);
  Sequence sequence = model->decoder().new_sequence();
  prefill(*model, sequence, ids);
  for (const int64_t length : {256, 100, 0}) {
    sequence.cache.truncate(length);
    EXPECT_EQ(sequence.cache.length(), length);
    Sequence copy = sequence.fork();
    const Tensor again = prefill(*model, copy, std::span(ids).subspan(static_cast<size_t>(length)));
    Sequence fresh = model->decoder().new_sequence();
    EXPECT_LT(largest_difference(again, prefill(*model, fresh, ids)), 1e-4) << length;
  }
}

TEST(Sequence, ForgottenTextAndImagesGetNoAttention) {
  for (const char* name : {"gated-tied", "unified"}) {
    const auto model = open_model(name);
    const auto images = model->remember_images(pixels_of(*model, 2));
    const std::vector<int32_t> ids = ids_of(52);
    Sequence slid = model->decoder().new_sequence(16);
    slid.images = {{3, images[0]}, {32 + 4, images[1]}};
    prefill(*model, slid, std::span(ids).first(32));
    slid.images.erase(slid.images.begin());
    slid.cache.forget(32);
    EXPECT_EQ(slid.cache.length(), 32);
    EXPECT_EQ(slid.cache.forgotten(), 32);
    EXPECT_EQ(slid.cache.bytes(), 0u);
    // With nothing before it, a text is the same at any position.
    Sequence fresh = model->decoder().new_sequence();
    fresh.images = {{4, images[1]}};
    const auto rest = std::span(ids).subspan(32);
    Sequence fork = slid.fork();
    const Tensor expected = prefill(*model, fresh, rest);
    EXPECT_LT(largest_difference(prefill(*model, fork, rest), expected), 1e-4) << name;
    // In pieces, with one that fails between them.
    prefill(*model, slid, rest.first(9));
    int asked = 0;
    EXPECT_THROW(model->decoder().forward(slid, rest.subspan(9), [&] { return ++asked < 3; }),
                 Interrupted);
    EXPECT_EQ(slid.cache.length(), 41);
    EXPECT_LT(largest_difference(prefill(*model, slid, rest.subspan(9)), expected), 1e-4) << name;
  }
}

TEST(Sequence, ForgetsByWholePagesAndNeverTheBeginning) {
  const auto model = open_model("unified");
  Sequence sequence = model->decoder().new_sequence(16);
  const auto read = [&](int64_t tokens) { prefill(*model, sequence, ids_of(tokens)); };
  read(5);
  sequence.cache.keep_beginning();
  read(40);  // pages of 16, 16 and 8
  const auto forgotten_by = [&](int64_t first_kept) {
    sequence.cache.forget(first_kept);
    return sequence.cache.forgotten();
  };
  EXPECT_EQ(forgotten_by(5 + 15), 0);
  EXPECT_EQ(forgotten_by(5 + 17), 16);
  EXPECT_EQ(forgotten_by(5 + 31), 16);
  EXPECT_EQ(forgotten_by(45), 32);
  ASSERT_EQ(sequence.cache.pages(0).size(), 2u);
  EXPECT_EQ(sequence.cache.pages(0)[0].count, 5);
  EXPECT_EQ(sequence.cache.pages(0)[1].count, 8);
  read(20);
  EXPECT_EQ(sequence.cache.length(), 65);
  EXPECT_EQ(forgotten_by(65), 48);
  sequence.cache.truncate(60);
  EXPECT_EQ(sequence.cache.pages(0).back().count, 7);
}

TEST(Sequence, AnInterruptedReadingLeavesTheTextAsItWas) {
  const auto model = open_model("gated-untied");
  Sequence sequence = model->decoder().new_sequence();
  const std::vector<int32_t> ids = ids_of(40);
  model->decoder().forward(sequence, ids);
  int asked = 0;
  EXPECT_THROW(model->decoder().forward(sequence, ids, [&] { return ++asked < 3; }), Interrupted);
  EXPECT_EQ(sequence.cache.length(), 40);
  const Tensor after = model->decoder().forward(sequence, std::span(ids).first(1));
  Sequence fresh = model->decoder().new_sequence();
  model->decoder().forward(fresh, ids);
  EXPECT_LT(largest_difference(after, model->decoder().forward(fresh, std::span(ids).first(1))),
            1e-5);
}

TEST(Images, AreEncodedTheSameAloneAndInABatch) {
  const auto model = open_model("unified");
  const Tensor pixels = pixels_of(*model, 5);
  const auto together = model->remember_images(pixels);
  for (int64_t i = 0; i < 5; ++i) {
    const auto alone = model->remember_images(pixels.rows(i, i + 1));
    for (size_t layer = 0; layer < alone[0]->layers.size(); ++layer) {
      EXPECT_LT(largest_difference(alone[0]->layers[layer].keys,
                                   together[static_cast<size_t>(i)]->layers[layer].keys),
                1e-4);
    }
  }
}

TEST(Images, MoveTheAnswerWhereverTheyStand) {
  for (const char* name : {"gated-tied", "unified"}) {
    const auto model = open_model(name);
    const auto images = model->remember_images(pixels_of(*model, 2));
    const std::vector<int32_t> ids = ids_of(20);
    const auto logits_with = [&](std::vector<PlacedImage> placed) {
      Sequence sequence = model->decoder().new_sequence();
      sequence.images = std::move(placed);
      return prefill(*model, sequence, ids);
    };
    const Tensor none = logits_with({});
    const Tensor first = logits_with({{3, images[0]}});
    const Tensor swapped = logits_with({{3, images[1]}});
    const Tensor moved = logits_with({{9, images[0]}});
    EXPECT_GT(largest_difference(none, first), 0.1) << name;
    EXPECT_GT(largest_difference(first, swapped), 0.1) << name;
    EXPECT_GT(largest_difference(first, moved), 0.01) << name;
  }
}

TEST(Model, GivesTheSameLogitsOnAnyNumberOfThreads) {
  const auto one = open_model("gated-tied", 1);
  const auto three = open_model("gated-tied", 3);
  const std::vector<int32_t> ids = ids_of(300);
  const Tensor pixels = pixels_of(*one, 3);
  const auto logits_of = [&](Owl3Model& model) {
    Sequence sequence = model.decoder().new_sequence();
    int64_t position = 1;
    for (const ImageMemoryPtr& image : model.remember_images(pixels)) {
      sequence.images.push_back({position += 2, image});
    }
    return prefill(model, sequence, ids);
  };
  EXPECT_EQ(largest_difference(logits_of(*one), logits_of(*three)), 0);
}

}  // namespace
}  // namespace owl3
