// owl3 bench: how fast a model runs here, and how near to what the machine can do.
#include <CLI/CLI.hpp>
#include <memory>

#include "backend/cpu/kernels.h"
#include "backend/make_backend.h"
#include "builtin/open_model.h"
#include "cli/bench/bench_checks.h"
#include "cli/bench/bench_models.h"
#include "cli/bench/bench_options.h"
#include "cli/bench/bench_report.h"
#include "cli/bench/bench_tests.h"
#include "cli/bench/machine_peaks.h"
#include "cli/commands.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/threads.h"
#include "program/interrupt.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options),
        all_threads_(available_threads()),
        report_(make_bench_report(options.format)),
        setting_{options_, processor_name(), cpu::best_kernels().name, {}} {}

  void run() {
    const Checkpoint original = Checkpoint::open(open_model(options_.model));
    tell_warnings(original.warnings());
    check_context(original, options_);
    const std::vector<BenchModel> models = models_to_measure(original, options_);
    if (const auto memory = machine_memory()) check_memory(original, models, options_, *memory);
    // One that isn't there is told of before anything is printed.
    if (!is_cpu_device(options_.model_options.device)) make_backend(options_.model_options);
    for (const int threads : options_.threads) {
      check_interrupt();
      const int count = threads > 0 ? threads : all_threads_;
      setting_.peaks.push_back(is_cpu_device(options_.model_options.device)
                                   ? measure_peaks(cpu::best_kernels(), count)
                                   : MachinePeaks{count});
    }
    report_->begin(setting_);
    for (const BenchModel& model : models) {
      const Checkpoint checkpoint = open_in_type(original, model, interrupt_);
      for (const MachinePeaks& peaks : setting_.peaks) run_tests(checkpoint, model.type, peaks);
    }
    report_->end(setting_, runs_);
  }

 private:
  void run_tests(const Checkpoint& checkpoint, const std::string& type, const MachinePeaks& peaks) {
    reset_peak_memory();
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
