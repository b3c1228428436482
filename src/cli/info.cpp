// `owl3 info`: what a checkpoint is, and what it takes to run it here.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "backend/make_backend.h"
#include "builtin/open_model.h"
#include "cli/commands.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/threads.h"
#include "formats/checkpoint.h"
#include "formats/finite_weights.h"
#include "formats/tensor_names.h"
#include "program/arithmetic_options.h"
#include "program/failure.h"
#include "program/interrupt.h"
#include "program/number_option.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Activations, caches of the libraries and the program itself, beside weights and memories: of
/// the released models, generously.
constexpr int64_t kMostWorkingBytes = 600'000'000;
constexpr int64_t kProgramBytes = 50'000'000;
constexpr int64_t kCacheElementBytes = 2;  // keys and values are kept in bfloat16

/// What the model needs, in bytes.
struct MemoryNeeds {
  int64_t weights = 0;
  int64_t working = 0;
  int64_t per_image = 0;  // visual keys and values of all hyper layers
  int64_t per_token = 0;  // text keys and values of all layers

  int64_t most_images = 0;  // that the context has room for, a token each

  int64_t to_start() const { return weights + working; }
  /// Images that fit beside the weights, before any text.
  int64_t images_in(int64_t bytes) const {
    return std::clamp<int64_t>((bytes - to_start()) / per_image, 0, most_images);
  }
};

/// Three times what a chunk of a prompt, an image and a step of 32 rows hold in their widest
/// layers.
int64_t working_bytes(const ModelConfig& config) {
  constexpr int64_t kChunk = 512;
  constexpr int64_t kRows = 32;
  const VisionConfig& vision = config.vision;
  const int64_t numbers =
      kChunk * (8 * config.hidden_size + 3 * config.intermediate_size) +
      2 * vision.tokens_per_image() * (10 * vision.hidden_size + 2 * vision.intermediate_size) +
      kRows * config.vocab_size;
  return std::min(kMostWorkingBytes, kProgramBytes + 3 * numbers * int64_t{sizeof(float)});
}

MemoryNeeds memory_needs(const Checkpoint& checkpoint) {
  const ModelConfig& config = checkpoint.config();
  const int64_t key_and_value = 2 * config.key_value_size() * kCacheElementBytes;
  MemoryNeeds needs;
  needs.weights = static_cast<int64_t>(checkpoint.weight_bytes());
  needs.working = working_bytes(config);
  needs.most_images = config.max_position_embeddings;
  needs.per_image = config.visual_numbers_per_image() * kCacheElementBytes;
  needs.per_token = config.num_hidden_layers * key_and_value;
  return needs;
}

/// Element types of the weights with their shares, the largest first: "bfloat16".
std::vector<std::pair<std::string, int64_t>> dtypes_of(const Checkpoint& checkpoint) {
  std::map<std::string, int64_t> counts;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    counts[std::string(name_of(tensor.dtype()))] += tensor.size();
  }
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

/// 8.07 B, 412.4 M, 96.6 k.
std::string human_count(int64_t count) {
  const auto value = static_cast<double>(count);
  if (count < 1000) return fmt::format("{}", count);
  if (count < 1'000'000) return fmt::format("{:.1f} k", value / 1e3);
  if (count < 1'000'000'000) return fmt::format("{:.1f} M", value / 1e6);
  return fmt::format("{:.2f} B", value / 1e9);
}

/// 1234567 -> "1,234,567"
std::string grouped(int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

Json generation_json(const GenerationConfig& generation) {
  Json json = Json::object();
  const auto put = [&](const char* key, const auto& value) {
    if (value) json[key] = *value;
  };
  put("do_sample", generation.do_sample);
  put("temperature", generation.temperature);
  put("top_p", generation.top_p);
  put("top_k", generation.top_k);
  put("repetition_penalty", generation.repetition_penalty);
  put("max_new_tokens", generation.max_new_tokens);
  put("num_beams", generation.num_beams);
  if (!generation.eos_token_id.empty()) json["eos_token_id"] = generation.eos_token_id;
  return json;
}

Json config_json(const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  return {{"hidden_size", config.hidden_size},
          {"num_hidden_layers", config.num_hidden_layers},
          {"num_attention_heads", config.num_attention_heads},
          {"num_key_value_heads", config.num_key_value_heads},
          {"head_size", config.head_size()},
          {"intermediate_size", config.intermediate_size},
          {"vocab_size", config.vocab_size},
          {"max_position_embeddings", config.max_position_embeddings},
          {"tie_word_embeddings", config.tie_word_embeddings},
          {"hyper_layers", config.hyper_layers},
          {"vision_config",
           {{"hidden_size", vision.hidden_size},
            {"num_hidden_layers", vision.num_hidden_layers},
            {"layers_used", vision.layers_used()},
            {"num_attention_heads", vision.num_attention_heads},
            {"intermediate_size", vision.intermediate_size},
            {"image_size", vision.image_size},
            {"patch_size", vision.patch_size},
            {"tokens_per_image", vision.tokens_per_image()}}}};
}

Json to_json(const Checkpoint& checkpoint) {
  const ParameterCounts& counts = checkpoint.parameter_counts();
  const MemoryNeeds needs = memory_needs(checkpoint);
  Json json;
  json["model"] = checkpoint.path().string();
  json["variant"] = name_of(checkpoint.variant());
  json["config"] = config_json(checkpoint.config());
  json["parameters"] = {{"total", counts.used()},          {"vision", counts.vision},
                        {"projector", counts.projector},   {"decoder", counts.decoder},
                        {"hyper_attention", counts.hyper}, {"unused", counts.unused}};
  json["weights"] = {{"bytes", needs.weights}, {"files", checkpoint.weight_files()}};
  for (const auto& [name, count] : dtypes_of(checkpoint)) json["weights"]["dtypes"][name] = count;
  json["memory"] = {{"bytes_per_image", needs.per_image},
                    {"bytes_per_text_token", needs.per_token},
                    {"bytes_to_start", needs.to_start()}};
  if (const auto machine = machine_memory()) {
    json["machine"] = {{"total_bytes", machine->total_bytes},
                       {"available_bytes", machine->available_bytes},
                       {"threads", available_threads()},
                       {"fits", needs.to_start() <= machine->available_bytes},
                       {"images_that_fit", needs.images_in(machine->available_bytes)}};
  }
  json["generation"] = generation_json(checkpoint.generation_config());
  json["unknown_tensors"] = checkpoint.unknown_tensors();
  json["warnings"] = checkpoint.warnings();
  return json;
}

void print_row(std::string_view label, std::string_view text) {
  fmt::print("  {:<17} {}\n", label, text);
}

void print_shapes(const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  fmt::print("\nStructure\n");
  print_row("vision encoder",
            fmt::format("SigLIP, {} of {} layers, width {}, {} heads of {}, MLP {}",
                        vision.layers_used(), vision.num_hidden_layers, vision.hidden_size,
                        vision.num_attention_heads, vision.head_size(), vision.intermediate_size));
  print_row("image", fmt::format("{0} x {0} pixels, patches of {1}, {2} visual tokens",
                                 vision.image_size, vision.patch_size, vision.tokens_per_image()));
  print_row("decoder",
            fmt::format("Qwen2, {} layers, width {}, {} heads of {} ({} for keys and values), "
                        "MLP {}",
                        config.num_hidden_layers, config.hidden_size, config.num_attention_heads,
                        config.head_size(), config.num_key_value_heads, config.intermediate_size));
  print_row("hyper layers",
            fmt::format("{} (counted from 1)", fmt::join(config.hyper_layers, ", ")));
  print_row("vocabulary",
            fmt::format("{} tokens, {}", grouped(config.vocab_size),
                        config.tie_word_embeddings ? "head tied to the embedding" : "own head"));
  print_row("context", fmt::format("{} tokens", grouped(config.max_position_embeddings)));
}

void print_parameters(const Checkpoint& checkpoint) {
  const ParameterCounts& counts = checkpoint.parameter_counts();
  fmt::print("\nParameters\n");
  const std::pair<const char*, int64_t> rows[] = {{"vision encoder", counts.vision},
                                                  {"projector", counts.projector},
                                                  {"decoder", counts.decoder},
                                                  {"hyper attention", counts.hyper},
                                                  {"total", counts.used()}};
  for (const auto& [label, count] : rows) {
    print_row(label, fmt::format("{:>9}   {:>14}", human_count(count), grouped(count)));
  }
  if (counts.unused > 0) {
    print_row("never read", fmt::format("{:>9}   {:>14}   (last vision layer, its norm and head)",
                                        human_count(counts.unused), grouped(counts.unused)));
  }
  std::vector<std::string> types;
  for (const auto& [name, count] : dtypes_of(checkpoint)) types.push_back(name);
  print_row("weights", fmt::format("{:>9}   {} in {}", byte_text(checkpoint.weight_bytes()),
                                   fmt::join(types, ", "),
                                   checkpoint.weight_files() == 1
                                       ? std::string("one file")
                                       : fmt::format("{} files", checkpoint.weight_files())));
}

void print_memory(const MemoryNeeds& needs) {
  fmt::print("\nMemory\n");
  print_row("to start",
            fmt::format("{:>9}   weights and working space", byte_text(needs.to_start())));
  print_row("per image", fmt::format("{:>9}   visual keys and values, kept once for all questions",
                                     byte_text(needs.per_image)));
  print_row("per text token", fmt::format("{:>9}", byte_text(needs.per_token)));
  const auto machine = machine_memory();
  if (!machine) return;
  print_row("this machine",
            fmt::format("{:>9}   available of {}", byte_text(machine->available_bytes),
                        byte_text(machine->total_bytes)));
  if (needs.to_start() <= machine->available_bytes) {
    print_row("", fmt::format("It fits, with up to {} images in memory at once.",
                              grouped(needs.images_in(machine->available_bytes))));
  } else {
    print_row("", fmt::format("It does not fit: {} more are needed.",
                              byte_text(needs.to_start() - machine->available_bytes)));
  }
}

void print_generation(const GenerationConfig& generation) {
  const Json values = generation_json(generation);
  if (values.empty()) return;
  fmt::print("\nGeneration defaults of the checkpoint\n");
  for (const auto& [key, value] : values.items()) print_row(key, fmt::format(" {}", value.dump()));
}

void print_unknown(const std::vector<std::string>& names) {
  constexpr size_t kShown = 10;
  if (names.empty()) return;
  fmt::print("\nTensors that owl3 does not know, and ignores: {}\n", names.size());
  for (size_t i = 0; i < std::min(kShown, names.size()); ++i) fmt::print("  {}\n", names[i]);
  if (names.size() > kShown)
    fmt::print("  and {} more (--json lists all)\n", names.size() - kShown);
}

struct Options {
  std::string model;
  bool json = false;
  bool verify = false;
  int threads = 0;
  std::string device;
};

/// What computes there; throws where there is no such device.
std::string device_text(const Options& options) {
  ModelOptions model_options;
  model_options.device = options.device;
  model_options.threads = options.threads;
  return make_backend(model_options)->description();
}

/// What reading all weights found.
struct Verification {
  size_t tensors = 0;
  std::vector<BrokenTensor> broken;
};

Verification verify(const Checkpoint& checkpoint, int threads) {
  const InterruptGuard interrupt;
  ProgressBar bar;
  Verification found;
  found.tensors = expected_tensors(checkpoint.config(), checkpoint.variant()).size();
  found.broken = find_broken_tensors(checkpoint, "", threads > 0 ? threads : available_threads(),
                                     [&](std::string_view stage, int64_t done, int64_t total) {
                                       bar.update(stage, done, total);
                                       return !interrupt.interrupted();
                                     });
  return found;
}

Json to_json(const Verification& verification) {
  Json broken = Json::array();
  for (const BrokenTensor& tensor : verification.broken) {
    broken.push_back({{"file", tensor.file}, {"tensor", tensor.name}});
  }
  return {{"tensors", verification.tensors}, {"broken", broken}};
}

/// The first broken tensor, and how many others there are; empty where none is.
std::string broken_text(const Verification& verification) {
  if (verification.broken.empty()) return {};
  const size_t others = verification.broken.size() - 1;
  return verification.broken.front().message() +
         (others > 0 ? fmt::format("; {} more tensor{} hold{} such values", others,
                                   others == 1 ? "" : "s", others == 1 ? "s" : "")
                     : "");
}

void run_for_script(const Checkpoint& checkpoint, const Options& options) {
  Json json = to_json(checkpoint);
  if (!options.device.empty()) json["device"] = device_text(options);
  std::string broken;
  if (options.verify) {
    const Verification verification = verify(checkpoint, options.threads);
    json["verified"] = to_json(verification);
    broken = broken_text(verification);
    if (!broken.empty()) json["error"] = broken;
    if (!broken.empty()) json["kind"] = "input";
  }
  fmt::print("{}\n", json.dump(2));
  if (!broken.empty()) throw ToldFailure(broken);
}

void print_text(const Checkpoint& checkpoint) {
  fmt::print("{}: mPLUG-Owl3, {}\n", checkpoint.path().string(),
             checkpoint.variant() == Variant::kGated ? "gated variant (1B, 2B, 7B-240728)"
                                                     : "unified variant (7B-241101)");
  print_shapes(checkpoint.config());
  print_parameters(checkpoint);
  print_memory(memory_needs(checkpoint));
  print_generation(checkpoint.generation_config());
  print_unknown(checkpoint.unknown_tensors());
}

void run(const Options& options) {
  const Checkpoint checkpoint = Checkpoint::open(open_model(options.model));
  tell_warnings(checkpoint.warnings());
  if (options.json) return run_for_script(checkpoint, options);
  const std::string device = options.device.empty() ? "" : device_text(options);
  print_text(checkpoint);
  if (!device.empty()) {
    fmt::print("\nDevice\n");
    print_row(options.device, device);
  }
  if (!options.verify) return;
  std::fflush(stdout);
  const Verification verification = verify(checkpoint, options.threads);
  if (!verification.broken.empty()) throw InputError(broken_text(verification));
  fmt::print("\nVerified\n");
  print_row("weights", fmt::format("{:>9}   in {} tensors: every value is a number",
                                   byte_text(checkpoint.weight_bytes()), verification.tensors));
}

}  // namespace

void add_info_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("info", "Say what a checkpoint is, and whether it fits this machine");
  command->footer(
      "Reads only the files' headers, never the weights: instant for any size. With --verify it\n"
      "reads them all, and says whether they are numbers.\n\n"
      "Examples:\n  owl3 info MODEL\n  owl3 info MODEL --verify");
  command
      ->add_option("MODEL", options->model, "A name (owl3 list), checkpoint folder or .gguf file")
      ->required()
      ->type_name("");
  command->add_flag("--json", options->json, "The same as one JSON object");
  command->add_flag("--verify", options->verify,
                    "Read every weight: NaN or infinity in any is an error, named by its tensor");
  add_threads_option(*command, options->threads, "Threads of --verify");
  add_device_option(*command, options->device);
  command->callback([options] { run(*options); });
}

}  // namespace owl3::cli
