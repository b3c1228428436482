#include "cli/bench/bench_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "backend/make_backend.h"
#include "cli/bench/bench_conversations.h"
#include "core/counted.h"
#include "core/error.h"
#include "generate/generate.h"
#include "program/progress_bar.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

ModelOptions with_threads(ModelOptions options, int threads) {
  options.threads = threads;
  return options;
}

std::vector<int32_t> some_tokens(const ModelConfig& config, int64_t count) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  const auto vocabulary = static_cast<size_t>(std::min<int64_t>(config.vocab_size, 150000));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>((i * 7919 + 17) % vocabulary);
  }
  return ids;
}

Tensor some_pixels(const ModelConfig& config, int64_t images) {
  const int64_t size = config.vision.image_size;
  Tensor pixels = make_tensor(DType::kF32, {images, 3, size, size});
  for (int64_t i = 0; i < pixels.size(); ++i) {
    pixels.f32()[i] = std::sin(static_cast<float>(i) * 0.01f);
  }
  return pixels;
}

int64_t visual_bytes(const Sequence& sequence) {
  size_t bytes = 0;
  for (const PlacedImage& image : sequence.images) bytes += image.memory->bytes();
  return static_cast<int64_t>(bytes);
}

int64_t images_in(const Sequence& sequence) {
  return static_cast<int64_t>(sequence.images.size());
}

}  // namespace

BenchTests::BenchTests(const BenchOptions& options, const Checkpoint& checkpoint, int threads,
                       const InterruptGuard& interrupt)
    : options_(options),
      interrupt_(interrupt),
      keep_going_([this] { return !interrupt_.interrupted(); }),
      model_(checkpoint, make_backend(with_threads(options.model_options, threads)),
             options.model_options),
      scheduler_(std::make_shared<Scheduler>(model_)),
      counts_(checkpoint, options.model_options, cpu::best_kernels().bf16_dot) {}

void BenchTests::check_interrupt() const {
  owl3::check_interrupt(keep_going_);
}

/// Times timed(prepare()) after one run to warm up: file pages, buffers, generated code.
template <typename Prepare, typename Timed>
Measurement BenchTests::measure(std::string test, const Prepare& prepare, const Timed& timed,
                                std::optional<int> repetitions) const {
  Measurement m;
  m.test = std::move(test);
  const int count = repetitions.value_or(options_.repetitions);
  ProgressBar bar;
  for (int i = -1; i < count; ++i) {
    check_interrupt();
    bar.update(m.test, i + 1, count + 1);
    auto state = prepare();
    const auto start = Clock::now();
    timed(state);
    if (i >= 0) m.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return m;
}

void BenchTests::run(const std::function<void(const Measurement&)>& report) {
  if (options_.wants("encode")) {
    report(encode(1));
    if (options_.batch > 1) report(encode(options_.batch));
  }
  if (options_.wants("prefill")) report(prefill_text());
  if (options_.wants("decode")) {
    const Sequence prompt = after_prompt(model_.decoder().new_sequence());
    for (const int64_t conversations : options_.parallel) report(decode(prompt, conversations));
  }
  for (const int64_t images : options_.images) {
    if (options_.wants("images")) run_images(images, report);
    if (options_.wants("evidence")) run_evidence(images, report);
  }
}

void BenchTests::run_evidence(int64_t images,
                              const std::function<void(const Measurement&)>& report) {
  const Sequence plain = after_prompt(with_images(images));
  Sequence watched = plain.fork();
  watched.log.emplace(ReadingLog{plain.cache.length()});
  Measurement without, with;
  for (int i = 0; i < options_.repetitions; ++i) {
    const Measurement a = decode(plain, 1, 1);
    const Measurement b = decode(watched, 1, 1);
    if (i == 0) {
      without = a;
      with = b;
    } else {
      without.seconds.push_back(a.seconds.front());
      with.seconds.push_back(b.seconds.front());
    }
  }
  with.test += ", evidence";
  report(without);
  report(with);
}

void BenchTests::run_images(int64_t images, const std::function<void(const Measurement&)>& report) {
  const Sequence placed = with_images(images);
  report(prefill_images(placed));
  const Sequence prompt = after_prompt(placed);
  report(decode(prompt));
  report(second_question(prompt));
}

Measurement BenchTests::encode(int64_t images) {
  const std::string test =
      images == 1 ? "encode 1 image" : fmt::format("encode {} at once", images);
  Measurement m = measure(
      test, [&] { return some_pixels(model_.config(), images); },
      [&](const Tensor& pixels) { memory_ = model_.remember_images(pixels, keep_going_).front(); });
  m.items = static_cast<double>(images);
  m.item = "image";
  m.work = counts_.encode(images);
  return m;
}

Measurement BenchTests::prefill_text() {
  const int64_t tokens = options_.prefill_tokens;
  Measurement m = measure(
      "prefill " + counted(tokens, "token"), [&] { return model_.decoder().new_sequence(); },
      [&](Sequence& sequence) { read(sequence, tokens); });
  m.items = static_cast<double>(tokens);
  m.item = "token";
  m.work = counts_.read(tokens, 0, 0, 0);
  return m;
}

/// A prompt as a user asks it: the images' tokens, then a question.
Measurement BenchTests::prefill_images(const Sequence& placed) {
  const int64_t images = images_in(placed);
  const int64_t tokens = images + kPromptTokens;
  Measurement m = measure(
      "prefill " + counted(images, "image"), [&] { return placed.fork(); },
      [&](Sequence& sequence) { read(sequence, tokens); });
  m.items = static_cast<double>(tokens);
  m.item = "token";
  m.images = images;
  m.visual_memory_bytes = visual_bytes(placed);
  // The question sees every image, the images' own tokens half of them.
  const auto count = static_cast<double>(images);
  const double visible =
      (count * count / 2 + static_cast<double>(kQuestionTokens) * count) / m.items;
  m.work = counts_.read(tokens, 0, images, visible);
  return m;
}

Measurement BenchTests::decode(const Sequence& prompt, int64_t conversations,
                               std::optional<int> repetitions) {
  const int64_t images = images_in(prompt);
  const int64_t tokens = options_.decode_tokens;
  // The last token of the prompt is read with the others' first: a step for every token.
  const std::vector<int32_t> ids = some_tokens(model_.config(), prompt.cache.length() + 1);
  std::string test = images == 0 ? "decode" : "decode at " + counted(images, "image");
  if (conversations > 1) test += fmt::format(", {} at once", conversations);
  Measurement m = measure(
      std::move(test), [&] { return ids; },
      [&](const std::vector<int32_t>& prompt_ids) {
        write_answers(*scheduler_, prompt, prompt_ids, conversations, tokens, keep_going_);
      },
      repetitions);
  m.items = static_cast<double>(conversations * tokens);
  m.item = "token";
  m.conversations = conversations;
  m.images = images;
  m.visual_memory_bytes = visual_bytes(prompt);
  for (int64_t i = 0; i < tokens; ++i) {
    m.work +=
        counts_.read(conversations, prompt.cache.length() + i, images, static_cast<double>(images));
  }
  return m;
}

/// The time to the first token of a further question: its tokens are read, and no image again.
Measurement BenchTests::second_question(const Sequence& prompt) {
  const int64_t images = images_in(prompt);
  Measurement m = measure(
      "second question, " + counted(images, "image"), [&] { return prompt.fork(); },
      [&](Sequence& sequence) { read(sequence, kQuestionTokens); });
  m.items = static_cast<double>(kQuestionTokens);
  m.item = "token";
  m.images = images;
  m.visual_memory_bytes = visual_bytes(prompt);
  m.work =
      counts_.read(kQuestionTokens, prompt.cache.length(), images, static_cast<double>(images));
  return m;
}

void BenchTests::read(Sequence& sequence, int64_t tokens) {
  const std::vector<int32_t> ids = some_tokens(model_.config(), tokens);
  prefill(model_, sequence, ids, [&](int64_t, int64_t) { return keep_going_(); });
}

Sequence BenchTests::after_prompt(const Sequence& placed) {
  Sequence sequence = placed.fork();
  read(sequence, images_in(placed) + kPromptTokens);
  return sequence;
}

Sequence BenchTests::with_images(int64_t count) {
  const ImageMemoryPtr memory = memory_of_an_image();
  Sequence sequence = model_.decoder().new_sequence();
  for (int64_t i = 0; i < count; ++i) {
    check_interrupt();
    // Distinct copies, so that the caches hold no more of them than of real images.
    auto copy = std::make_shared<ImageMemory>();
    for (const KeyValueBlock& block : memory->layers) {
      copy->layers.push_back(model_.backend().copy(block));
    }
    sequence.images.push_back({kPromptTokens - kQuestionTokens + i, copy});
  }
  return sequence;
}

ImageMemoryPtr BenchTests::memory_of_an_image() {
  if (memory_ == nullptr) {
    memory_ = model_.remember_images(some_pixels(model_.config(), 1), keep_going_).front();
  }
  return memory_;
}

}  // namespace owl3::cli
