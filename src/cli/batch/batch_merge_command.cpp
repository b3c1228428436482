#include "cli/batch/batch_merge_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch_merge.h"
#include "batch/subtitles.h"
#include "core/counted.h"
#include "core/error.h"
#include "program/interrupt.h"

namespace owl3::cli {

namespace {

struct Arguments {
  std::vector<std::string> files;
  std::string out;
  bool partial = false;
};

void merge(const Arguments& arguments) {
  if (subtitle_format_of(arguments.out)) {
    throw UsageError(arguments.out +
                     ": rows are merged into .jsonl or .csv; the run's own command with that for "
                     "-o, --resume and --side makes subtitles of them");
  }
  const std::vector<std::filesystem::path> files(arguments.files.begin(), arguments.files.end());
  const InterruptGuard interrupt;
  const WriteGuard unfinished_parts_go;
  const MergedBatch merged = merge_batches(files, arguments.out, arguments.partial,
                                           [&] { return !interrupt.interrupted(); });
  std::string text = fmt::format("{}: {}", arguments.out, counted(merged.rows, "row"));
  if (merged.failed > 0) text += fmt::format(", {} failed", merged.failed);
  if (merged.missing > 0) text += fmt::format(", {} missing", merged.missing);
  fmt::print("{}\n", text);
}

}  // namespace

void add_batch_merge_command(CLI::App& batch) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      batch.add_subcommand("merge", "The outputs of shards as one, in the order of the items");
  command->add_option("FILE", arguments->files, "Outputs of owl3 batch --shard")
      ->required()
      ->type_name("");
  command->add_option("-o,--out", arguments->out, "Where all rows go")
      ->required()
      ->type_name("FILE");
  command->add_flag("--partial", arguments->partial,
                    "Merge what is there, though rows are missing, or the files FILE.run, by which "
                    "parts are known to be of one run");
  command->callback([arguments] { merge(*arguments); });
}

}  // namespace owl3::cli
