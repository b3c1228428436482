// `owl3 inspect data`: training files, checked row by row before anything is trained on them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/inspect/inspect.h"
#include "core/error.h"
#include "core/threads.h"
#include "program/interrupt.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "training_data/check_file.h"

namespace owl3::cli {
namespace {

struct InspectDataOptions {
  std::vector<std::string> files;
  std::string media_root;
  size_t most_errors = 20;
  bool no_media = false;
  bool quick = false;
};

MediaCheck media_check(const InspectDataOptions& options) {
  if (options.no_media) return MediaCheck::kNone;
  return options.quick ? MediaCheck::kHeaders : MediaCheck::kDecode;
}

void inspect_data(const InspectDataOptions& options) {
  CheckOptions check;
  check.media_root = options.media_root;
  check.media = media_check(options);
  check.most_errors = options.most_errors;
  check.workers = available_threads();
  const InterruptGuard interrupt;
  ProgressBar bar;
  check.go_on = [&](int64_t done, int64_t total) {
    bar.update("checking rows", done, total);
    return !interrupt.interrupted();
  };
  int64_t rows = 0;
  int64_t broken = 0;
  for (const std::string& file : options.files) {
    const CheckReport report = check_training_file(file, check);
    bar.erase();
    for (const std::string& error : report.errors) fmt::print("{}\n", one_line(error));
    fmt::print("{}: {} rows: {} broken, {} to pre-train on; {} answers, {} images, {} videos\n",
               file, report.rows, report.broken, report.documents, report.answers, report.images,
               report.videos);
    if (const std::string note = media_lines_note(report.media_lines); !note.empty()) {
      fmt::print("{}: note: {}\n", file, note);
    }
    if (!report.whole) {
      std::fflush(stdout);
      throw Interrupted("interrupted");
    }
    rows += report.rows;
    broken += report.broken;
  }
  std::fflush(stdout);
  if (broken > 0) throw InputError(fmt::format("{} of {} rows are broken", broken, rows));
}

}  // namespace

void add_inspect_data(CLI::App& inspect) {
  auto options = std::make_shared<InspectDataOptions>();
  CLI::App* app = inspect.add_subcommand(
      "data", "Check training files (JSONL, JSON) and their media row by row");
  app->add_option("FILES", options->files, "Files of rows: JSONL, or JSON lists")->required();
  app->add_option("--media-root", options->media_root,
                  "Folder that media paths are relative to (default: the file's)")
      ->type_name("DIR");
  CLI::Option* quick = app->add_flag(
      "--quick", options->quick,
      "Look whether images and films are there, and at headers, but don't decode them");
  app->add_flag("--no-media", options->no_media, "Don't look at images and films at all")
      ->excludes(quick);
  app->add_option("--errors", options->most_errors, "List this many broken rows of a file")
      ->transform(whole_number(0))
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
