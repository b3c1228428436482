// owl3 bench: how fast a model runs here, and how near to what the machine can do.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "backend/cpu/cpu_backend.h"
#include "cli/commands.h"
#include "cli/machine_peaks.h"
#include "core/threads.h"
#include "generate/generate.h"
#include "model/owl3_model.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  std::string precision = "bf16";
  int threads = 0;
  int repetitions = 5;
  int64_t prefill_tokens = 512;
  int64_t decode_tokens = 16;
  std::vector<int64_t> images = {1, 10};
  bool json = false;
};

/// One line of the table: seconds of every repetition, and what a second of work is worth.
struct Measurement {
  std::string test;
  std::vector<double> seconds;
  double items = 0;  // per repetition
  std::string unit;
  double flops = 0;  // per repetition
  double bytes = 0;

  double median() const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    const size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  /// Half the range between the slowest and the fastest repetition, relative to the median.
  double spread() const {
    const auto [fastest, slowest] = std::minmax_element(seconds.begin(), seconds.end());
    return (*slowest - *fastest) / 2 / median();
  }
  /// Of the machine's arithmetic or memory peak, whichever is the tighter bound.
  double peak_fraction(const MachinePeaks& peaks) const {
    const double limit =
        std::max(flops / (peaks.gflops * 1e9), bytes / (peaks.gigabytes_per_second * 1e9));
    return limit / median();
  }
};

template <typename Work>
Measurement measure(const Options& options, std::string test, const Work& work) {
  Measurement m;
  m.test = std::move(test);
  work();  // warm-up: file pages, buffers
  for (int i = 0; i < options.repetitions; ++i) {
    const auto start = Clock::now();
    work();
    m.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return m;
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        threads_(options.threads > 0 ? options.threads : available_threads()),
        precision_(options.precision == "float32" ? Precision::kFloat32 : Precision::kBFloat16),
        model_(Checkpoint::open(options.model), make_backend(), ModelOptions{precision_}) {}

  void run() {
    peaks_ = measure_peaks(cpu::best_kernels(), threads_);
    if (!options_.json) print_header();
    add(encode_image());
    add(prefill_text());
    add(decode(0));
    for (const int64_t images : options_.images) {
      add(prefill_images(images));
      add(decode(images));
    }
    if (options_.json) fmt::print("{}\n", to_json().dump(2));
    if (!options_.json) fmt::print("\npeak memory {:.2f} GiB\n", peak_memory_gib());
  }

 private:
  std::unique_ptr<Backend> make_backend() const {
    CpuOptions cpu;
    cpu.threads = threads_;
    if (precision_ == Precision::kFloat32) cpu.matrix_product = MatrixProduct::kFloat32;
    return std::make_unique<CpuBackend>(cpu);
  }

  // --- The work's arithmetic and bytes, from the shapes.

  double image_flops() const {
    const ModelConfig& config = model_.config();
    const VisionConfig& vision = config.vision;
    const auto tokens = static_cast<double>(vision.tokens_per_image());
    const auto width = static_cast<double>(vision.hidden_size);
    const double layer_weights =
        4 * width * width + 2 * width * static_cast<double>(vision.intermediate_size);
    const double encoder = static_cast<double>(vision.layers_used()) *
                           (2 * tokens * layer_weights + 4 * tokens * tokens * width);
    double rest = width * 3 * static_cast<double>(vision.patch_size * vision.patch_size);
    rest += width * static_cast<double>(config.hidden_size);
    if (model_.checkpoint().variant() == Variant::kUnified) {
      rest += static_cast<double>(config.hidden_size * config.hidden_size);
    }
    rest += static_cast<double>(config.hyper_layers.size()) *
            static_cast<double>(config.hidden_size * 2 * config.key_value_size());
    return encoder + 2 * tokens * rest;
  }

  double decoder_weights() const {
    const ModelConfig& config = model_.config();
    const auto width = static_cast<double>(config.hidden_size);
    const double attention =
        2 * width * width + 2 * width * static_cast<double>(config.key_value_size());
    const double mlp = 3 * width * static_cast<double>(config.intermediate_size);
    return static_cast<double>(config.num_hidden_layers) * (attention + mlp);
  }

  double head_weights() const {
    return static_cast<double>(model_.config().vocab_size * model_.config().hidden_size);
  }

  double visual_bytes(int64_t images) const {
    const ModelConfig& config = model_.config();
    return static_cast<double>(images * static_cast<int64_t>(config.hyper_layers.size()) * 2 *
                               config.key_value_size() * config.vision.tokens_per_image() *
                               (precision_ == Precision::kFloat32 ? 4 : 2));
  }

  // Scores and weighted sums of `tokens` queries that see all of `images`.
  double visual_flops(double tokens, int64_t images) const {
    const ModelConfig& config = model_.config();
    return 4 * tokens * static_cast<double>(images * config.vision.tokens_per_image()) *
           static_cast<double>(config.hidden_size) *
           static_cast<double>(config.hyper_layers.size());
  }

  // What a token of decoding reads: the decoder's weights but for the embedding table, and the head.
  double decoded_weight_bytes() const {
    const Checkpoint& checkpoint = model_.checkpoint();
    const bool tied = model_.config().tie_word_embeddings;
    double bytes = 0;
    for (const auto& [name, tensor] : checkpoint.tensors()) {
      const bool embedding = name == "language_model.model.embed_tokens.weight";
      const bool reads = name.starts_with("language_model.") && (tied || !embedding) &&
                         name.find("v_kv_proj") == std::string::npos;
      if (reads) bytes += static_cast<double>(tensor.size_bytes());
    }
    return bytes;
  }

  // --- The tests.

  std::vector<int32_t> some_tokens(int64_t count) const {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (size_t i = 0; i < ids.size(); ++i) {
      ids[i] = static_cast<int32_t>((i * 7919 + 17) % static_cast<size_t>(std::min<int64_t>(
                                                          model_.config().vocab_size, 150000)));
    }
    return ids;
  }

  Tensor some_pixels() const {
    const int64_t size = model_.config().vision.image_size;
    Tensor pixels = make_tensor(DType::kF32, {1, 3, size, size});
    for (int64_t i = 0; i < pixels.size(); ++i) {
      pixels.f32()[i] = std::sin(static_cast<float>(i) * 0.01f);
    }
    return pixels;
  }

  Measurement encode_image() {
    const Tensor pixels = some_pixels();
    Measurement m = measure(options_, "encode 1 image",
                            [&] { memory_ = model_.remember_images(pixels).front(); });
    m.items = 1;
    m.unit = "images/s";
    m.flops = image_flops();
    return m;
  }

  Measurement prefill_text() {
    const std::vector<int32_t> ids = some_tokens(options_.prefill_tokens);
    Measurement m = measure(options_, fmt::format("prefill {} tokens", ids.size()), [&] {
      Sequence sequence = model_.decoder().new_sequence();
      prefill(model_, sequence, ids);
    });
    m.items = static_cast<double>(ids.size());
    m.unit = "tokens/s";
    m.flops = 2 * m.items * decoder_weights() + 2 * head_weights();
    return m;
  }

  // Distinct copies, so that the caches hold no more of them than of real images.
  Sequence with_images(int64_t count) {
    Sequence sequence = model_.decoder().new_sequence();
    for (int64_t i = 0; i < count; ++i) {
      auto copy = std::make_shared<ImageMemory>();
      for (const KeyValueBlock& block : memory_->layers) copy->layers.push_back(block.copy());
      sequence.images.push_back({4 + i, copy});
    }
    return sequence;
  }

  // A prompt as a user asks it: the images' tokens, then a question of 32.
  Measurement prefill_images(int64_t images) {
    const std::vector<int32_t> ids = some_tokens(images + 36);
    const Sequence placed = with_images(images);
    Measurement m = measure(options_, fmt::format("prefill {} images", images), [&] {
      Sequence sequence = placed.fork();
      prefill(model_, sequence, ids);
    });
    m.items = static_cast<double>(ids.size());
    m.unit = "tokens/s";
    // Every image is seen by the question and, on average, by half of the images' tokens.
    m.flops = 2 * m.items * decoder_weights() + 2 * head_weights() +
              visual_flops(32 + static_cast<double>(images) / 2, images);
    return m;
  }

  Measurement decode(int64_t images) {
    const std::vector<int32_t> ids = some_tokens(images + 36);
    Sequence prompt = with_images(images);
    prefill(model_, prompt, ids);
    const std::string test =
        images == 0 ? std::string("decode") : fmt::format("decode at {} images", images);
    Measurement m = measure(options_, test, [&] {
      Sequence sequence = prompt.fork();
      for (int64_t i = 0; i < options_.decode_tokens; ++i) {
        const int32_t id = ids[static_cast<size_t>(i) % ids.size()];
        model_.decoder().logits(model_.decoder().forward(sequence, {&id, 1}));
      }
    });
    m.items = static_cast<double>(options_.decode_tokens);
    m.unit = "tokens/s";
    m.bytes = m.items * (decoded_weight_bytes() + visual_bytes(images));
    m.flops = m.items * visual_flops(1, images);
    return m;
  }

  // --- Output.

  void add(Measurement m) {
    if (!options_.json) {
      fmt::print("{:<24} {:>10.4f} s {:>6.1f} % {:>10.2f} {:<9} {:>6.0f} %\n", m.test, m.median(),
                 100 * m.spread(), m.items / m.median(), m.unit, 100 * m.peak_fraction(peaks_));
      std::fflush(stdout);
    }
    measurements_.push_back(std::move(m));
  }

  void print_header() const {
    fmt::print("{}\n{}, weights {}\n", options_.model, model_.backend_description(),
               name_of(model_.checkpoint()
                           .tensor("language_model.model.layers.0.mlp.up_proj.weight")
                           .dtype()));
    fmt::print("this machine: {:.0f} GFLOP/s float32, {:.1f} GB/s from memory\n\n", peaks_.gflops,
               peaks_.gigabytes_per_second);
    fmt::print("{:<24} {:>12} {:>8} {:>10} {:<9} {:>8}\n", "test", "median", "spread", "rate", "",
               "of peak");
  }

  static double peak_memory_gib() {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / (1 << 20);
  }

  nlohmann::json to_json() const {
    nlohmann::json tests = nlohmann::json::array();
    for (const Measurement& m : measurements_) {
      tests.push_back({{"test", m.test},
                       {"median_seconds", m.median()},
                       {"spread", m.spread()},
                       {"rate", m.items / m.median()},
                       {"unit", m.unit},
                       {"peak_fraction", m.peak_fraction(peaks_)},
                       {"seconds", m.seconds}});
    }
    return {{"model", options_.model},
            {"device", model_.backend_description()},
            {"peak_gflops", peaks_.gflops},
            {"peak_gigabytes_per_second", peaks_.gigabytes_per_second},
            {"peak_memory_gib", peak_memory_gib()},
            {"tests", tests}};
  }

  Options options_;
  int threads_;
  Precision precision_;
  Owl3Model model_;
  MachinePeaks peaks_;
  ImageMemoryPtr memory_;
  std::vector<Measurement> measurements_;
};

}  // namespace

void add_bench_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* bench = app.add_subcommand(
      "bench", "Measure image encoding, prefill and decoding against this machine's peaks");
  bench->add_option("MODEL", options->model, "A checkpoint folder or .gguf file")->required();
  bench->add_option("--precision", options->precision, "bf16 or float32")
      ->check(CLI::IsMember({"bf16", "float32"}))
      ->capture_default_str();
  bench->add_option("-t,--threads", options->threads, "Threads (0: all cores)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  bench->add_option("-r,--repetitions", options->repetitions, "Measured runs of each test")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  bench->add_option("--prefill", options->prefill_tokens, "Tokens of the text prefill test")
      ->check(CLI::Range(1, 32000))
      ->capture_default_str();
  bench->add_option("--decode", options->decode_tokens, "Tokens of each decoding test")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  bench->add_option("--images", options->images, "Image counts of the N-image prompts")
      ->delimiter(',')
      ->check(CLI::Range(1, 30000))
      ->capture_default_str();
  bench->add_flag("--json", options->json, "Print JSON");
  bench->footer(
      "The last column is the fraction of what this machine's measured arithmetic or memory peak\n"
      "would allow. Prompts of N images count reading the prompt, not encoding the images.\n\n"
      "Example:\n"
      "  owl3 make-checkpoint --like 2b /tmp/2b && owl3 bench /tmp/2b --images 1,10,100");
  bench->callback([options] { Bench(*options).run(); });
}

}  // namespace owl3::cli
