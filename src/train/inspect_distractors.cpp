// owl3 inspect distractors: `owl3 eval distractors` with the trainer's arithmetic.
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "eval/distractors_run.h"
#include "train/command_line.h"
#include "train/torch_examinee.h"

namespace owl3::train {

namespace {

Candidate load(const EvalOptions& options, const ProgressCallback& progress) {
  if (options.model_options.threads > 0) at::set_num_threads(options.model_options.threads);
  auto examinee = std::make_unique<TorchExaminee>(options.model, progress);
  const TorchExaminee* asked = examinee.get();
  return {std::move(examinee),
          fmt::format("LibTorch, {} threads, float32, without caches", at::get_num_threads()),
          [asked] { return asked->stats(); }};
}

}  // namespace

void add_inspect_distractors_command(CLI::App& inspect) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      inspect.add_subcommand("distractors", "Distractor Resistance as the trainer computes it");
  add_exam_options(*command, *options);
  command->footer(
      "As owl3 eval distractors, for models that the engine does not run: those without hyper\n"
      "layers, whose images stand in the text. The reply's words are the likeliest behind the "
      "right\n"
      "answer's, so that one pass over the prompt tells them; times are of such passes.\n\n"
      "Example:\n"
      "  owl3 inspect distractors runs/interleaved/model --data held-out/distractors.jsonl");
  command->callback([options] {
    const int code = run_distractors(
        *options, [&](const ProgressCallback& progress) { return load(*options, progress); });
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace owl3::train
