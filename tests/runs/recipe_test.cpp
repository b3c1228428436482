// Recipe files: every key, and one clear line for whatever is wrong.
#include "runs/recipe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

constexpr const char* kSmall =
    "model: base\n"
    "output: run\n"
    "trainable: [projector, hyper]\n"
    "data: a.jsonl\n"
    "steps: 10\n";

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return message_of<InputError>([&] { parse_recipe(text, "r.yaml", overrides); });
}

TEST(Recipe, ReadsEveryKey) {
  const Recipe recipe = parse_recipe(R"(
task: language
model: base
output: run
trainable: [projector, decoder]
lora: {rank: 4, alpha: 16, dropout: 0, targets: [q_proj, v_proj], merge: true}
data:
  - {path: a.jsonl, weight: 2.5}
  - b.jsonl
validation: {path: v.jsonl, every: 50, samples: 20}
batch: {rows: 2, accumulate: 3, tokens: 768, images: 4096, pack: false}
epochs: 2
learning_rate: {max: 1e-3, min: 1e-5, warmup_steps: 7}
schedule: constant
optimizer: {beta1: 0.8, beta2: 0.99, eps: 1e-6, weight_decay: 0.1, no_decay_on_vectors: false}
clip_norm: 0.5
seed: 42
precision: bf16
gradient_checkpointing: true
sample: {newline_after_media: auto, learn: last_answer, fps: 2, max_frames: 8, control_tokens: true}
cut: false
cache_features: off
feature_folder: kept
save_every: 100
keep: 3
log_every: 5
workers: 4
on_broken: skip
max_broken: 0.02
)",
                                     "r.yaml");
  EXPECT_EQ(recipe.trainable, (std::vector<std::string>{"projector", "decoder"}));
  EXPECT_EQ(recipe.lora->targets, (std::vector<std::string>{"q_proj", "v_proj"}));
  EXPECT_TRUE(recipe.lora->merge);
  EXPECT_TRUE(recipe.sample.control_tokens);
  EXPECT_EQ(recipe.on_broken, OnBroken::kSkip);
  EXPECT_EQ(recipe.max_broken, 0.02);
  ASSERT_EQ(recipe.data.size(), 2U);
  EXPECT_EQ(recipe.data[0].weight, 2.5);
  EXPECT_EQ(recipe.data[1].path, "b.jsonl");
  EXPECT_EQ(recipe.validation.data[0].path, "v.jsonl");
  EXPECT_TRUE(recipe.sample.last_answer_only);
  EXPECT_EQ(recipe.cut, false);
  EXPECT_EQ(recipe.sample.max_frames, 8);
  EXPECT_EQ(recipe.batch.accumulate, 3);
  EXPECT_FALSE(recipe.batch.pack);
  EXPECT_EQ(recipe.epochs, 2);
  EXPECT_EQ(recipe.learning_rate.max, 1e-3);
  EXPECT_EQ(recipe.learning_rate.warmup_steps, 7);
  EXPECT_EQ(recipe.learning_rate.schedule, LearningRateRecipe::Schedule::kConstant);
  EXPECT_FALSE(recipe.optimizer.no_decay_on_vectors);
  EXPECT_EQ(recipe.precision, RecipePrecision::kBf16);
  EXPECT_EQ(recipe.cache_features, CacheFeatures::kOff);
  EXPECT_EQ(recipe.workers, 4);
}

TEST(Recipe, WrittenOutParsesToTheSame) {
  const Recipe recipe = parse_recipe(
      "init: {tokenizer: t, vision: v, config: {hidden_size: 64, rope_theta: 1e6, 'a: b': 1}}\n"
      "output: 'a \"quoted\": name'\ntask: siglip\ntext_tower: {hidden_size: 32}\n"
      "data: [a, {path: b, weight: 0.125}]\nsteps: 5\nvalidation: {path: c}\n",
      "r.yaml");
  const std::string yaml = to_yaml(to_json(recipe));
  EXPECT_EQ(to_json(parse_recipe(yaml, "again.yaml")), to_json(recipe)) << yaml;
  const std::string json = to_json(recipe).dump();
  EXPECT_EQ(to_json(parse_recipe(json, "again.json")), to_json(recipe)) << json;
}

TEST(Recipe, OverridesStandAboveTheFile) {
  const Recipe recipe = parse_recipe(
      kSmall, "r.yaml",
      {"batch.rows=4", "steps=20", "trainable=[vision]", "lora.rank=2", "lora.merge=true"});
  EXPECT_EQ(recipe.batch.rows, 4);
  EXPECT_EQ(recipe.steps, 20);
  EXPECT_EQ(recipe.trainable, std::vector<std::string>{"vision"});
  EXPECT_EQ(recipe.lora->rank, 2);
  const auto refusal = [](const std::string& assignment) {
    return message_of<UsageError>([&] { parse_recipe(kSmall, "r.yaml", {assignment}); });
  };
  EXPECT_EQ(refusal("batch.rows=x"),
            "--set batch.rows=x: batch.rows must be a whole number from 1 to 65536, not \"x\"");
  EXPECT_EQ(parse_recipe(kSmall, "r.yaml", {"batch.rows=010", "steps=+7"}).batch.rows, 10);
  for (const std::string wrong : {"+-5", "0x10", "1e400", "nan", "5x"}) {
    EXPECT_NE(refusal("batch.rows=" + wrong).find("from 1 to 65536"), std::string::npos);
  }
  EXPECT_NE(refusal("stepz=5").find("did you mean steps?"), std::string::npos);
  EXPECT_NE(refusal("lora=[").find("the value is no YAML"), std::string::npos);
  EXPECT_NE(refusal("steps").find("KEY=VALUE"), std::string::npos);
}

TEST(Recipe, KeysGivenAsOptionsAreToldHowTheyAreSet) {
  const auto advice = [](const std::vector<std::string>& words) {
    const std::string text = advice_on_recipe_keys(words);
    return text.substr(text.find(": ") == text.npos ? 0 : text.find(": ") + 2);
  };
  EXPECT_EQ(advice({"--steps", "200"}), "--set steps=200");
  EXPECT_EQ(advice({"--epochs=2"}), "--set epochs=2");
  EXPECT_EQ(advice({"steps=200"}), "--set steps=200");
  EXPECT_EQ(advice({"--learning-rate", "1e-4"}), "--set learning_rate.max=1e-4");
  EXPECT_EQ(advice({"--batch.rows", "2"}), "--set batch.rows=2");
  EXPECT_EQ(advice({"--output"}), "--set output=VALUE");
  EXPECT_EQ(advice({"--stride", "3"}), "");
  EXPECT_EQ(advice({}), "");
}

TEST(Recipe, UnknownKeysAreNamedWithTheirLineAndWhatIsAllowed) {
  EXPECT_EQ(
      error_of(std::string(kSmall) + "batch:\n  rows: 1\n  colums: 2\n"),
      "r.yaml:8: unknown key batch.colums; allowed here: rows, accumulate, tokens, images, pack");
  EXPECT_EQ(error_of(std::string(kSmall) + "stepz: 3\n"),
            "r.yaml:6: unknown key stepz; did you mean steps?");
}

TEST(Recipe, AKeyThatIsMissingIsLookedForAmongMisspeltOnes) {
  const std::string small = kSmall;
  for (const auto& [key, slip] :
       {std::pair("model", "modle"), std::pair("model", "modell"), std::pair("output", "outptu"),
        std::pair("data", "dta"), std::pair("steps", "stpes"),
        std::pair("trainable", "trainabel")}) {
    std::string text = "\n" + small;
    const size_t at = text.find(std::string("\n") + key + ":");
    ASSERT_NE(at, text.npos) << key;
    text.replace(at + 1, std::string(key).size(), slip);
    const std::string error = error_of(text);
    EXPECT_NE(error.find(std::string("unknown key ") + slip + "; did you mean " + key + "?"),
              error.npos)
        << error;
  }
}

TEST(Recipe, WrongTypesAndValuesAreOneLine) {
  const std::string small = kSmall;
  EXPECT_EQ(error_of(small + "seed: many\n"),
            "r.yaml:6: seed must be a whole number from 0 to 9223372036854775807, not \"many\"");
  EXPECT_EQ(error_of(small + "seed: \"3\"\n").substr(0, 14), "r.yaml:6: seed");  // a text
  EXPECT_EQ(error_of(small + "gradient_checkpointing: yes\n"),
            "r.yaml:6: gradient_checkpointing must be true or false, not \"yes\"");
  EXPECT_EQ(error_of(small + "precision: fp8\n"),
            "r.yaml:6: precision must be float32 or bf16, not \"fp8\"");
  EXPECT_EQ(error_of(small + "batch: 4\n"), "r.yaml:6: batch must be a mapping, not \"4\"");
  EXPECT_EQ(error_of(small + "optimizer: {beta1: 1}\n"),
            "r.yaml:6: optimizer.beta1 must be a number from 0 to 0.999999, not \"1\"");
  EXPECT_EQ(error_of(small + "learning_rate: {max: .nan}\n").substr(0, 27),
            "r.yaml:6: learning_rate.max");
  EXPECT_EQ(error_of(small + "learning_rate: {max: 1e-5, min: 1e-3}\n"),
            "r.yaml:6: learning_rate.min must not exceed learning_rate.max");
}

TEST(Recipe, WhatContradictsIsRefused) {
  const std::string small = kSmall;
  EXPECT_NE(error_of(small + "epochs: 2\n").find("one of the two"), std::string::npos);
  EXPECT_NE(error_of("output: o\ndata: a\nsteps: 1\ntrainable: [hyper]\n").find("model or init"),
            std::string::npos);
  EXPECT_NE(error_of("model: m\noutput: o\ndata: a\nsteps: 1\n").find("trainable is missing"),
            std::string::npos);
  EXPECT_NE(error_of("model: m\noutput: o\ndata: a\nsteps: 1\ntrainable: [head]\n")
                .find("projector, hyper, decoder, embeddings, vision, not \"head\""),
            std::string::npos);
  EXPECT_NE(error_of(small + "lora: {rank: 2}\n").find("r.yaml:6: lora beside trainable"),
            std::string::npos);
  EXPECT_NE(error_of("model: m\noutput: o\ntrainable: [hyper]\nsteps: 1\n").find("data is missing"),
            std::string::npos);
  EXPECT_NE(error_of("model: m\noutput: o\ndata: a\nsteps: 1\ntrainable: [vision]\n"
                     "cache_features: on\n")
                .find("r.yaml:6: cache_features"),
            std::string::npos);
}

TEST(Recipe, BrokenFilesAreOneLineWithTheirPlace) {
  EXPECT_TRUE(error_of("model: [a\noutput: b\n").starts_with("r.yaml:")) << error_of("model: [a\n");
  EXPECT_EQ(error_of("model: a\nmodel: b\n"), "r.yaml:2: model is given twice");
  EXPECT_EQ(error_of("model: a\xff\n"), "r.yaml:1: byte 2 of a text is not UTF-8");
  EXPECT_EQ(error_of("model: a\nb\xff: c\n"), "r.yaml:2: byte 2 of a text is not UTF-8");
  EXPECT_EQ(error_of("- a\n"), "r.yaml: a recipe is a mapping of keys to values");
  EXPECT_NE(message_of<InputError>([] { load_recipe("/nonexistent.yaml"); }).find("No such file"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] { load_recipe("/"); }).find("cannot be read"),
            std::string::npos);
}

TEST(Recipe, ThoseThatAreShippedParse) {
  for (const char* name : {"stage1", "stage2", "stage3", "lora", "small"}) {
    const std::string path = OWL3_SOURCE_DIR "/recipes/" + std::string(name) + ".yaml";
    const Recipe recipe = load_recipe(path, {"model=m", "data=mine.jsonl"});
    EXPECT_EQ(recipe.data.size(), 1U) << name;
  }
  for (const char* name : {"siglip", "echo", "stage1", "stage2", "stage3", "long", "lora"}) {
    const Recipe recipe =
        load_recipe(OWL3_SOURCE_DIR "/recipes/owlet/" + std::string(name) + ".yaml");
    EXPECT_EQ(recipe.task, std::string(name) == "siglip" ? Task::kSiglip : Task::kLanguage);
  }
}

TEST(Recipe, ThoseThatAreShippedAskForWhatOnlyTheUserHas) {
  const std::string folder = OWL3_SOURCE_DIR "/recipes/";
  const auto error_with = [&](const std::string& name, const std::vector<std::string>& overrides) {
    return message_of<InputError>([&] { load_recipe(folder + name + ".yaml", overrides); });
  };
  for (const char* name : {"stage1", "lora", "small"}) {
    EXPECT_NE(error_with(name, {"data=a.jsonl"}).find("--set model=MODEL"), std::string::npos);
  }
  for (const char* name : {"stage1", "stage2", "stage3", "lora", "small"}) {
    EXPECT_NE(error_with(name, {"model=m"}).find("--set data=mine.jsonl"), std::string::npos);
  }
}

TEST(Recipe, AliasesThatMultiplyAreRefused) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'i'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) text += before + ", ";
    text += before + "]\n";
  }
  EXPECT_NE(error_of(text).find("too large"), std::string::npos);
  EXPECT_NE(error_of("a: " + std::string(200, '[') + std::string(200, ']')).find("nested"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
