// `owl3 index`: photos and films into a memory file.
#include "memory/index.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "builtin/builtin_model.h"
#include "builtin/open_model.h"
#include "cli/commands.h"
#include "cli/left_out.h"
#include "cli/media_options.h"
#include "cli/models/fetching.h"
#include "cli/models/load_model.h"
#include "core/byte_text.h"
#include "core/counted.h"
#include "core/error.h"
#include "core/shard.h"
#include "core/threads.h"
#include "owl3/owl3.h"
#include "program/arithmetic_options.h"
#include "program/interrupt.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/shard_option.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter =
    "What is in FILE already is encoded again only where its content or the options have changed;\n"
    "what is gone from the disk is forgotten. Work that was interrupted, by whatever, is gone on "
    "with\n"
    "by the same command. MODEL may stand among the sources: owl3 index owl3-2b photos/ -o ...\n\n"
    "Examples:\n"
    "  owl3 index holiday/ film.mp4 -o holiday.owlmem\n"
    "  owl3 chat --memory holiday.owlmem -p 'What do the pictures show?'\n"
    "  owl3 index holiday/ --shard 1/2 -o half.owlmem    one of two machines; see owl3 memory "
    "merge";

struct Arguments {
  std::vector<std::string> sources;
  std::string model;
  std::string out;
  ModelOptions model_options;
  IndexOptions index;
  bool strict = false;
  Shard shard;
  bool json = false;
};

/// The model that the file was made with, where that is not the one in the program.
std::string model_of(const std::string& memory) {
  std::error_code error;
  if (!fs::exists(memory, error)) return {};
  std::string model = SavedMemory::open(memory).info().model;
  return names_builtin_model(model) ? "" : model;
}

void take_model(Arguments& arguments) {
  if (!arguments.model.empty()) return;
  for (auto source = arguments.sources.begin(); source != arguments.sources.end(); ++source) {
    if (!means_model(*source)) continue;
    arguments.model = *source;
    arguments.sources.erase(source);
    break;
  }
  if (arguments.sources.empty()) throw UsageError("name photos, folders or films to index");
  if (arguments.model.empty()) arguments.model = model_of(arguments.out);
  if (!arguments.model.empty()) return;
  if (!builtin_model()) throw UsageError("--model is missing: what is to look at the pictures?");
  tell(fmt::format(
      "owl3: no model named, so {} looks at them{}; for photos: owl3 pull owl3-2b, and "
      "--model owl3-2b\n",
      builtin_model()->name,
      std::string(builtin_model()->name) == "owlet" ? ", which knows drawn pictures only" : ""));
}

/// Files that were given by their names once, and are no more.
std::vector<std::string> take_gone(Arguments& arguments, const SavedMemory& memory) {
  std::vector<std::string> gone;
  const std::vector<SavedMedium> media = memory.media();
  std::erase_if(arguments.sources, [&](const std::string& source) {
    std::error_code error;
    if (fs::symlink_status(source, error).type() != fs::file_type::not_found) return false;
    const std::string name = absolute_name(source);
    const bool was_there = std::any_of(media.begin(), media.end(), [&](const SavedMedium& medium) {
      return medium.original == name;
    });
    if (was_there) gone.push_back(source);
    return was_there;
  });
  return gone;
}

std::vector<MediaFile> part_of(std::vector<MediaFile> files, const Shard& shard) {
  std::vector<MediaFile> part;
  for (size_t i = 0; i < files.size(); ++i) {
    if (shard.has(static_cast<int64_t>(i))) part.push_back(std::move(files[i]));
  }
  return part;
}

std::string report_text(const std::string& path, const IndexReport& report,
                        const SavedMemoryInfo& info) {
  std::string text =
      fmt::format("{}: {} and {}, {} of {}, {}\n", path, counted(info.photos, "photo"),
                  counted(info.films, "film"), counted(info.images, "image"),
                  byte_text(info.bytes_per_image), byte_text(info.file_bytes));
  std::vector<std::string> parts;
  const auto part = [&](int64_t count, const char* what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  part(report.added, "new");
  part(report.changed, "changed");
  part(report.mended, "damaged and encoded anew");
  part(report.moved, "moved");
  part(report.copied, "under another name, too");
  part(report.unchanged, "as before");
  part(static_cast<int64_t>(report.forgotten.size()), "gone and forgotten");
  text +=
      fmt::format("  {}", parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", ")));
  if (report.images_encoded > 0) {
    text += fmt::format("; {} encoded in {:.1f} s", counted(report.images_encoded, "image"),
                        report.encode_seconds);
  }
  text += "\n";
  if (const auto kept = static_cast<int64_t>(report.kept_missing.size()); kept > 0) {
    text += fmt::format(
        "  {} kept of files that are not on the disk now, since folders may come back; owl3 memory "
        "remove takes them out\n",
        kept);
  }
  return text;
}

/// What is not right with files that were read, up to a number.
void tell_file_warnings(const std::vector<std::string>& warnings) {
  constexpr size_t kMostNamed = 20;
  tell_warnings(std::span(warnings).first(std::min(warnings.size(), kMostNamed)));
  if (warnings.size() > kMostNamed) {
    tell_warning(fmt::format("{} more files are not quite right; owl3 memory list marks them",
                             warnings.size() - kMostNamed));
  }
}

std::string report_json(const std::string& path, const IndexReport& report,
                        const SavedMemoryInfo& info, const std::vector<LeftOut>& left_out) {
  nlohmann::ordered_json json = {{"path", path},
                                 {"photos", info.photos},
                                 {"films", info.films},
                                 {"images", info.images},
                                 {"bytes", info.file_bytes},
                                 {"added", report.added},
                                 {"changed", report.changed},
                                 {"mended", report.mended},
                                 {"moved", report.moved},
                                 {"copied", report.copied},
                                 {"unchanged", report.unchanged},
                                 {"forgotten", report.forgotten},
                                 {"kept_missing", report.kept_missing},
                                 {"warnings", report.warnings},
                                 {"images_encoded", report.images_encoded},
                                 {"images_reused", report.images_reused},
                                 {"encode_seconds", report.encode_seconds}};
  if (!left_out.empty()) json["left_out"] = nlohmann::ordered_json::array();
  for (const LeftOut& one : left_out) {
    json["left_out"].push_back({{"path", one.where}, {"count", one.count}, {"reason", one.reason}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool asks_for_a_precision(const ModelOptions& options) {
  return options.precision != Precision::kBFloat16 || options.vision_int8 ||
         options.visual_memory_int8;
}

/// Files that are named twice are read once.
size_t distinct(const std::vector<MediaFile>& files) {
  std::set<fs::path> paths;
  for (const MediaFile& file : files) paths.insert(file.path);
  return paths.size();
}

/// As the file keeps it: a path is one from any folder, a name stays one.
std::string lasting_name(const std::string& model) {
  if (model.empty()) return builtin_model()->name;
  std::error_code error;
  return fs::exists(model, error) ? absolute_name(model) : model;
}

void index(Arguments arguments) {
  check_video_options(arguments.index.video);
  take_model(arguments);
  const std::string& out = arguments.out;
  std::error_code error;
  std::vector<std::string> gone;
  if (fs::exists(out, error)) {
    const SavedMemory memory = SavedMemory::open(out);
    tell_warnings(memory.warnings());
    // What is there says how it is gone on with.
    if (!asks_for_a_precision(arguments.model_options)) {
      arguments.model_options = memory.options_for(arguments.model_options);
    }
    gone = take_gone(arguments, memory);
  }
  MediaFiles found = find_media_files(arguments.sources);
  tell_left_out(found.left_out);
  const std::vector<MediaFile> files = part_of(std::move(found.files), arguments.shard);
  if (!arguments.model.empty() && !arguments.json) offer_to_fetch(arguments.model);
  const int threads = arguments.model_options.threads;
  arguments.index.video.threads = threads > 0 ? threads : available_threads();
  InterruptGuard interrupt;
  const Model model = load_model_visibly(arguments.model, arguments.model_options);
  ProgressBar bar;
  std::vector<LeftOut> broken;
  BrokenImageCallback on_broken;
  if (!arguments.strict && files.size() > 1) {
    on_broken = [&](const fs::path& path, const std::string& why) {
      broken.push_back({path.string(), 1, why});
    };
  }
  const IndexReport report = index_media(
      model, lasting_name(arguments.model), out, files, gone, arguments.index,
      [&](std::string_view stage, int64_t done, int64_t total) {
        bar.update(stage, done, total);
        return !interrupt.interrupted();
      },
      on_broken);
  bar.erase();
  tell_broken(broken);
  if (!broken.empty() && broken.size() == distinct(files)) {
    throw InputError(broken.size() == 1
                         ? broken.front().reason
                         : fmt::format("{}; no other of the {} files can be read either",
                                       broken.front().reason, broken.size()));
  }
  tell_file_warnings(report.warnings);
  found.left_out.insert(found.left_out.end(), broken.begin(), broken.end());
  const SavedMemoryInfo info = SavedMemory::open(out).info();
  fmt::print("{}", arguments.json ? report_json(out, report, info, found.left_out) + "\n"
                                  : report_text(out, report, info));
}

}  // namespace

void add_index_command(CLI::App& app) {
  constexpr const char* kMedia = "Images and films";
  constexpr const char* kMachine = "The machine";
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "index", "Look at photos and films once, into a file that owl3 chat --memory asks about");
  command->footer(kFooter);
  command->add_option("SOURCE", arguments->sources, "Image files, films, folders or globs")
      ->required()
      ->type_name("");
  command->add_option("-o,--out", arguments->out, "The memory file: made, or brought up to date")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--model", arguments->model,
                   "What looks at them: a name (owl3 list), checkpoint folder or .gguf file")
      ->type_name("MODEL");
  add_lora_option(*command, arguments->model_options.lora);
  command->add_flag("--keep-missing", arguments->index.keep_missing,
                    "Keep what is not on the disk any more");
  add_shard_option(*command, arguments->shard,
                   "Every Nth file from the Kth on: for N machines, whose files owl3 memory merge "
                   "joins");
  command->add_flag("--json", arguments->json, "What was done as one JSON object");
  add_reading_options(
      *command, {arguments->index.image, arguments->index.video, arguments->strict, "all"}, kMedia);
  add_arithmetic_options(*command, arguments->model_options, kMachine);
  add_threads_option(*command, arguments->model_options.threads)->group(kMachine);
  command->callback([arguments] { index(*arguments); });
}

}  // namespace owl3::cli
