// owl3 train: a recipe becomes a model.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/cuda.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "builtin/open_model.h"
#include "core/available_memory.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/threads.h"
#include "program/interrupt.h"
#include "program/number_option.h"
#include "program/terminal.h"
#include "runs/launch.h"
#include "runs/recipe_paths.h"
#include "train/command_line.h"
#include "train/language_task.h"
#include "train/siglip_task.h"
#include "train/train_checks.h"
#include "train/trainer.h"

namespace owl3::train {

namespace {

struct TrainOptions {
  std::string recipe;
  std::vector<std::string> set;
  bool resume = false;
  bool dry_run = false;
  bool quick = false;
  int threads = 0;  // chosen
};

/// Rows, or pictures, where the recipe that names them belongs.
void refuse_data(const std::string& given) {
  const std::string extension = std::filesystem::path(given).extension().string();
  for (const char* of_data : {".jsonl", ".csv", ".tsv", ".parquet"}) {
    if (extension != of_data) continue;
    throw UsageError(fmt::format(
        "{0} is data, not a recipe: owl3 train recipes/small.yaml --set data={0}", given));
  }
}

/// A run's folder stands for the recipe in it.
std::string recipe_path(const std::string& given) {
  const std::filesystem::path path = given;
  return std::filesystem::is_directory(path) ? (path / "recipe.yaml").string() : given;
}

torch::Device device_of(const Launch& launch) {
  if (!torch::cuda::is_available()) return torch::kCPU;
  const auto count = static_cast<int>(torch::cuda::device_count());
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(launch.local_rank % count)};
}

/// Processes on one machine share its processors.
int threads_of(const TrainOptions& options, const Launch& launch) {
  if (options.threads > 0) return options.threads;
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return at::get_num_threads();
  return std::max(1, available_threads() / launch.local_world);
}

std::unique_ptr<TrainingTask> make_task(const Recipe& recipe, const Launch& launch,
                                        torch::Device device) {
  if (recipe.task == Task::kSiglip) return std::make_unique<SiglipTask>(recipe, launch, device);
  return std::make_unique<LanguageTask>(recipe, launch, device);
}

/// Per process: weights in float32, and of the trained ones gradients and the optimiser's share.
/// The model is loaded already, so what can still be had is for the rest.
void describe_memory(int64_t model_values, int64_t trained_values, const Launch& launch) {
  const double model = 4.0 * static_cast<double>(model_values);
  const double training = static_cast<double>(trained_values) * 4 * (1 + 2.0 / launch.world);
  fmt::print(
      "memory        {} per process: {} model, {} gradients and optimiser; activations come "
      "on top\n",
      byte_text(model + training), byte_text(model), byte_text(training));
  const std::optional<int64_t> free = available_memory();
  if (!free) return;
  const double left = static_cast<double>(*free) - training * launch.local_world;
  fmt::print("room          {}\n", left > 0 ? byte_text(left / launch.local_world) +
                                                  " for activations, on this machine now"
                                            : "none: this machine has too little memory now");
}

/// What would be trained, for --dry-run.
void describe(const Recipe& recipe, TrainingTask& task, const RunLength& length,
              const Launch& launch, torch::Device device) {
  int64_t trained = 0;
  int64_t tensors = 0;
  for (const NamedParameter& parameter : task.parameters()) {
    trained += parameter.tensor.numel();
    ++tensors;
  }
  const int64_t rows = recipe.batch.rows * recipe.batch.accumulate * launch.world;
  fmt::print("trained       {} values in {} tensors\n", trained, tensors);
  describe_memory(task.model_values(), trained, launch);
  fmt::print("data          {} samples an epoch\n", task.samples_per_epoch());
  fmt::print("step          {} rows of at most {} tokens\n", rows, recipe.batch.tokens);
  fmt::print("length        {}\n", length_text(recipe, length));
  fmt::print("processes     {}, each with {} threads, on {}\n", launch.world, at::get_num_threads(),
             device.str());
  fmt::print("\n{}", to_yaml(to_json(recipe)));
}

bool multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return true;  // not known
#endif
}

/// A recipe made for another machine is obeyed, but not in silence where that is ten times slower.
void warn_of_slow_precision(const Recipe& recipe, const Launch& launch, torch::Device device) {
  const bool slow = recipe.precision == RecipePrecision::kBf16 && device.is_cpu();
  if (!slow || multiplies_bf16() || launch.rank != 0) return;
  tell("owl3: this processor has no instructions for bf16: --set precision=float32 is faster\n");
}

/// Not known where a row is broken, which will be told.
RunLength length_if_known(TrainingTask& task, const InterruptGuard& interrupts) {
  try {
    return task.length([&] { return !interrupts.interrupted(); });
  } catch (const InputError&) {
    return {};
  }
}

void dry_run(const TrainOptions& options, const Recipe& recipe, TrainingTask& task, const Launch& launch,
             torch::Device device, const InterruptGuard& interrupts) {
  if (launch.rank != 0) return;
  check_room(recipe, task);
  if (options.resume) check_resume(recipe, task);
  const RunLength length = length_if_known(task, interrupts);
  describe(recipe, task, length, launch, device);
  if (const std::string warning = short_run_warning(recipe, length); !warning.empty()) {
    fmt::print("\n{}\n", warning);
  }
  fmt::print("\n");
  std::fflush(stdout);
  check_all_rows(recipe, task, options.quick, interrupts);
}

/// A run is not ended by the reader of its log: writing fails then, which is told where it happens.
void outlive_reader() {
  std::signal(SIGPIPE, SIG_IGN);
}

void run_train(const TrainOptions& options) {
  if (options.quick && !options.dry_run) throw UsageError("--quick is for --dry-run");
  refuse_data(options.recipe);
  Recipe recipe = load_recipe(recipe_path(options.recipe), options.set);
  // Kept by its path, but for the program's own, which has none.
  if (!recipe.model.empty() && !names_builtin_model(recipe.model)) {
    try {
      recipe.model = find_existing_model(recipe.model).string();
    } catch (const InputError& error) {
      throw InputError(fmt::format("model: {}", error.what()));
    }
  }
  const Launch launch = launch_from_environment();
  check_recipe_paths(recipe);
  if (launch.rank == 0) check_run_folder(recipe.output, options.resume);
  at::set_num_threads(threads_of(options, launch));
  const torch::Device device = device_of(launch);
  warn_of_slow_precision(recipe, launch, device);
  InterruptGuard interrupts;
  const std::unique_ptr<TrainingTask> task = make_task(recipe, launch, device);
  if (options.dry_run) return dry_run(options, recipe, *task, launch, device, interrupts);
  outlive_reader();
  Processes processes(launch, device);
  if (launch.rank == 0) check_room(recipe, *task);
  check_validation(recipe, *task, launch, processes, interrupts);
  check_data(recipe, *task, launch, processes, interrupts);
  TrainerOptions trainer;
  trainer.length = check_length(recipe, *task, processes, interrupts);
  trainer.resume = options.resume;
  trainer.interrupted = [&] { return interrupts.interrupted(); };
  if (is_terminal(STDERR_FILENO)) {
    trainer.columns = [] { return terminal_columns(STDERR_FILENO); };
  }
  if (launch.rank == 0) {
    interrupts.announce(
        "owl3: the run ends as soon as it can and saves what is trained; Ctrl-C again ends at "
        "once\n");
  }
  Trainer(recipe, *task, processes, trainer).run();
}

}  // namespace

void add_train_command(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model by a recipe");
  command->footer(
      "The recipe, a YAML or JSON file, says what is trained, on what data and how; recipes/ has\n"
      "one for each stage of the paper and two for fine-tuning with LoRA, small.yaml for 10 to "
      "500\n"
      "rows and lora.yaml for more. The run's folder gets checkpoints, metrics (owl3 plot,\n"
      "TensorBoard) and, at the end, model/. Ctrl-C saves and ends.\n"
      "Started by torchrun, mpirun or srun, the processes train together.\n\n"
      "Examples:\n"
      "  owl3 train recipes/small.yaml --set model=MODEL --set data=mine.jsonl\n"
      "  owl3 train runs/small --resume                  goes on from the last checkpoint");
  command->add_option("RECIPE", options->recipe, "A recipe, or the folder of a run")
      ->required()
      ->type_name("");
  command->add_flag("--resume", options->resume,
                    "Go on from the run's last checkpoint, or begin where there is none");
  command->add_option("--set", options->set, "Set a key of the recipe; repeatable")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_flag("--dry-run", options->dry_run,
                    "Load the model, decode all data, say what would be trained, write nothing");
  command->add_flag("--quick", options->quick,
                    "With --dry-run: look at headers of images and films, don't decode them");
  command->add_option("--threads", options->threads, "Threads of this process (by the processors)")
      ->transform(whole_number(1, 4096))
      ->type_name("N");
  command->callback([options] { run_train(*options); });
}

}  // namespace owl3::train
