// `owl3 make-checkpoint`: random weights of the exact real shapes, in the official layout.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "core/atomic_folder.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/threads.h"
#include "formats/checkpoint.h"
#include "formats/random_checkpoint.h"
#include "program/disk_space.h"
#include "program/interrupt.h"
#include "program/number_option.h"
#include "text/tokenizer.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string like;
  std::string out;
  std::string variant;
  std::string tokenizer;
  std::string dtype = "bfloat16";
  std::string shard_size = "5GB";
  uint64_t seed = 0;
  bool force = false;
};

DType parse_dtype(const std::string& name) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    if (name == name_of(dtype)) return dtype;
  }
  throw UsageError(fmt::format("--dtype {}: must be bfloat16, float16 or float32", name));
}

/// "4GB", "500 MB", "2GiB", or plain bytes.
uint64_t parse_size(const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  std::string unit(rest, end);
  unit.erase(0, unit.find_first_not_of(' '));
  const std::pair<const char*, double> units[] = {
      {"", 1},      {"B", 1},        {"kB", 1e3},     {"KB", 1e3},     {"MB", 1e6},    {"GB", 1e9},
      {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  for (const auto& [name, factor] : units) {
    const double bytes = number * factor;
    if (error == std::errc() && unit == name && bytes >= 1 && bytes < 1e18) {
      return static_cast<uint64_t>(bytes);
    }
  }
  throw UsageError(fmt::format("--shard-size {}: must be a size such as 5GB or 500MB", text));
}

/// OUT must be new or empty, or, with --force, an older checkpoint: nothing else is ever deleted.
void check_destination(const fs::path& out, bool force) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(out, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) {
    throw InputError(fmt::format("{}: exists and is not a folder", out.string()));
  }
  const bool empty = fs::is_empty(out, error);
  if (error) throw InputError(fmt::format("{}: {}", out.string(), error.message()));
  if (empty) return;
  if (!force) {
    throw InputError(fmt::format("{}: exists and is not empty; --force replaces it", out.string()));
  }
  if (!fs::exists(out / "config.json", error)) {
    throw InputError(
        fmt::format("{}: has no config.json, so it is not a checkpoint; --force "
                    "replaces only those",
                    out.string()));
  }
}

/// One line on the terminal, at most ten times a second.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

  void show(int64_t done, int64_t total) {
    if (!terminal_ || Clock::now() < next_) return;
    next_ = Clock::now() + std::chrono::milliseconds(100);
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const auto bytes = static_cast<double>(done);
    fmt::print(stderr, "\r\033[Kwriting weights  {:3.0f} %  {} of {}  {}/s",
               100 * bytes / static_cast<double>(total), byte_text(bytes), byte_text(total),
               byte_text(bytes / std::max(seconds, 1e-3)));
    std::fflush(stderr);
    shown_ = true;
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_;
};

CheckpointShape requested_shape(const Options& options) {
  CheckpointShape shape = checkpoint_shape(options.like);
  if (options.variant.empty()) return shape;
  const Variant variant = options.variant == "gated" ? Variant::kGated : Variant::kUnified;
  if (variant != shape.variant && shape.name != "tiny") {
    throw UsageError(fmt::format("--variant {}: {} is {}; only tiny comes in both variants",
                                 options.variant, shape.name, name_of(shape.variant)));
  }
  shape.variant = variant;
  return shape;
}

/// The tokenizer to copy must be one, and its ids the model's.
void check_tokenizer(const fs::path& file, const CheckpointShape& shape) {
  const int64_t ids = Tokenizer::from_file(file).vocab_size();
  if (ids <= shape.config.vocab_size) return;
  throw InputError(fmt::format("{}: has token ids up to {}, but {} has a vocabulary of {}",
                               file.string(), ids - 1, shape.name, shape.config.vocab_size));
}

void print_summary(const fs::path& out, const CheckpointShape& shape, double seconds) {
  const Checkpoint checkpoint = Checkpoint::open(out);
  fmt::print("{}: {:.1f} million random weights like {} ({}), {} in {}, written in {:.1f} s\n",
             out.string(), static_cast<double>(checkpoint.parameter_counts().used()) / 1e6,
             shape.name, name_of(shape.variant), byte_text(checkpoint.weight_bytes()),
             checkpoint.weight_files() == 1 ? std::string("one file")
                                            : fmt::format("{} shards", checkpoint.weight_files()),
             seconds);
  fmt::print("Its answers mean nothing; it is for measuring speed and memory.\n");
}

void make_checkpoint(const Options& options) {
  const auto start = Clock::now();
  const CheckpointShape shape = requested_shape(options);
  RandomCheckpointOptions random;
  random.dtype = parse_dtype(options.dtype);
  random.seed = options.seed;
  random.shard_bytes = parse_size(options.shard_size);
  random.tokenizer = options.tokenizer;
  if (!options.tokenizer.empty()) check_tokenizer(options.tokenizer, shape);
  random.threads = available_threads();
  const fs::path out = output_folder(options.out);
  check_destination(out, options.force);

  const InterruptGuard interrupt;
  {
    ProgressLine line;
    const WriteGuard unfinished_parts_go;
    AtomicFolder folder(out);
    check_free_space(out.parent_path(), random_checkpoint_bytes(shape, random.dtype));
    write_random_checkpoint(folder.temporary(), shape, random,
                            [&](std::string_view, int64_t done, int64_t total) {
                              line.show(done, total);
                              return !interrupt.interrupted();
                            });
    if (interrupt.interrupted()) throw Interrupted("interrupted");
    folder.commit();
  }
  print_summary(out, shape, std::chrono::duration<double>(Clock::now() - start).count());
}

}  // namespace

void add_make_checkpoint_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "make-checkpoint", "Write a checkpoint of random weights in the shapes of a released model");
  command->footer(
      "The folder is complete: weights, config.json, generation_config.json, tokenizer.json.\n"
      "It measures what the real model would: speed and memory. Its words mean nothing.\n"
      "The released 2B's hyper layers are stated only in its config.json; 7, 14, 21 and 24 stand\n"
      "in for them.\n\n"
      "Examples:\n"
      "  owl3 make-checkpoint --like tiny /tmp/tiny\n"
      "  owl3 make-checkpoint --like 7b-241101 --tokenizer tokenizer.json models/random-7b");
  command->add_option("OUT", options->out, "Folder to write; must be new or empty")
      ->required()
      ->type_name("");
  command
      ->add_option("--like", options->like,
                   "Whose shapes: 1b, 2b, 7b-240728, 7b-241101, or tiny (a few MB)")
      ->required()
      ->type_name("MODEL");
  command->add_option("--variant", options->variant, "gated or unified; for tiny only")
      ->check(CLI::IsMember({"gated", "unified"}))
      ->type_name("NAME");
  command
      ->add_option("--tokenizer", options->tokenizer,
                   "tokenizer.json to copy (default: one of made-up syllables)")
      ->type_name("FILE");
  command->add_option("--seed", options->seed, "The weights depend on this number alone")
      ->transform(seed_number())
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--dtype", options->dtype, "bfloat16, float16 or float32")
      ->capture_default_str()
      ->type_name("TYPE");
  command->add_option("--shard-size", options->shard_size, "Largest weight file")
      ->capture_default_str()
      ->type_name("SIZE");
  command->add_flag("--force", options->force, "Replace a checkpoint that is there already");
  command->callback([options] { make_checkpoint(*options); });
}

}  // namespace owl3::cli
