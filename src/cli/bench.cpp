// owl3 bench: how fast a model runs here, and how near to what the machine can do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "backend/cpu/kernels.h"
#include "cli/bench_models.h"
#include "cli/bench_options.h"
#include "cli/bench_report.h"
#include "cli/bench_tests.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/machine_peaks.h"
#include "core/error.h"
#include "core/threads.h"
#include "generate/generate.h"

namespace owl3::cli {

namespace {

void check_context(const Checkpoint& checkpoint, const char* option, int64_t asked,
                   int64_t tokens) {
  const int64_t context = checkpoint.config().max_position_embeddings;
  if (tokens <= context) return;
  throw UsageError(fmt::format("{} {}: makes {} tokens, but the model's context ends at {}", option,
                               asked, tokens, context));
}

void check_context(const Checkpoint& checkpoint, const BenchOptions& options) {
  const int64_t behind = std::max(options.decode_tokens, kQuestionTokens);
  if (options.wants("prefill")) {
    check_context(checkpoint, "--prefill", options.prefill_tokens, options.prefill_tokens);
  }
  if (options.wants("decode") || options.wants("images")) {
    check_context(checkpoint, "--decode", options.decode_tokens, kPromptTokens + behind);
  }
  if (!options.wants("images")) return;
  for (const int64_t images : options.images) {
    check_context(checkpoint, "--images", images, images + kPromptTokens + behind);
  }
}

/// The most images must fit beside the largest of the weights.
void check_memory(const Checkpoint& checkpoint, const std::vector<BenchModel>& models,
                  const BenchOptions& options) {
  const auto memory = machine_memory();
  if (!memory || !options.wants("images") || options.images.empty()) return;
  double weights = 0;
  for (const BenchModel& model : models) {
    const auto bytes = static_cast<double>(model.is_converted() ? model.converted_bytes()
                                                                : checkpoint.weight_bytes());
    weights = std::max(weights, bytes);
  }
  const int64_t images = *std::max_element(options.images.begin(), options.images.end());
  const double per_image =
      WorkCounts(checkpoint, options.model_options, false).visual_bytes_per_image();
  const double needed = static_cast<double>(images) * per_image;
  const double left = static_cast<double>(memory->available_bytes) - weights;
  if (needed <= left) return;
  throw UsageError(
      fmt::format("--images {}: need {:.1f} GB of visual memory ({:.1f} MB each), but {:.1f} GB "
                  "are available beside the weights; {} images fit",
                  images, needed / 1e9, per_image / 1e6, std::max(0.0, left) / 1e9,
                  static_cast<int64_t>(std::max(0.0, left) / per_image)));
}

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options),
        all_threads_(available_threads()),
        report_(make_bench_report(options.format)),
        setting_{options_, processor_name(), cpu::best_kernels().name, {}} {}

  void run() {
    const Checkpoint original = Checkpoint::open(options_.model);
    const std::vector<BenchModel> models = models_to_measure(original, options_);
    check_context(original, options_);
    check_memory(original, models, options_);
    for (const int threads : options_.threads) {
      check_interrupt();
      setting_.peaks.push_back(
          measure_peaks(cpu::best_kernels(), threads > 0 ? threads : all_threads_));
    }
    report_->begin(setting_);
    for (const BenchModel& model : models) {
      set_library_threads(all_threads_);
      const Checkpoint checkpoint = open_in_type(original, model, interrupt_);
      for (const MachinePeaks& peaks : setting_.peaks) run_tests(checkpoint, model.type, peaks);
    }
    report_->end(setting_, runs_);
  }

 private:
  void run_tests(const Checkpoint& checkpoint, const std::string& type, const MachinePeaks& peaks) {
    reset_peak_memory();
    set_library_threads(peaks.threads);
    BenchTests tests(options_, checkpoint, peaks.threads, interrupt_);
    BenchRun run;
    run.type = type;
    run.device = tests.device();
    run.peaks = peaks;
    run.weight_bytes = static_cast<int64_t>(checkpoint.weight_bytes());
    tests.run([&](const Measurement& test) {
      report_->add(run, test);
      run.tests.push_back(test);
    });
    run.peak_memory_bytes = peak_memory_bytes();
    runs_.push_back(std::move(run));
  }

  void check_interrupt() const {
    if (interrupt_.interrupted()) throw Interrupted("interrupted");
  }

  const InterruptGuard interrupt_;
  const BenchOptions& options_;
  int all_threads_;
  std::unique_ptr<BenchReport> report_;
  BenchSetting setting_;
  std::vector<BenchRun> runs_;
};

}  // namespace

void add_bench_command(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure image encoding, prefill and decoding against this machine's peaks");
  add_bench_options(*command, *options);
  command->callback([options] { Bench(*options).run(); });
}

}  // namespace owl3::cli
