#include "formats/lora_config.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/json_reader.h"
#include "formats/tensor_map.h"

namespace owl3 {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxConfigBytes = 16 << 20;
constexpr int64_t kMaxRank = 65536;
constexpr double kMaxAlpha = 1e6;
constexpr std::string_view kPlainOnly = "owl3 runs plain LoRA only";

/// Keys that count here, and those about training, other software, or which layers are adapted,
/// which the tensors tell. Of PEFT 0.6 to 0.18, and of ms-swift (the last five).
constexpr std::string_view kHarmless[] = {"peft_type",           "r",
                                          "lora_alpha",          "use_rslora",
                                          "auto_mapping",        "revision",
                                          "task_type",           "base_model_name_or_path",
                                          "inference_mode",      "lora_dropout",
                                          "target_modules",      "exclude_modules",
                                          "layers_to_transform", "layers_pattern",
                                          "loftq_config",        "eva_config",
                                          "corda_config",        "lora_ga_config",
                                          "megatron_config",     "megatron_core",
                                          "qalora_group_size",   "runtime_config",
                                          "peft_version",        "swift_type",
                                          "lora_dtype",          "lorap_lr_ratio",
                                          "lorap_emb_lr",        "model_key_mapping"};

/// Keys whose value, when set, makes more of the adapter than plain LoRA.
struct Extension {
  const char* key;
  std::string_view what;
  bool merges = true;  // into plain weights, where the adapter was trained
};
constexpr Extension kExtensions[] = {
    {"use_dora", "DoRA also rescales the weights"},
    {"use_qalora", "QALoRA pools what its products read"},
    {"fan_in_fan_out", "its layers are transposed"},
    {"lora_bias", "its products have biases"},
    {"modules_to_save", "whole modules were trained beside it"},
    {"target_parameters", "it changes parameters that are no linear layer's"},
    {"trainable_token_indices", "embeddings were trained beside it"},
    {"layer_replication", "it repeats layers of its base", false},
    {"alora_invocation_tokens", "aLoRA works only behind its invocation tokens", false},
};

/// Ways to begin the training of an adapter, in lower case, that leave the base as it is.
constexpr std::string_view kPlainBeginnings[] = {"true", "gaussian", "eva", "orthogonal"};
/// Those that take what the adapter begins with out of the base's weights, which PEFT can undo when
/// it saves, and those that it can't.
constexpr std::string_view kUndoneBases[] = {"pissa", "olora", "corda"};
constexpr std::string_view kChangedBases[] = {"loftq", "lora_ga"};

bool is_set(const Json& value) {
  if (value.is_null() || value == false) return false;
  if (const auto* text = value.get_ptr<const std::string*>()) return !text->empty();
  return !value.is_structured() || !value.empty();
}

/// Whether each of a pattern's values is what all layers have anyway.
bool says_nothing(const Json& pattern, double value_of_all) {
  return pattern.is_object() && std::all_of(pattern.begin(), pattern.end(), [&](const Json& value) {
           return value.is_number() && value.get<double>() == value_of_all;
         });
}

std::string in_lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The keys of one adapter_config.json, judged.
class ConfigJudge {
 public:
  ConfigJudge(const Json& config, const JsonReader& reader) : config_(config), reader_(reader) {}

  void refuse_extensions() const {
    for (const Extension& extension : kExtensions) {
      if (!is_set(value(extension.key))) continue;
      reader_.fail(extension.key,
                   fmt::format("is set; {}, and {}{}", kPlainOnly, extension.what,
                               extension.merges ? fmt::format(": {}", kMergeFirst) : ""));
    }
    refuse_biases();
    refuse_changed_bases();
  }

  void refuse_patterns(double rank, double alpha) const {
    refuse_pattern("rank_pattern", rank);
    refuse_pattern("alpha_pattern", alpha);
  }

  void refuse_unknown() const {
    for (const auto& [key, value] : config_.items()) {
      if (!is_set(value) || is_known(key)) continue;
      reader_.fail(printable(key).c_str(),
                   fmt::format("is set; owl3 doesn't know this key, which may change what the "
                               "adapter computes: {}",
                               kMergeFirst));
    }
  }

 private:
  static constexpr std::string_view kMergeFirst =
      "merge the adapter into its model (PEFT: merge_and_unload) and run that";

  Json value(const char* key) const { return config_.value(key, Json()); }

  static bool is_known(const std::string& key) {
    for (const std::string_view harmless : kHarmless) {
      if (key == harmless) return true;
    }
    for (const char* judged : {"bias", "init_lora_weights", "rank_pattern", "alpha_pattern"}) {
      if (key == judged) return true;
    }
    return std::any_of(std::begin(kExtensions), std::end(kExtensions),
                       [&](const Extension& extension) { return key == extension.key; });
  }

  void refuse_biases() const {
    const std::string bias = reader_.optional_string("bias").value_or("none");
    if (bias == "none") return;
    reader_.fail("bias", fmt::format("is {}; {}, and biases were trained beside it: {}",
                                     printable(bias), kPlainOnly, kMergeFirst));
  }

  void refuse_changed_bases() const {
    const Json how = value("init_lora_weights");
    if (how.is_null() || how.is_boolean()) return;
    const std::string name = reader_.optional_string("init_lora_weights").value_or("");
    const std::string lower = in_lower_case(name);
    for (const std::string_view plain : kPlainBeginnings) {
      if (lower == plain) return;
    }
    const auto begins = [&](std::string_view known) { return lower.starts_with(known); };
    const bool undone = std::any_of(std::begin(kUndoneBases), std::end(kUndoneBases), begins);
    const bool changed = std::any_of(std::begin(kChangedBases), std::end(kChangedBases), begins);
    reader_.fail(
        "init_lora_weights",
        fmt::format("is {}; {}: {}merge it where it was trained and run that", printable(name),
                    undone || changed ? "the adapter belongs to a base whose weights were changed"
                                      : "owl3 doesn't know whether that changes the base's weights",
                    undone ? "save it as plain LoRA (PEFT: save_pretrained with "
                             "path_initial_model_for_weight_conversion), or "
                           : ""));
  }

  void refuse_pattern(const char* key, double value_of_all) const {
    const Json pattern = value(key);
    if (!is_set(pattern) || says_nothing(pattern, value_of_all)) return;
    reader_.fail(key, fmt::format("is set; owl3 wants one rank and one alpha for all layers: {}",
                                  kMergeFirst));
  }

  const Json& config_;
  const JsonReader& reader_;
};

}  // namespace

LoraConfig read_lora_config(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const Json json = parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                      path.string(), kMaxConfigBytes);
  const JsonReader reader(json, path.string());
  const std::string type = reader.optional_string("peft_type").value_or("");
  if (type != "LORA") {
    reader.fail("peft_type", fmt::format("must be LORA, not {}", printable(type)));
  }
  const ConfigJudge judge(json, reader);
  judge.refuse_extensions();
  LoraConfig config;
  config.rank = reader.integer("r", 1, kMaxRank);
  const auto alpha = reader.optional_number("lora_alpha", -kMaxAlpha, kMaxAlpha);
  if (!alpha) reader.fail("lora_alpha", "is missing");
  const auto rank = static_cast<double>(config.rank);
  judge.refuse_patterns(rank, *alpha);
  judge.refuse_unknown();
  const bool by_root = reader.optional_bool("use_rslora").value_or(false);
  config.scale = *alpha / (by_root ? std::sqrt(rank) : rank);
  return config;
}

}  // namespace owl3
