// `owl3 make-data`: training data drawn from free fonts, with questions and answers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <memory>

#include "core/atomic_folder.h"
#include "core/error.h"
#include "core/threads.h"
#include "draw/command_line.h"
#include "owlet/dataset.h"
#include "program/disk_space.h"
#include "program/interrupt.h"
#include "program/number_option.h"
#include "program/progress_bar.h"

namespace owl3::draw {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string out;
  std::vector<std::string> kinds;
  int64_t count = 1000;
  std::string split = "train";
  std::string numbering = "mixed";
  FontPaths fonts;
  DatasetOptions dataset;
  int threads = 0;
};

/// "stage3" or "stage3=20000"
DatasetPart parse_kind(const std::string& text, int64_t count) {
  const size_t equals = text.find('=');
  const auto kind = row_kind_of(text.substr(0, equals));
  if (!kind) {
    std::string names;
    for (int i = 0; i < kRowKinds; ++i) {
      names += fmt::format("{}{}", i == 0 ? "" : ", ", name_of(static_cast<RowKind>(i)));
    }
    throw UsageError(fmt::format("--kind {}: is none of {}", text, names));
  }
  DatasetPart part{*kind, count};
  if (equals == std::string::npos) return part;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + equals + 1, end, part.rows);
  if (error != std::errc() || rest != end || part.rows < 1) {
    throw UsageError(
        fmt::format("--kind {}: must be KIND or KIND=ROWS, such as stage3=20000", text));
  }
  return part;
}

Numbering parse_numbering(const std::string& name) {
  if (name == "after") return Numbering::kAfter;
  if (name == "before") return Numbering::kBefore;
  return name == "bare" ? Numbering::kBare : Numbering::kMixed;
}

DatasetOptions dataset_options(const Options& options) {
  DatasetOptions dataset = options.dataset;
  for (const std::string& kind : options.kinds) {
    dataset.parts.push_back(parse_kind(kind, options.count));
    for (size_t i = 0; i + 1 < dataset.parts.size(); ++i) {
      if (dataset.parts[i].kind != dataset.parts.back().kind) continue;
      throw UsageError(
          fmt::format("--kind {}: {} is asked for twice", kind, name_of(dataset.parts[i].kind)));
    }
  }
  dataset.split = options.split == "test" ? Split::kTest : Split::kTrain;
  dataset.numbering = parse_numbering(options.numbering);
  dataset.threads = options.threads > 0 ? options.threads : available_threads();
  return dataset;
}

void check_destination(const fs::path& out) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(out, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status) || !fs::is_empty(out, error)) {
    throw InputError(fmt::format("{}: exists and is not an empty folder", out.string()));
  }
}

/// Noise hardly compresses; so many bytes a picture takes at most, its archive header included.
uint64_t picture_bytes(const DatasetOptions& options) {
  const auto side = static_cast<uint64_t>(options.image_size);
  const auto pictures =
      static_cast<uint64_t>(options.pictures) +
      static_cast<uint64_t>(options.clips) * static_cast<uint64_t>(options.max_frames);
  return pictures * (side * side * 3 + side + 2048);
}

void make_data(const Options& options) {
  const auto start = Clock::now();
  const DatasetOptions dataset = dataset_options(options);
  const fs::path out = output_folder(options.out);
  check_destination(out);
  const Artwork artwork(options.fonts);

  const InterruptGuard interrupt;
  DatasetSummary summary;
  {
    ProgressBar bar;
    const WriteGuard unfinished_parts_go;
    AtomicFolder folder(out);
    check_free_space(out.parent_path(), picture_bytes(dataset));
    summary = write_dataset(folder.temporary(), dataset, artwork,
                            [&](std::string_view stage, int64_t done, int64_t total) {
                              bar.update(stage, done, total);
                              return !interrupt.interrupted();
                            });
    if (interrupt.interrupted()) throw Interrupted("interrupted");
    folder.commit();
  }
  fmt::print("{}: {} rows, {} pictures, up to {} images in a row, written in {:.1f} s\n",
             options.out, summary.rows, summary.pictures, summary.longest_sequence,
             std::chrono::duration<double>(Clock::now() - start).count());
}

void add_picture_options(CLI::App& command, const std::shared_ptr<Options>& options) {
  DatasetOptions& dataset = options->dataset;
  command.add_option("--size", dataset.image_size, "Side of a picture, in pixels")
      ->transform(whole_number(16, 1024))
      ->capture_default_str()
      ->type_name("PX");
  command
      .add_option("--pictures", dataset.pictures,
                  "How many scenes are drawn; rows share them, and share them between kinds")
      ->transform(whole_number(100, 1000000))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option(
          "--clips", dataset.clips,
          "How many clips besides, for the kinds that have any (stage2, stage3, clip, demo)")
      ->transform(whole_number(1, 100000))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--max-frames", dataset.max_frames, "Longest clip")
      ->transform(whole_number(3, 128))
      ->capture_default_str()
      ->type_name("N");
  command.add_flag("--loose", dataset.loose_pictures,
                   "Pictures as files in OUT/pictures/ instead of OUT/pictures.tar");
  command.add_option("--emoji-font", options->fonts.emoji, "Noto Color Emoji")
      ->capture_default_str()
      ->type_name("FILE");
  command.add_option("--letter-font", options->fonts.letters, "DejaVu Sans Bold, or another")
      ->capture_default_str()
      ->type_name("FILE");
}

}  // namespace

void add_make_data_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "make-data", "Draw pictures with questions and answers, to train a small model on");
  command->footer(
      "OUT gets KIND.jsonl for every kind, in the form of ms-swift's data sets, and the pictures\n"
      "in pictures.tar. Kinds: siglip (captions), echo and text (no pictures), pages, lists\n"
      "and recall (many pictures in few words), stage1 to stage3 (the paper's stages),\n"
      "single and clip (those of stage3 about one picture or a clip), distractors (a question\n"
      "among N other images, for evaluation), demo.\n"
      "The same options give the same bytes. No test picture shows a thing on the ground and at\n"
      "the place where training has it.\n\n"
      "Examples:\n"
      "  owl3 make-data data --kind siglip=20000,stage1=20000,stage2=10000,stage3=20000\n"
      "  owl3 make-data held-out --kind distractors --count 360 --split test --pictures 5000");
  command->add_option("OUT", options->out, "Folder to write; must be new or empty")
      ->required()
      ->type_name("");
  command->add_option("--kind", options->kinds, "One kind of rows or several, each with its number")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("KIND[=ROWS],..");
  command->add_option("--count", options->count, "Rows of each kind that has no number")
      ->transform(whole_number(1, 100000000))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--split", options->split, "train or test")
      ->check(CLI::IsMember({"train", "test"}))
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--seed", options->dataset.seed, "The data depend on this number alone")
      ->transform(seed_number())
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--max-images", options->dataset.max_images,
                   "Longest sequence; each doubling of the length comes equally often")
      ->transform(whole_number(1, 10000))
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_option("--numbering", options->numbering,
                   "How images stand in a sequence: after (<image>1<image>2), before (Image 1: "
                   "<image>), bare, or mixed, which is mostly after")
      ->check(CLI::IsMember({"mixed", "after", "before", "bare"}))
      ->capture_default_str()
      ->type_name("STYLE");
  add_picture_options(*command, options);
  add_threads_option(*command, options->threads);
  command->callback([options] { make_data(*options); });
}

}  // namespace owl3::draw
