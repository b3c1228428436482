// Recipes: what is trained, on what, how. Small YAML or JSON files, one per stage of training.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runs/schedule.h"
#include "text/media_lines.h"

namespace owl3 {

enum class Task { kLanguage, kSiglip };
enum class RecipePrecision { kFloat32, kBf16 };
/// What becomes of a run that meets a row that can't be read, or a medium of one.
enum class OnBroken { kStop, kSkip };
enum class CacheFeatures { kAuto, kOn, kOff };

/// A new model instead of a checkpoint: its sizes, and where parts of it are taken from.
struct InitRecipe {
  std::string variant = "gated";  // or "unified"
  std::string config;             // the text of a config.json
  std::string tokenizer;          // tokenizer.json, or a folder that has one
  std::string vision;             // a checkpoint whose vision encoder is taken; empty: random
  double gate = -2;               // of hyper layers, before the sigmoid: below 0 nearly shut
  /// How strongly a head of the first hyper layer looks at the image nearest before a token, to
  /// begin with; 0: no more than at any other.
  double nearest_image = 0;
  /// How sharply heads of the first two layers find what was said before and copy it, to begin
  /// with.
  double copying = 0;
  /// How sharply heads find images by words, to begin with; `vision` is then a siglip run's model.
  double finding = 0;
};

/// The text side of SigLIP pre-training, thrown away afterwards.
struct TextTowerRecipe {
  int64_t hidden_size = 128;
  int64_t num_hidden_layers = 2;
  int64_t num_attention_heads = 4;
  int64_t intermediate_size = 256;
  int64_t max_tokens = 64;
};

struct LoraRecipe {
  int64_t rank = 8;
  double alpha = 32;
  double dropout = 0.05;
  std::vector<std::string> targets = {"all"};  // names of linear layers of the decoder
  bool merge = false;                          // at the end: a whole model, or the adapter alone
};

struct DataRecipe {
  std::string path;        // JSONL
  double weight = 1;       // how many times a row is seen in an epoch
  std::string media_root;  // what media paths are relative to; empty: the folder of `path`
};

/// How rows of the data become text and images.
struct SampleRecipe {
  MediaNewlines newline_after_media = MediaNewlines::kAsWritten;
  bool last_answer_only = false;  // learn the last answer of a conversation, or all
  double fps = 1;                 // frames sampled per second of a film
  int64_t max_frames = 16;
  bool control_tokens = false;  // written out in texts, they work as such
};

struct ValidationRecipe {
  std::vector<DataRecipe> data;  // empty: no validation
  int64_t every = 0;             // steps; 0: only at the end
  int64_t samples = 0;           // 0: all
};

struct BatchRecipe {
  int64_t rows = 1;        // packed rows (image-text pairs for SigLIP) per process and pass
  int64_t accumulate = 1;  // passes per step
  int64_t tokens = 2048;   // tokens of a row
  int64_t images = 0;      // most images of a row, tiles and frames counted; 0: unbounded
  bool pack = true;        // several samples to a row, without attention between them
};

struct OptimizerRecipe {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.05;
  bool no_decay_on_vectors = true;  // norms, biases and gates
};

struct Recipe {
  std::string name;  // of the file, for messages
  Task task = Task::kLanguage;
  std::string model;               // a checkpoint folder, or
  std::optional<InitRecipe> init;  // a new model
  TextTowerRecipe text_tower;      // SigLIP only
  std::string output;              // the run folder
  std::vector<std::string> trainable;
  std::optional<LoraRecipe> lora;
  std::vector<DataRecipe> data;
  SampleRecipe sample;
  ValidationRecipe validation;
  BatchRecipe batch;
  int64_t steps = 0;  // one of these two is 0
  int64_t epochs = 0;
  LearningRateRecipe learning_rate;
  OptimizerRecipe optimizer;
  double clip_norm = 1;  // 0: never
  uint64_t seed = 0;
  RecipePrecision precision = RecipePrecision::kFloat32;
  bool gradient_checkpointing = false;
  std::optional<bool> cut;  // images into tiles; unset (auto): unless the row has a video
  CacheFeatures cache_features = CacheFeatures::kAuto;  // of a frozen vision encoder
  std::string feature_folder;                           // empty: features/ beside the run's folder
  int64_t save_every = 500;                             // steps; 0: only at the end
  int64_t keep = 2;                                     // checkpoints; 0: all
  int64_t log_every = 10;                               // steps
  int64_t workers = 2;                                  // threads that decode and tokenise
  OnBroken on_broken = OnBroken::kStop;
  double max_broken = 0.1;  // of the rows; more of them end the run also where they are skipped
};

/// The groups of tensors that `trainable` may name.
const std::vector<std::string>& trainable_groups();

/// Reads the file at `path`, with KEY=VALUE `overrides` put in. Throws InputError, or
/// UsageError for an override, one line, for whatever is unknown, of the wrong type or impossible.
Recipe load_recipe(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same from text.
Recipe parse_recipe(std::string_view text, const std::string& name,
                    const std::vector<std::string>& overrides = {});

/// Every key with its value, as a recipe that parses to the same.
nlohmann::ordered_json to_json(const Recipe& recipe);

/// Of words that a command line doesn't take, such as {"--steps", "200"}: "; keys of the recipe go
/// with --set: --set steps=200". Nothing where the first is no key.
std::string advice_on_recipe_keys(const std::vector<std::string>& words);
/// The object as YAML, a key a line.
std::string to_yaml(const nlohmann::ordered_json& json, int indent = 0);

}  // namespace owl3
