// The options of `owl3 batch`, as the user gave them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "batch/batch_row.h"
#include "batch/file_items.h"
#include "batch/film_segments.h"
#include "batch/row_items.h"
#include "batch/side_files.h"
#include "batch/subtitles.h"
#include "cli/chat/chat_options.h"
#include "cli/chat/form_options.h"
#include "core/shard.h"
#include "owl3/owl3.h"
#include "server/media_fetch.h"

namespace CLI {
class App;
}

namespace owl3::cli {

/// Of requests in the form of OpenAI's Batch API.
struct RequestArguments {
  std::string file;                  // empty: none; all of the rest is for it alone
  std::vector<std::string> names;    // by which they may ask for the model
  std::vector<std::string> folders;  // beneath which they may name files
  server::FetchOptions fetch;        // what they may name by http(s)
};

struct BatchArguments {
  std::string model;
  std::vector<std::string> each;  // files, folders, globs
  std::string input;              // a file of rows, or empty
  RequestArguments requests;
  RowColumns columns;
  std::string group_by;
  double segment_seconds = 0;  // of films; 0: they are asked about whole
  std::vector<std::string> prompts;
  std::string out;     // empty: standard output
  std::string format;  // "jsonl", "csv", "srt", "vtt", or empty: as the output is called
  std::string side;    // "txt", "json", "xmp", "xmp-adobe", "srt", "vtt", or empty
  bool resume = false;
  bool retry_failed = false;
  Shard shard;
  int parallel = 8;
  bool strict = false;  // what can't be read ends the work
  ModelOptions model_options;
  ImageOptions image;
  VideoOptions video;
  ChatOptions chat;
  GenerationChoices generation;
  FormArguments form;

  /// Of the rows.
  BatchFormat output_format() const;
  /// Where they go: `out`, or, where that is subtitles, a file beside it.
  std::string rows_file() const;
  /// Of the output, where that is subtitles.
  std::optional<SubtitleFormat> subtitles() const;
  std::optional<SideFormat> side_format() const;
  /// Whether answers are one of some choices.
  bool asks_for_choices() const { return form.choices.has_value(); }
  std::optional<SubtitleFormat> side_subtitles() const;
  FilmCut film_cut() const;
  /// Throws UsageError.
  Grouping grouping() const;
};

void add_batch_options(CLI::App& command, BatchArguments& arguments);
/// Takes a MODEL from among the files, and throws UsageError where values don't fit together.
void check_batch_arguments(BatchArguments& arguments);

}  // namespace owl3::cli
