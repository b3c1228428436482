// `owl3 memory`: what is in memory files, and changes to them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/memory/memory_list.h"
#include "cli/memory/selection.h"
#include "core/byte_text.h"
#include "core/counted.h"
#include "core/error.h"
#include "owl3/owl3.h"
#include "program/failure.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

void print(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// A progress bar that Ctrl-C ends.
class Watched {
 public:
  ProgressCallback progress() {
    return [this](std::string_view stage, int64_t done, int64_t total) {
      bar_.update(stage, done, total);
      return !interrupt_.interrupted();
    };
  }
  void erase() { bar_.erase(); }

 private:
  InterruptGuard interrupt_;
  ProgressBar bar_;
};

std::string precision_text(const SavedMemoryInfo& info) {
  return fmt::format("{}{}{}", name_of(info.precision), info.vision_int8 ? ", encoded in int8" : "",
                     info.visual_memory_int8 ? ", kept in int8" : "");
}

void show_info(const std::string& path, bool as_json) {
  const SavedMemory memory = SavedMemory::open(path);
  tell_warnings(memory.warnings());
  const SavedMemoryInfo info = memory.info();
  if (as_json) {
    return print({{"path", path},
                  {"model", info.model},
                  {"precision", name_of(info.precision)},
                  {"vision_int8", info.vision_int8},
                  {"visual_memory_int8", info.visual_memory_int8},
                  {"adapters", info.has_adapters},
                  {"layout", info.layout},
                  {"photos", info.photos},
                  {"films", info.films},
                  {"images", info.images},
                  {"bytes_per_image", info.bytes_per_image},
                  {"bytes", info.file_bytes}});
  }
  const auto row = [](std::string_view label, const std::string& value) {
    fmt::print("{:<12}{}\n", label, one_line(value));
  };
  row("holds", fmt::format("{}, {}: {}", counted(info.photos, "photo"), counted(info.films, "film"),
                           counted(info.images, "image")));
  row("size",
      fmt::format("{}, {} an image", byte_text(info.file_bytes), byte_text(info.bytes_per_image)));
  row("model", info.model + (info.has_adapters ? ", under adapters (--lora)" : ""));
  row("precision", precision_text(info));
  row("layout", info.layout);
}

void verify(const std::string& path, bool as_json) {
  Watched watched;
  const MemoryDamage found = verify_memory_file(path, watched.progress());
  watched.erase();
  if (as_json) {
    print({{"path", path},
           {"images", found.images},
           {"damaged_images", found.damaged_images},
           {"damage", found.damage},
           {"notes", found.notes}});
  } else {
    for (const std::string& note : found.notes) tell_warning(path + ": " + note);
    for (const std::string& line : found.damage) fmt::print("{}\n", one_line(line));
  }
  if (found.damage.empty()) {
    if (!as_json) fmt::print("{}: {} images, every bit as it was written\n", path, found.images);
    return;
  }
  const std::string what = fmt::format(
      "{}: is damaged: {} of {} images; owl3 index encodes them anew where the files are there, "
      "and "
      "owl3 memory remove takes them out",
      path, found.damaged_images, found.images);
  const std::string line = found.damaged_images > 0
                               ? what
                               : fmt::format(
                                     "{}: is damaged, but no image of it is; the next owl3 "
                                     "index that changes something mends it",
                                     path);
  if (as_json) throw ToldFailure(line);
  throw InputError(line);
}

/// What is shown under these names, in which control characters are spaces, by its own.
std::vector<std::string> as_they_are(const std::string& path, std::vector<std::string> names) {
  const std::vector<SavedMedium> media = SavedMemory::open(path).media();
  std::vector<std::string> all;
  for (std::string& name : names) {
    const size_t before = all.size();
    for (const SavedMedium& medium : media) {
      if (one_line(medium.path.string()) == name && medium.path != name) {
        all.push_back(medium.path.string());
      }
    }
    const bool is_own = std::any_of(media.begin(), media.end(),
                                    [&](const SavedMedium& medium) { return medium.path == name; });
    if (is_own || all.size() == before) all.push_back(std::move(name));
  }
  return all;
}

void remove(const std::string& path, const std::vector<std::string>& names, bool as_json) {
  const std::vector<std::string> removed = remove_from_memory(path, as_they_are(path, names));
  if (as_json) return print({{"path", path}, {"removed", removed}});
  for (const std::string& name : removed) fmt::print("removed: {}\n", one_line(name));
}

void merge(const std::vector<std::string>& from, const std::string& to, bool as_json) {
  Watched watched;
  const int64_t media = merge_memories({from.begin(), from.end()}, to, watched.progress());
  watched.erase();
  const SavedMemoryInfo info = SavedMemory::open(to).info();
  if (as_json) {
    return print({{"path", to},
                  {"photos", info.photos},
                  {"films", info.films},
                  {"images", info.images},
                  {"bytes", info.file_bytes}});
  }
  fmt::print("{}: {} photos and films, {} images, {}\n", to, media, info.images,
             byte_text(info.file_bytes));
}

/// A part of the command that is about one file.
CLI::App* add_part(CLI::App& memory, const char* name, const char* text, std::string& path) {
  CLI::App* command = memory.add_subcommand(name, text);
  command->add_option("FILE", path, "A file that owl3 index made")->required()->type_name("");
  return command;
}

struct Arguments {
  std::string path;
  std::vector<std::string> names;
  MemorySelection which;
  bool json = false;
};

void add_json(CLI::App& command, Arguments& arguments, const char* text) {
  command.add_flag("--json", arguments.json, text);
}

void add_info(CLI::App& memory) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      add_part(memory, "info", "How much a file holds, and what it was made with", arguments->path);
  command->footer("Example:\n  owl3 memory info holiday.owlmem");
  add_json(*command, *arguments, "As one JSON object");
  command->callback([arguments] { show_info(arguments->path, arguments->json); });
}

void add_list(CLI::App& memory) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = add_part(
      memory, "list", "Its photos, and the frames of its films: when, size, hash", arguments->path);
  command->footer(
      "The hash is the beginning of the file's SHA-256; --json has it whole, and those of the "
      "pixels "
      "that\nthe model saw.\n\n"
      "Examples:\n"
      "  owl3 memory list holiday.owlmem\n"
      "  owl3 memory list holiday.owlmem --only '*.mp4' --from 1:00 --to 1:30");
  add_selection_options(*command, arguments->which, "");
  add_json(*command, *arguments, "One JSON object a line, for each photo and frame");
  command->callback(
      [arguments] { list_memory(arguments->path, arguments->which, arguments->json); });
}

void add_verify(CLI::App& memory) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      add_part(memory, "verify", "Hold every bit against the checksums", arguments->path);
  command->footer(
      "Ends with code 1 where something is damaged.\n\nExample:\n"
      "  owl3 memory verify holiday.owlmem");
  add_json(*command, *arguments, "As one JSON object");
  command->callback([arguments] { verify(arguments->path, arguments->json); });
}

void add_remove(CLI::App& memory) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = add_part(memory, "remove", "Take photos and films out", arguments->path);
  command->footer("Example:\n  owl3 memory remove holiday.owlmem 'IMG_2*.jpg'");
  command
      ->add_option("NAME", arguments->names,
                   "As owl3 memory list shows them, or patterns for these or their last part")
      ->required()
      ->type_name("");
  add_json(*command, *arguments, "What was removed as one JSON object");
  command->callback([arguments] { remove(arguments->path, arguments->names, arguments->json); });
}

void add_merge(CLI::App& memory) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = memory.add_subcommand("merge", "Join files into one");
  command->footer("Example:\n  owl3 memory merge 1.owlmem 2.owlmem -o holiday.owlmem");
  command->add_option("FILE", arguments->names, "Files that owl3 index made, with one model")
      ->required()
      ->type_name("");
  command
      ->add_option("-o,--out", arguments->path, "Where to: a new file, or one that takes them up")
      ->required()
      ->type_name("FILE");
  add_json(*command, *arguments, "What there is then as one JSON object");
  command->callback([arguments] { merge(arguments->names, arguments->path, arguments->json); });
}

}  // namespace

void add_memory_command(CLI::App& app) {
  CLI::App* memory =
      app.add_subcommand("memory", "What is in files of owl3 index, and out of them");
  memory->footer(
      "Examples:\n"
      "  owl3 memory info holiday.owlmem\n"
      "  owl3 memory list holiday.owlmem\n"
      "  owl3 memory verify holiday.owlmem");
  memory->require_subcommand(1);
  add_info(*memory);
  add_list(*memory);
  add_verify(*memory);
  add_remove(*memory);
  add_merge(*memory);
}

}  // namespace owl3::cli
