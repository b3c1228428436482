#include "cli/batch/batch_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>

#include "batch/batch_file.h"
#include "builtin/builtin_model.h"
#include "cli/batch/batch_run.h"
#include "cli/chat/chat_session.h"
#include "cli/chat/likelihood_options.h"
#include "cli/media_options.h"
#include "cli/models/load_model.h"
#include "cli/serve/serve_options.h"
#include "core/error.h"
#include "program/arithmetic_options.h"
#include "program/duration_option.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "program/shard_option.h"

namespace owl3::cli {

namespace {

constexpr const char* kItems = "What is asked about";
constexpr const char* kRequests = "Requests of --openai";
constexpr const char* kAnswer = "The answers";
constexpr const char* kOutput = "Output";
constexpr const char* kReading = "Images and films";
constexpr const char* kMachine = "The machine";
constexpr int kMostParallel = 256;

void add_item_options(CLI::App& command, BatchArguments& arguments) {
  command
      .add_option("--each", arguments.each,
                  "Image files, films, folders or globs, each of them an item; photos/** is all of "
                  "a folder and the folders in it")
      ->type_name("FILE...")
      ->expected(1, -1)
      ->group(kItems);
  command
      .add_option("--input", arguments.input,
                  "Rows, each an item: JSONL, a JSON list, or CSV with a header; {column} in a "
                  "question is what the row has there")
      ->type_name("FILE")
      ->group(kItems);
  command
      .add_option("--image-column", arguments.columns.image,
                  "The column of rows with the path of their image, or a list of them (image)")
      ->type_name("NAME")
      ->group(kItems);
  command.add_option("--video-column", arguments.columns.video, "The same of films (video)")
      ->type_name("NAME")
      ->group(kItems);
  command
      .add_option("--group-by", arguments.group_by,
                  "Several files are one item: all of a folder, or N that follow each other")
      ->type_name("folder|N")
      ->group(kItems);
  command
      .add_option(
          "--segments", arguments.segment_seconds,
          "Each part of a film that is so long is an item: 90, 60s, 1m30s; its row has from "
          "when to when")
      ->transform(duration_or_seconds())
      ->type_name("TIME")
      ->group(kItems);
  add_shard_option(command, arguments.shard,
                   "Every Nth item from the Kth on: for N machines, whose outputs owl3 batch merge "
                   "joins")
      ->group(kItems);
}

void add_request_options(CLI::App& command, RequestArguments& arguments) {
  command
      .add_option("--openai", arguments.file,
                  "Requests as OpenAI's Batch API takes them (JSONL), each answered as owl3 serve "
                  "would; the rows are those of its output file")
      ->type_name("FILE")
      ->group(kItems);
  const auto repeatable = [](CLI::Option* option) {
    option->expected(1)->allow_extra_args(false)->group(kRequests)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeAll);
  };
  repeatable(command
                 .add_option("--name", arguments.names,
                             "What requests call the model; repeatable (default: as MODEL is "
                             "called)")
                 ->type_name("NAME"));
  repeatable(command
                 .add_option("--files-from", arguments.folders,
                             "Read images and films beneath this folder that requests name by "
                             "file:; repeatable (default: none is read)")
                 ->type_name("FOLDER"));
  add_fetch_options(command, arguments.fetch, kRequests);
}

void add_question_options(CLI::App& command, BatchArguments& arguments) {
  command
      .add_option(
          "-p,--prompt", arguments.prompts,
          "The question; repeatable: each is asked about every item, which is looked at once; - "
          "reads it from standard input")
      ->type_name("TEXT")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kAnswer);
  command.add_option("--system", arguments.chat.system, "System message: who the model is to be")
      ->type_name("TEXT")
      ->group(kAnswer);
  add_form_options(command, arguments.form, kAnswer);
  add_generation_options(command, arguments.generation, kAnswer);
  add_likelihood_options(command, arguments.generation, kAnswer);
  add_lora_option(command, arguments.model_options.lora)->group(kAnswer);
}

void add_output_options(CLI::App& command, BatchArguments& arguments) {
  command
      .add_option("-o,--out", arguments.out,
                  "Where the rows go, each whole as soon as it is answered (default, and -: "
                  "standard output)")
      ->check([](const std::string& name) { return name.empty() ? "names no file" : ""; })
      ->type_name("FILE")
      ->group(kOutput);
  command
      .add_option("--format", arguments.format,
                  "jsonl or csv, or srt or vtt: the answers about a film's --segments as its "
                  "subtitles (default: as FILE is called)")
      ->check(CLI::IsMember({"jsonl", "csv", "srt", "vtt"}))
      ->type_name("NAME")
      ->group(kOutput);
  command
      .add_option("--side", arguments.side,
                  "Write each answer beside its picture: photo.txt, photo.json, or XMP for photo "
                  "libraries: photo.jpg.xmp (xmp), or photo.xmp (xmp-adobe); or those about a "
                  "film's --segments beside it as subtitles, film.srt or film.vtt")
      ->check(CLI::IsMember({"txt", "json", "xmp", "xmp-adobe", "srt", "vtt"}))
      ->type_name("NAME")
      ->group(kOutput);
  command
      .add_flag("--resume", arguments.resume,
                "Go on behind the rows that FILE has, whatever ended the run that wrote them")
      ->group(kOutput);
  command
      .add_flag("--retry-failed", arguments.retry_failed,
                "As --resume, and first ask again what is an error in FILE")
      ->group(kOutput);
}

void require(bool holds, const std::string& message) {
  if (!holds) throw UsageError(message);
}

/// A checkpoint given behind --each's files is still the MODEL.
void take_model_from_files(BatchArguments& arguments) {
  if (!arguments.model.empty()) return;
  for (auto file = arguments.each.begin(); file != arguments.each.end(); ++file) {
    if (!means_model(*file)) continue;
    arguments.model = *file;
    arguments.each.erase(file);
    return;
  }
  require(builtin_model().has_value(),
          "MODEL is missing: owl3 batch MODEL, a name (owl3 list), a checkpoint folder or .gguf "
          "file");
}

void check_items(const BatchArguments& arguments) {
  require(arguments.each.empty() != arguments.input.empty(),
          "what is asked about? --each FILES, --input with a file of rows, or --openai with a file "
          "of requests");
  require(arguments.requests.names.empty() && arguments.requests.folders.empty() &&
              arguments.requests.fetch.hosts.empty(),
          "--name, --files-from, --fetch-from: are for the requests of --openai");
  require(arguments.group_by.empty() || arguments.input.empty(),
          "--group-by: groups the files of --each; a row of --input says itself which are its own");
  arguments.grouping();
}

void check_segments(const BatchArguments& arguments) {
  const bool makes_subtitles = arguments.subtitles() || arguments.side_subtitles();
  if (arguments.segment_seconds == 0) {
    require(!makes_subtitles,
            "subtitles are about parts of a film: say how long these are, --segments 60s");
    return;
  }
  constexpr double kLeast = 0.1;
  require(arguments.segment_seconds >= kLeast, "--segments: must be at least 0.1 s");
  require(arguments.input.empty(),
          "--segments: cuts the films of --each, not those that rows of --input name");
  require(arguments.group_by.empty(),
          "--group-by: joins files to an item; --segments makes several of one: take either");
  require(!arguments.side_format(),
          "--side: a film's segments would share one file; take srt or vtt");
  if (!makes_subtitles) return;
  require(arguments.prompts.size() == 1, "subtitles have one answer for each segment: take one -p");
  require(arguments.shard.of == 1,
          "subtitles: a shard has some of a film's segments only; join the rows of all shards by "
          "owl3 batch merge, and make them of these by --side and --resume without --shard");
  require(!arguments.subtitles() || arguments.side.empty(),
          "--side: the output is subtitles already; call it .jsonl or .csv");
}

void check_questions(const BatchArguments& arguments) {
  require(!arguments.prompts.empty(), "-p: the question is missing");
  for (const std::string& prompt : arguments.prompts) check_question(prompt);
  require(std::count(arguments.prompts.begin(), arguments.prompts.end(), "-") <= 1,
          "-p -: standard input can be read once");
  check_text("--system", arguments.chat.system);
  check_generation_choices(arguments.generation);
  check_likelihood_options(arguments.generation, arguments.form);
  check_video_options(arguments.video);
}

/// A request says itself what is asked, and how.
void check_requests(const BatchArguments& arguments) {
  require(arguments.each.empty() && arguments.input.empty() && arguments.group_by.empty(),
          "--openai: its requests are all that is asked; leave out --each, --input and --group-by");
  const FormArguments& form = arguments.form;
  require(arguments.prompts.empty() && arguments.chat.system.empty() &&
              generation_json(arguments.generation).empty() && !form.schema && !form.choices &&
              !form.regex && !form.json,
          "--openai: a request says itself what is asked and how it is answered; leave out -p, "
          "--system, and the options of forms and sampling");
  require(
      arguments.side.empty() && !arguments.subtitles() &&
          arguments.output_format() == BatchFormat::kJsonl,
      "--openai: its rows are those of OpenAI's Batch API; leave out --side, CSV and subtitles");
  require(arguments.segment_seconds == 0,
          "--openai: a request says itself what of a film is looked at; leave out --segments");
  check_video_options(arguments.video);
  require(!arguments.out.empty() || !(arguments.resume || arguments.retry_failed),
          "--resume, --retry-failed: go on with a file; name it with -o");
}

void check_output(const BatchArguments& arguments) {
  require(!arguments.out.empty() || !(arguments.resume || arguments.retry_failed),
          "--resume, --retry-failed: go on with a file; name it with -o");
  if (!arguments.side_format()) return;
  require(arguments.prompts.size() == 1 && !arguments.each.empty() && arguments.group_by.empty(),
          "--side: a file beside a picture has one answer: take one -p, --each and no --group-by");
}

}  // namespace

BatchFormat BatchArguments::output_format() const {
  if (subtitles()) return BatchFormat::kJsonl;
  if (format.empty() && !out.empty()) return format_of(out);
  return format == "csv" ? BatchFormat::kCsv : BatchFormat::kJsonl;
}

std::string BatchArguments::rows_file() const {
  return subtitles() && !out.empty() ? out + ".jsonl" : out;
}

std::optional<SubtitleFormat> BatchArguments::subtitles() const {
  return format.empty() ? subtitle_format_of(out) : subtitle_format(format);
}

std::optional<SideFormat> BatchArguments::side_format() const {
  if (side.empty() || side_subtitles()) return std::nullopt;
  if (side == "xmp") return SideFormat::kXmp;
  if (side == "xmp-adobe") return SideFormat::kAdobeXmp;
  return side == "json" ? SideFormat::kJson : SideFormat::kText;
}

std::optional<SubtitleFormat> BatchArguments::side_subtitles() const {
  return subtitle_format(side);
}

FilmCut BatchArguments::film_cut() const {
  return {milliseconds(segment_seconds), milliseconds(video.start_seconds),
          milliseconds(video.end_seconds)};
}

Grouping BatchArguments::grouping() const {
  if (group_by.empty()) return {};
  if (group_by == "folder") return {.by_folder = true};
  const auto files = decimal<int64_t>(group_by);
  require(files && *files >= 1, "--group-by: must be folder, or how many files an item has");
  return {.files = *files};
}

void add_batch_options(CLI::App& command, BatchArguments& arguments) {
  add_optional_model(command, arguments.model);
  add_item_options(command, arguments);
  add_request_options(command, arguments.requests);
  add_question_options(command, arguments);
  add_output_options(command, arguments);
  add_reading_options(command, {arguments.image, arguments.video, arguments.strict, "128"},
                      kReading);
  command
      .add_option("--parallel", arguments.parallel,
                  "Items that are read, looked at or answered at once (8)")
      ->transform(whole_number(1, kMostParallel))
      ->type_name("N")
      ->group(kMachine);
  add_arithmetic_options(command, arguments.model_options, kMachine);
  add_threads_option(command, arguments.model_options.threads)->group(kMachine);
}

void check_batch_arguments(BatchArguments& arguments) {
  if (arguments.out == "-") arguments.out.clear();
  take_model_from_files(arguments);
  if (!arguments.requests.file.empty()) return check_requests(arguments);
  check_items(arguments);
  check_questions(arguments);
  check_segments(arguments);
  check_output(arguments);
}

}  // namespace owl3::cli
