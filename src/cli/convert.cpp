// `owl3 convert`: a checkpoint as one GGUF file, with weights of fewer bits.
#include "cli/convert.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "builtin/open_model.h"
#include "cli/commands.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/threads.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"
#include "formats/hub_cache.h"
#include "formats/lora_merge.h"
#include "program/disk_space.h"
#include "program/interrupt.h"
#include "program/lora_option.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/terminal.h"
#include "text/tokenizer.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Plan = std::vector<PlannedTensor>;

/// "language_model.*=q8_0"; a name may hold no '=', so the last one divides.
KeepRule parse_keep(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(
        fmt::format("--keep {}: must be PATTERN=TYPE, such as '*.v_proj.weight=q8_0'", text));
  }
  const std::string type = text.substr(equals + 1);
  const auto dtype = dtype_of_short_name(type);
  if (!dtype) {
    throw UsageError(fmt::format(
        "--keep {}: {} is no type; f32, f16, bf16, q8_0, q6_k, q4_k and q4_0 are", text, type));
  }
  return {text.substr(0, equals), *dtype};
}

ConversionOptions conversion_options(const ConvertArguments& options) {
  ConversionOptions conversion;
  conversion.type = *dtype_of_short_name(options.type);  // the parser let only these through
  conversion.vision = *dtype_of_short_name(options.vision);
  for (const std::string& keep : options.keep) conversion.keep.push_back(parse_keep(keep));
  return conversion;
}

/// OUT must be new or, with --force, an older GGUF file: nothing else is ever replaced.
void check_destination(const fs::path& out, bool force) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(out, error);
  if (!fs::exists(status)) return;
  if (!force) throw InputError(fmt::format("{}: exists; --force replaces it", out.string()));
  if (!fs::is_regular_file(fs::status(out, error)) || !is_gguf(MappedFile::open(out)->bytes())) {
    throw InputError(
        fmt::format("{}: is not a GGUF file; --force replaces only those", out.string()));
  }
}

/// A tokenizer that chat would refuse is refused before an hour of converting. Goldens have none.
void check_tokenizer(const Checkpoint& checkpoint) {
  const auto document = checkpoint.document(kTokenizerFile);
  if (document) {
    Tokenizer::from_json(document->text, document->name);
  } else {
    fmt::print(stderr, "owl3: {}: no tokenizer.json in it; {}\n", checkpoint.path().string(),
               "the file can be measured and compared, but not chatted with");
  }
}

std::vector<LoraAdapter> load_adapters(const ConvertArguments& options,
                                       const Checkpoint& checkpoint) {
  std::vector<LoraAdapter> adapters;
  for (const LoraOptions& lora : options.lora) {
    adapters.push_back(load_lora_adapter(lora.folder, lora.scale));
    check_mergeable(adapters.back(), checkpoint);
  }
  return adapters;
}

uint64_t weight_bytes(const Plan& plan) {
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : plan) bytes += *dense_bytes(tensor.type, tensor.shape);
  return bytes;
}

/// "embed_tokens and 27 more" of the tensors whose rows did not fit their type.
void print_fallbacks(const Plan& plan) {
  std::map<std::pair<DType, DType>, std::vector<std::string_view>> fallbacks;
  for (const PlannedTensor& tensor : plan) {
    if (tensor.type != tensor.wanted) {
      fallbacks[{tensor.wanted, tensor.type}].push_back(tensor.name);
    }
  }
  for (const auto& [types, names] : fallbacks) {
    fmt::print("  {} instead of {}, whose blocks of {} do not fit the rows: {}{}\n",
               short_name_of(types.second), short_name_of(types.first), block_values(types.first),
               names.front(),
               names.size() > 1 ? fmt::format(" and {} more", names.size() - 1) : std::string());
  }
}

void print_summary(const ConvertArguments& options, const Checkpoint& checkpoint, const Plan& plan,
                   uint64_t file_bytes, double seconds) {
  const auto before = static_cast<uint64_t>(checkpoint.weight_bytes());
  fmt::print("{}: {}, {:.0f} % of the weights' {}, written in {:.1f} s\n", options.out,
             byte_text(file_bytes),
             100 * static_cast<double>(file_bytes) / static_cast<double>(before), byte_text(before),
             seconds);
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ6_K,
                           DType::kQ4_K, DType::kQ4_0}) {
    size_t tensors = 0;
    uint64_t bytes = 0;
    for (const PlannedTensor& tensor : plan) {
      if (tensor.type != type) continue;
      ++tensors;
      bytes += *dense_bytes(type, tensor.shape);
    }
    if (tensors > 0) {
      fmt::print("  {:<5} {:>5} tensors  {:>9}\n", short_name_of(type), tensors, byte_text(bytes));
    }
  }
  print_fallbacks(plan);
}

/// q4_0 has as many bits a weight as q4_k and shorter blocks: where rows are too short for q4_k's,
/// it makes the smaller file, beside the `other_bytes` of both. Told before the work, which takes
/// minutes.
void tell_smaller_type(const Checkpoint& checkpoint, ConversionOptions conversion,
                       uint64_t planned_bytes, uint64_t other_bytes) {
  if (conversion.type != DType::kQ4_K) return;
  conversion.type = DType::kQ4_0;
  const uint64_t bytes =
      weight_bytes(plan_conversion(checkpoint.config(), checkpoint.variant(), conversion));
  if (bytes >= planned_bytes) return;
  tell(fmt::format(
      "owl3: this model's rows are too short for most of q4_k ({}): --type q4_0 makes {}\n",
      byte_text(planned_bytes + other_bytes), byte_text(bytes + other_bytes)));
}

/// A conversion that could be planned: all that can be refused before the work was.
struct PlannedConversion {
  Checkpoint checkpoint;
  Plan plan;
  GgufMetadata metadata;
};

PlannedConversion planned(const ConvertArguments& options) {
  const ConversionOptions conversion = conversion_options(options);
  Checkpoint checkpoint = Checkpoint::open(open_model(options.model));
  Plan plan = plan_conversion(checkpoint.config(), checkpoint.variant(), conversion);
  GgufMetadata metadata =
      make_gguf_metadata(checkpoint, model_name_of(checkpoint.path()), conversion.type);
  return {std::move(checkpoint), std::move(plan), std::move(metadata)};
}

uint64_t write_planned(PlannedConversion& work, const ConvertArguments& options,
                       const ProgressCallback& progress) {
  const fs::path out = options.out;
  check_destination(out, options.force);
  check_tokenizer(work.checkpoint);
  const std::vector<LoraAdapter> adapters = load_adapters(options, work.checkpoint);
  check_free_space(fs::absolute(out).parent_path(),
                   weight_bytes(work.plan) + work.metadata.bytes().size());
  const WriteGuard unfinished_parts_go;
  return write_gguf(out, work.checkpoint, work.plan, std::move(work.metadata),
                    options.threads > 0 ? options.threads : available_threads(), progress,
                    adapters);
}

}  // namespace

const std::vector<std::string>& conversion_types() {
  static const std::vector<std::string> kTypes = {"bf16", "q8_0", "q6_k", "q4_k", "q4_0"};
  return kTypes;
}

uint64_t converted_weight_bytes(const ConvertArguments& options) {
  return weight_bytes(planned(options).plan);
}

void convert_silently(const ConvertArguments& options, const ProgressCallback& progress) {
  PlannedConversion work = planned(options);
  write_planned(work, options, progress);
}

void convert(const ConvertArguments& options) {
  const auto start = Clock::now();
  PlannedConversion work = planned(options);
  tell_warnings(work.checkpoint.warnings());
  tell_smaller_type(work.checkpoint, conversion_options(options), weight_bytes(work.plan),
                    work.metadata.bytes().size());
  const InterruptGuard interrupt;
  uint64_t file_bytes = 0;
  {
    ProgressBar bar;
    file_bytes =
        write_planned(work, options, [&](std::string_view stage, int64_t done, int64_t total) {
          bar.update(stage, done, total);
          return !interrupt.interrupted();
        });
  }
  print_summary(options, work.checkpoint, work.plan, file_bytes,
                std::chrono::duration<double>(Clock::now() - start).count());
}

void add_convert_command(CLI::App& app) {
  auto options = std::make_shared<ConvertArguments>();
  CLI::App* command = app.add_subcommand(
      "convert", "Write a checkpoint as one GGUF file, with fewer bits a weight");
  command->footer(
      "The file holds all there is to run the model: weights, config, tokenizer. Its blocks are\n"
      "ggml's, so the tools of that ecosystem show it; owl3 runs it. Whatever the type, norms,\n"
      "biases and gates keep 32 bits, the projector and v_kv_proj at least 8, embedding and head\n"
      "at least 6. Rows that are not whole blocks (256 values of q4_k and q6_k, 32 of the others)\n"
      "become q8_0 or bf16.\n\n"
      "Examples:\n"
      "  owl3 convert MODEL small.gguf --type q4_k\n"
      "  owl3 convert MODEL small.gguf --type q4_0 --vision q8_0\n"
      "  owl3 convert MODEL mixed.gguf --type q4_k --keep '*.down_proj.weight=q6_k'\n"
      "  owl3 convert MODEL mine.gguf --type bf16 --lora my-adapter");
  command
      ->add_option("MODEL", options->model, "A name (owl3 list), checkpoint folder or .gguf file")
      ->required()
      ->type_name("");
  command->add_option("OUT", options->out, "File to write, such as small.gguf")
      ->required()
      ->type_name("");
  command
      ->add_option("--type", options->type,
                   "Of the decoder's matrices: bf16, q8_0 (8.5 bits a weight), q6_k (6.6), q4_k or "
                   "q4_0 (4.5)")
      ->required()
      ->check(CLI::IsMember(conversion_types()))
      ->type_name("TYPE");
  command->add_option("--vision", options->vision, "Of the vision encoder's: bf16 or q8_0")
      ->check(CLI::IsMember({"bf16", "q8_0"}))
      ->capture_default_str()
      ->type_name("TYPE");
  command
      ->add_option("--keep", options->keep,
                   "Tensors whose name matches the pattern get that type, f32 and f16 included; "
                   "repeatable, the last match counts")
      ->allow_extra_args(false)
      ->type_name("PATTERN=TYPE");
  add_lora_option(*command, options->lora)
      ->description("Merge a LoRA adapter into the weights: a folder in PEFT's layout; repeatable");
  add_threads_option(*command, options->threads);
  command->add_flag("--force", options->force, "Replace a GGUF file that is there already");
  command->callback([options] { convert(*options); });
}

}  // namespace owl3::cli
