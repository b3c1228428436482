// A recipe written out again: every key with the value it has.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runs/recipe.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const InitRecipe& init) {
  Json json = {{"variant", init.variant}, {"tokenizer", init.tokenizer}};
  if (!init.vision.empty()) json["vision"] = init.vision;
  json["gate"] = init.gate;
  json["nearest_image"] = init.nearest_image;
  json["copying"] = init.copying;
  json["finding"] = init.finding;
  json["config"] = Json::parse(init.config);
  return json;
}

Json json_of(const TextTowerRecipe& tower) {
  return {{"hidden_size", tower.hidden_size},
          {"num_hidden_layers", tower.num_hidden_layers},
          {"num_attention_heads", tower.num_attention_heads},
          {"intermediate_size", tower.intermediate_size},
          {"max_tokens", tower.max_tokens}};
}

Json json_of(const LoraRecipe& lora) {
  return {{"rank", lora.rank},
          {"alpha", lora.alpha},
          {"dropout", lora.dropout},
          {"targets", lora.targets},
          {"merge", lora.merge}};
}

Json json_of(const std::vector<DataRecipe>& sources) {
  Json list = Json::array();
  for (const DataRecipe& source : sources) {
    list.push_back({{"path", source.path}, {"weight", source.weight}});
    if (!source.media_root.empty()) list.back()["media_root"] = source.media_root;
  }
  return list;
}

Json json_of(const SampleRecipe& sample) {
  const MediaNewlines newlines = sample.newline_after_media;
  Json json = {
      {"newline_after_media",
       newlines == MediaNewlines::kAuto ? Json("auto") : Json(newlines == MediaNewlines::kAlways)},
      {"learn", sample.last_answer_only ? "last_answer" : "all_answers"},
      {"fps", sample.fps},
      {"max_frames", sample.max_frames}};
  if (sample.control_tokens) json["control_tokens"] = true;  // runs from before it go on
  return json;
}

Json json_of(const BatchRecipe& batch) {
  return {{"rows", batch.rows},
          {"accumulate", batch.accumulate},
          {"tokens", batch.tokens},
          {"images", batch.images},
          {"pack", batch.pack}};
}

Json json_of(const LearningRateRecipe& rate) {
  Json json = {{"max", rate.max}, {"min", rate.min}};
  if (rate.warmup_steps >= 0) {
    json["warmup_steps"] = rate.warmup_steps;
  } else {
    json["warmup_ratio"] = rate.warmup_ratio;
  }
  return json;
}

Json json_of(const OptimizerRecipe& optimizer) {
  return {{"beta1", optimizer.beta1},
          {"beta2", optimizer.beta2},
          {"eps", optimizer.eps},
          {"weight_decay", optimizer.weight_decay},
          {"no_decay_on_vectors", optimizer.no_decay_on_vectors}};
}

void put_model(Json& json, const Recipe& recipe) {
  json["task"] = recipe.task == Task::kLanguage ? "language" : "siglip";
  if (recipe.init) {
    json["init"] = json_of(*recipe.init);
  } else {
    json["model"] = recipe.model;
  }
  json["output"] = recipe.output;
  if (recipe.task == Task::kSiglip) json["text_tower"] = json_of(recipe.text_tower);
  if (!recipe.trainable.empty()) json["trainable"] = recipe.trainable;
  if (recipe.lora) json["lora"] = json_of(*recipe.lora);
}

void put_work(Json& json, const Recipe& recipe) {
  json["data"] = json_of(recipe.data);
  json["sample"] = json_of(recipe.sample);
  if (!recipe.validation.data.empty()) {
    json["validation"] = {{"path", json_of(recipe.validation.data)},
                          {"every", recipe.validation.every},
                          {"samples", recipe.validation.samples}};
  }
  json["batch"] = json_of(recipe.batch);
  if (recipe.steps > 0) {
    json["steps"] = recipe.steps;
  } else {
    json["epochs"] = recipe.epochs;
  }
  json["learning_rate"] = json_of(recipe.learning_rate);
  json["schedule"] = recipe.learning_rate.schedule == LearningRateRecipe::Schedule::kCosine
                         ? "cosine"
                         : "constant";
  json["optimizer"] = json_of(recipe.optimizer);
  json["clip_norm"] = recipe.clip_norm;
  json["seed"] = recipe.seed;
}

/// A word that YAML reads as itself; others (of a config.json) are quoted, as JSON quotes.
bool is_plain_key(const std::string& key) {
  return !key.empty() && key != "null" && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

nlohmann::ordered_json to_json(const Recipe& recipe) {
  constexpr const char* kCacheNames[] = {"auto", "on", "off"};
  Json json;
  put_model(json, recipe);
  put_work(json, recipe);
  json["precision"] = recipe.precision == RecipePrecision::kBf16 ? "bf16" : "float32";
  json["gradient_checkpointing"] = recipe.gradient_checkpointing;
  json["cut"] = !recipe.cut ? Json("auto") : Json(*recipe.cut);
  json["cache_features"] = kCacheNames[static_cast<int>(recipe.cache_features)];
  if (!recipe.feature_folder.empty()) json["feature_folder"] = recipe.feature_folder;
  json["save_every"] = recipe.save_every;
  json["keep"] = recipe.keep;
  json["log_every"] = recipe.log_every;
  json["workers"] = recipe.workers;
  json["on_broken"] = recipe.on_broken == OnBroken::kSkip ? "skip" : "stop";
  json["max_broken"] = recipe.max_broken;
  return json;
}

std::string advice_on_recipe_keys(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  const size_t equals = words[0].find('=');
  std::string key = words[0].substr(0, equals);
  key.erase(0, key.find_first_not_of('-'));
  std::replace(key.begin(), key.end(), '-', '_');
  std::string value = equals == std::string::npos ? "" : words[0].substr(equals + 1);
  if (equals == std::string::npos && words.size() > 1) value = words[1];
  Recipe every;  // with what is put down only where it is given
  every.lora.emplace();
  every.validation.data.emplace_back();
  Json keys = to_json(every);
  for (const char* given : {"model", "steps", "trainable", "feature_folder"}) keys[given] = "";
  const std::string outer = key.substr(0, key.find('.'));
  if (!keys.contains(outer)) return "";
  if (keys[outer].is_object() && outer == key) key += "." + keys[outer].begin().key();
  return fmt::format("; keys of the recipe go with --set: --set {}={}", key,
                     value.empty() ? "VALUE" : value);
}

std::string to_yaml(const nlohmann::ordered_json& json, int indent) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    text += fmt::format("{:{}}{}:", "", indent, is_plain_key(key) ? key : Json(key).dump());
    if (value.is_object() && !value.empty()) {
      text += fmt::format("\n{}", to_yaml(value, indent + 2));
    } else {
      text += fmt::format(" {}\n", value.dump());
    }
  }
  return text;
}

}  // namespace owl3
