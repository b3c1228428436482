// `owl3 inspect data`: training files, checked line by line before anything is trained on them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/inspect.h"
#include "core/error.h"
#include "core/threads.h"
#include "data/check_file.h"

namespace owl3::cli {
namespace {

struct InspectDataOptions {
  std::vector<std::string> files;
  std::string media_root;
  size_t most_errors = 20;
  bool no_media = false;
};

void inspect_data(const InspectDataOptions& options) {
  CheckOptions check;
  check.media_root = options.media_root;
  check.look_at_media = !options.no_media;
  check.most_errors = options.most_errors;
  check.workers = available_threads();
  int64_t rows = 0;
  int64_t broken = 0;
  for (const std::string& file : options.files) {
    const CheckReport report = check_training_file(file, check);
    for (const std::string& error : report.errors) fmt::print("{}\n", error);
    fmt::print("{}: {} rows: {} broken, {} to pre-train on; {} answers, {} images, {} videos\n",
               file, report.rows, report.broken, report.documents, report.answers, report.images,
               report.videos);
    rows += report.rows;
    broken += report.broken;
  }
  std::fflush(stdout);
  if (broken > 0) throw InputError(fmt::format("{} of {} rows are broken", broken, rows));
}

}  // namespace

void add_inspect_data(CLI::App& inspect) {
  auto options = std::make_shared<InspectDataOptions>();
  CLI::App* app =
      inspect.add_subcommand("data", "Check training files (JSONL) and their media line by line");
  app->add_option("FILES", options->files, "JSONL files")->required();
  app->add_option("--media-root", options->media_root,
                  "Folder that media paths are relative to (default: the JSONL's)")
      ->type_name("DIR");
  app->add_flag("--no-media", options->no_media, "Don't look whether images and films are there");
  app->add_option("--errors", options->most_errors, "List this many broken rows of a file")
      ->type_name("N")
      ->capture_default_str();
  app->footer(
      "Exits with 1 when a row is broken.\n\n"
      "Examples:\n"
      "  owl3 inspect data train.jsonl\n"
      "  owl3 inspect data *.jsonl --media-root /data/pictures");
  app->callback([options] { inspect_data(*options); });
}

}  // namespace owl3::cli
