#include "runs/recipe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "runs/recipe_reader.h"
#include "runs/recipe_tree.h"

namespace owl3 {

namespace {

constexpr int64_t kMany = 1'000'000'000;
constexpr int64_t kMaxSize = 1 << 20;  // of a width or a sequence

InitRecipe read_init(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "init.");
  InitRecipe init;
  init.variant = reader.choice("variant", {"gated", "unified"}, 0) == 0 ? "gated" : "unified";
  reader.text("tokenizer", init.tokenizer);
  reader.text("vision", init.vision);
  reader.number("gate", init.gate, -20, 20);
  reader.number("nearest_image", init.nearest_image, 0, 20);
  reader.number("copying", init.copying, 0, 20);
  reader.number("finding", init.finding, 0, 20);
  if (const RecipeValue* config = reader.mapping("config")) {
    init.config = to_json(*config).dump();  // its keys are checked by the reader of config.json
  } else {
    reader.fail("config", "is missing: the keys of a config.json (hidden_size, ...)");
  }
  if (init.finding > 0 && (init.copying == 0 || init.vision.empty())) {
    reader.fail("finding", "needs copying, and vision, the model of a siglip run");
  }
  if (init.tokenizer.empty()) reader.fail("tokenizer", "is missing: the path of a tokenizer.json");
  reader.finish();
  return init;
}

TextTowerRecipe read_text_tower(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "text_tower.");
  TextTowerRecipe tower;
  reader.integer("hidden_size", tower.hidden_size, 1, kMaxSize);
  reader.integer("num_hidden_layers", tower.num_hidden_layers, 1, 1000);
  reader.integer("num_attention_heads", tower.num_attention_heads, 1, 1000);
  reader.integer("intermediate_size", tower.intermediate_size, 1, kMaxSize);
  reader.integer("max_tokens", tower.max_tokens, 1, kMaxSize);
  reader.finish();
  if (tower.hidden_size % tower.num_attention_heads != 0) {
    reader.fail("hidden_size", "must be a multiple of num_attention_heads");
  }
  return tower;
}

LoraRecipe read_lora(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "lora.");
  LoraRecipe lora;
  reader.integer("rank", lora.rank, 1, 4096);
  reader.number("alpha", lora.alpha, 1e-6, 1e6);
  reader.number("dropout", lora.dropout, 0, 0.99);
  reader.texts("targets", lora.targets);
  reader.boolean("merge", lora.merge);
  reader.finish();
  if (lora.targets.empty()) reader.fail("targets", "must name a layer, or be all");
  return lora;
}

DataRecipe read_source(const RecipeValue& value, const std::string& path) {
  DataRecipe source;
  if (value.kind == RecipeValue::Kind::kScalar && !value.scalar.empty()) {
    source.path = value.scalar;
    return source;
  }
  RecipeReader reader(value, path + ".");
  reader.text("path", source.path);
  reader.number("weight", source.weight, 1e-9, 1e9);
  reader.text("media_root", source.media_root);
  reader.finish();
  if (source.path.empty()) reader.fail("path", "is missing: a JSONL file");
  return source;
}

/// A path, or a list of paths and of {path, weight}.
std::vector<DataRecipe> read_sources(const RecipeValue& value, const std::string& path) {
  std::vector<DataRecipe> sources;
  if (value.kind != RecipeValue::Kind::kList) return {read_source(value, path)};
  for (const RecipeValue& item : value.items) {
    sources.push_back(read_source(item, fmt::format("{}[{}]", path, sources.size())));
  }
  return sources;
}

SampleRecipe read_sample(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "sample.");
  SampleRecipe sample;
  sample.newline_after_media = static_cast<MediaNewlines>(
      reader.choice("newline_after_media", {"false", "true", "auto"}, 0));
  sample.last_answer_only = reader.choice("learn", {"all_answers", "last_answer"}, 0) == 1;
  reader.number("fps", sample.fps, 1e-3, 1000);
  reader.integer("max_frames", sample.max_frames, 1, 100'000);
  reader.boolean("control_tokens", sample.control_tokens);
  reader.finish();
  return sample;
}

ValidationRecipe read_validation(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "validation.");
  ValidationRecipe validation;
  if (const RecipeValue* path = reader.any("path")) {
    validation.data = read_sources(*path, "validation.path");
  }
  if (validation.data.empty()) reader.fail("path", "is missing: a JSONL file");
  reader.integer("every", validation.every, 0, kMany);
  reader.integer("samples", validation.samples, 0, kMany);
  reader.finish();
  return validation;
}

BatchRecipe read_batch(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "batch.");
  BatchRecipe batch;
  reader.integer("rows", batch.rows, 1, 65536);
  reader.integer("accumulate", batch.accumulate, 1, 65536);
  reader.integer("tokens", batch.tokens, 2, kMaxSize);
  reader.integer("images", batch.images, 0, kMany);
  reader.boolean("pack", batch.pack);
  reader.finish();
  return batch;
}

LearningRateRecipe read_learning_rate(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "learning_rate.");
  LearningRateRecipe rate;
  reader.number("max", rate.max, 0, 100);
  reader.number("min", rate.min, 0, 100);
  reader.number("warmup_ratio", rate.warmup_ratio, 0, 1);
  reader.integer("warmup_steps", rate.warmup_steps, 0, kMany);
  reader.finish();
  if (rate.min > rate.max) reader.fail("min", "must not exceed learning_rate.max");
  if (reader.has("warmup_ratio") && reader.has("warmup_steps")) {
    reader.fail("warmup_steps", "and warmup_ratio say the same; give one of them");
  }
  return rate;
}

OptimizerRecipe read_optimizer(const RecipeValue& mapping) {
  RecipeReader reader(mapping, "optimizer.");
  OptimizerRecipe optimizer;
  reader.number("beta1", optimizer.beta1, 0, 0.999999);
  reader.number("beta2", optimizer.beta2, 0, 0.9999999);
  reader.number("eps", optimizer.eps, 1e-20, 1);
  reader.number("weight_decay", optimizer.weight_decay, 0, 10);
  reader.boolean("no_decay_on_vectors", optimizer.no_decay_on_vectors);
  reader.finish();
  return optimizer;
}

void read_model(RecipeReader& reader, Recipe& recipe) {
  const int task = reader.choice("task", {"language", "siglip"}, 0);
  recipe.task = task == 0 ? Task::kLanguage : Task::kSiglip;
  reader.text("model", recipe.model);
  if (const RecipeValue* init = reader.mapping("init")) recipe.init = read_init(*init);
  if (recipe.model.empty() == !recipe.init) {
    reader.fail("model",
                "or init must be given, one of the two: what the training begins with "
                "(--set model=MODEL)");
  }
  if (const RecipeValue* tower = reader.mapping("text_tower")) {
    recipe.text_tower = read_text_tower(*tower);
    if (recipe.task != Task::kSiglip) reader.fail("text_tower", "is for task: siglip only");
  }
  reader.text("output", recipe.output);
  if (recipe.output.empty()) reader.fail("output", "is missing: the folder of the run");
}

void read_trainable(RecipeReader& reader, Recipe& recipe) {
  if (const RecipeValue* lora = reader.mapping("lora")) recipe.lora = read_lora(*lora);
  reader.texts("trainable", recipe.trainable);
  const std::vector<std::string>& groups = trainable_groups();
  for (const std::string& group : recipe.trainable) {
    if (std::find(groups.begin(), groups.end(), group) != groups.end()) continue;
    reader.fail("trainable",
                fmt::format("must be a list of {}, not \"{}\"", fmt::join(groups, ", "), group));
  }
  if (recipe.task == Task::kSiglip) {
    if (reader.has("trainable") || recipe.lora) {
      reader.fail(recipe.lora ? "lora" : "trainable",
                  "is not for task: siglip, which trains the vision encoder and its text tower");
    }
  } else if (recipe.lora && !recipe.trainable.empty() && !recipe.lora->merge) {
    reader.fail("lora",
                "beside trainable parts needs merge: true; an adapter holds no other parts");
  } else if (recipe.trainable.empty() && !recipe.lora) {
    reader.fail("trainable",
                fmt::format("is missing: a list of {} (or give lora)", fmt::join(groups, ", ")));
  }
}

void read_work(RecipeReader& reader, Recipe& recipe) {
  if (const RecipeValue* data = reader.any("data")) recipe.data = read_sources(*data, "data");
  if (recipe.data.empty())
    reader.fail("data", "is missing: a file of rows (--set data=mine.jsonl), or a list of files");
  if (const RecipeValue* sample = reader.mapping("sample")) recipe.sample = read_sample(*sample);
  if (const RecipeValue* validation = reader.mapping("validation")) {
    recipe.validation = read_validation(*validation);
  }
  if (const RecipeValue* batch = reader.mapping("batch")) recipe.batch = read_batch(*batch);
  reader.integer("steps", recipe.steps, 1, kMany);
  reader.integer("epochs", recipe.epochs, 1, kMany);
  if ((recipe.steps > 0) == (recipe.epochs > 0)) {
    reader.fail(recipe.steps > 0 ? "epochs" : "steps", "or epochs must be given, one of the two");
  }
  if (const RecipeValue* rate = reader.mapping("learning_rate")) {
    recipe.learning_rate = read_learning_rate(*rate);
  }
  recipe.learning_rate.schedule = reader.choice("schedule", {"cosine", "constant"}, 0) == 0
                                      ? LearningRateRecipe::Schedule::kCosine
                                      : LearningRateRecipe::Schedule::kConstant;
  if (const RecipeValue* optimizer = reader.mapping("optimizer")) {
    recipe.optimizer = read_optimizer(*optimizer);
  }
  reader.number("clip_norm", recipe.clip_norm, 0, 1e9);
  int64_t seed = 0;
  reader.integer("seed", seed, 0, INT64_MAX);
  recipe.seed = static_cast<uint64_t>(seed);
}

void read_ways(RecipeReader& reader, Recipe& recipe) {
  recipe.precision = reader.choice("precision", {"float32", "bf16"}, 0) == 0
                         ? RecipePrecision::kFloat32
                         : RecipePrecision::kBf16;
  reader.boolean("gradient_checkpointing", recipe.gradient_checkpointing);
  const int cut = reader.choice("cut", {"auto", "true", "false"}, 0);
  if (cut > 0) recipe.cut = cut == 1;
  constexpr CacheFeatures kChoices[] = {CacheFeatures::kAuto, CacheFeatures::kOn,
                                        CacheFeatures::kOff};
  recipe.cache_features = kChoices[reader.choice("cache_features", {"auto", "on", "off"}, 0)];
  reader.text("feature_folder", recipe.feature_folder);
  reader.integer("save_every", recipe.save_every, 0, kMany);
  reader.integer("keep", recipe.keep, 0, kMany);
  reader.integer("log_every", recipe.log_every, 1, kMany);
  reader.integer("workers", recipe.workers, 1, 1024);
  recipe.on_broken =
      reader.choice("on_broken", {"stop", "skip"}, 0) == 0 ? OnBroken::kStop : OnBroken::kSkip;
  reader.number("max_broken", recipe.max_broken, 0, 1);
  const bool trains_vision = std::find(recipe.trainable.begin(), recipe.trainable.end(),
                                       "vision") != recipe.trainable.end();
  if (recipe.cache_features == CacheFeatures::kOn &&
      (trains_vision || recipe.task == Task::kSiglip)) {
    reader.fail("cache_features", "can't be on where the vision encoder is trained");
  }
}

Recipe read_recipe(const RecipeValue& tree, const std::string& name) {
  RecipeReader reader(tree);
  Recipe recipe;
  recipe.name = name;
  read_model(reader, recipe);
  read_trainable(reader, recipe);
  read_work(reader, recipe);
  read_ways(reader, recipe);
  reader.finish();
  return recipe;
}

}  // namespace

const std::vector<std::string>& trainable_groups() {
  static const std::vector<std::string> groups = {"projector", "hyper", "decoder", "embeddings",
                                                  "vision"};
  return groups;
}

Recipe parse_recipe(std::string_view text, const std::string& name,
                    const std::vector<std::string>& overrides) {
  RecipeValue tree = parse_recipe_tree(text, name);
  for (const std::string& assignment : overrides) set_recipe_value(tree, assignment);
  return read_recipe(tree, name);
}

Recipe load_recipe(const std::string& path, const std::vector<std::string>& overrides) {
  RecipeValue tree = load_recipe_tree(path);
  for (const std::string& assignment : overrides) set_recipe_value(tree, assignment);
  return read_recipe(tree, path);
}

}  // namespace owl3
