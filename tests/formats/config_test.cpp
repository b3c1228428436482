#include "formats/config.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

using Json = nlohmann::json;

Json golden_config() {
  return Json::parse(read_text(std::string(OWL3_TEST_DATA) + "/model/unified/config.json"));
}

ModelConfig parse(const Json& json) {
  return parse_model_config(json.dump(), "config.json");
}

/// The error for the golden config with one key changed ("vision_config/patch_size" for inner
/// ones).
std::string refusal(const std::string& key, const Json& value) {
  Json json = golden_config();
  json[Json::json_pointer("/" + key)] = value;
  return message_of<InputError>([&] { parse(json); });
}

std::string refusal_without(const std::string& key) {
  Json json = golden_config();
  json.erase(key);
  return message_of<InputError>([&] { parse(json); });
}

testing::AssertionResult says(const std::string& message, std::string_view part) {
  if (message.starts_with("config.json: ") && message.find(part) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << message;
}

TEST(ModelConfig, ReadsAReleasedConfig) {
  const ModelConfig config = parse(golden_config());
  EXPECT_EQ(config.hidden_size, 128);
  EXPECT_EQ(config.num_hidden_layers, 6);
  EXPECT_EQ(config.num_attention_heads, 8);
  EXPECT_EQ(config.num_key_value_heads, 2);
  EXPECT_EQ(config.head_size(), 16);
  EXPECT_EQ(config.key_value_size(), 32);
  EXPECT_EQ(config.intermediate_size, 344);
  EXPECT_EQ(config.vocab_size, 515);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.torch_dtype, "bfloat16");
  EXPECT_EQ(config.hyper_layers, (std::vector<int64_t>{2, 4, 5}));
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.vision.tokens_per_image(), 25);
  EXPECT_EQ(config.vision.layers_used(), 3);
  EXPECT_EQ(config.vision.layer_norm_eps, 1e-6);
}

TEST(ModelConfig, CountsHyperLayersFromOne) {
  const ModelConfig config = parse(golden_config());
  EXPECT_FALSE(config.is_hyper_layer(0));
  EXPECT_TRUE(config.is_hyper_layer(1));
  EXPECT_FALSE(config.is_hyper_layer(2));
  EXPECT_TRUE(config.is_hyper_layer(4));
  EXPECT_FALSE(config.is_hyper_layer(5));
}

TEST(ModelConfig, AbsentKeysTakeTheFamilysDefaults) {
  Json json = golden_config();
  for (const char* key : {"num_key_value_heads", "tie_word_embeddings", "rope_theta", "hidden_act",
                          "rms_norm_eps", "max_position_embeddings", "torch_dtype"}) {
    json.erase(key);
  }
  const ModelConfig config = parse(json);
  EXPECT_EQ(config.num_key_value_heads, 8);
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_EQ(config.max_position_embeddings, 32768);
}

TEST(ModelConfig, PatchesThatDontDivideTheImageFallOff) {
  Json json = golden_config();
  json["vision_config"]["image_size"] = 384;
  EXPECT_EQ(parse(json).vision.tokens_per_image(), 27 * 27);
}

TEST(ModelConfig, NamesWhatIsMissing) {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size", "vocab_size", "hyper_layers", "vision_config"}) {
    EXPECT_TRUE(says(refusal_without(key), std::string(key) + " is missing"));
  }
  EXPECT_TRUE(
      says(refusal("vision_config", Json::object()), "vision_config.hidden_size is missing"));
}

TEST(ModelConfig, RefusesWrongTypesAndSizes) {
  EXPECT_TRUE(says(refusal("hidden_size", "128"), "hidden_size must be an integer, not \"128\""));
  EXPECT_TRUE(says(refusal("hidden_size", 128.5), "hidden_size must be an integer"));
  EXPECT_TRUE(says(refusal("hidden_size", 0), "hidden_size is 0"));
  EXPECT_TRUE(says(refusal("hidden_size", -128), "hidden_size is -128"));
  EXPECT_TRUE(says(refusal("hidden_size", 1ull << 63), "hidden_size is 9223372036854775808"));
  EXPECT_TRUE(says(refusal("vocab_size", int64_t{1} << 40), "vocab_size"));
  EXPECT_TRUE(says(refusal("num_hidden_layers", 1 << 30), "num_hidden_layers"));
  EXPECT_TRUE(says(refusal("rope_theta", 0), "rope_theta"));
  EXPECT_TRUE(says(refusal("rms_norm_eps", -1), "rms_norm_eps"));
  EXPECT_TRUE(says(refusal("tie_word_embeddings", "yes"), "true or false"));
  EXPECT_TRUE(says(refusal("vision_config", 3), "vision_config must be an object"));
}

TEST(ModelConfig, RefusesSizesThatDontDivide) {
  EXPECT_TRUE(says(refusal("num_attention_heads", 7), "not a multiple of num_attention_heads"));
  EXPECT_TRUE(says(refusal("num_key_value_heads", 3), "not a multiple of num_key_value_heads"));
  EXPECT_TRUE(says(refusal("num_attention_heads", 128), "head size of 1"));
  EXPECT_TRUE(says(refusal("vision_config/num_attention_heads", 5), "vision_config.hidden_size"));
  EXPECT_TRUE(says(refusal("vision_config/patch_size", 71), "larger than image_size"));
  EXPECT_TRUE(says(refusal("vision_config/num_hidden_layers", 1), "num_hidden_layers is 1"));
}

TEST(ModelConfig, HyperLayersMustBeInRangeAndAscending) {
  EXPECT_TRUE(says(refusal("hyper_layers", {0, 2}), "hyper_layers is 0"));
  EXPECT_TRUE(says(refusal("hyper_layers", {2, 7}), "hyper_layers is 7"));
  EXPECT_TRUE(says(refusal("hyper_layers", {4, 2}), "ascending"));
  EXPECT_TRUE(says(refusal("hyper_layers", {2, 2}), "ascending"));
  EXPECT_TRUE(says(refusal("hyper_layers", {"2"}), "integer"));
}

TEST(ModelConfig, RefusesArithmeticItDoesNotHave) {
  EXPECT_TRUE(says(refusal("hidden_act", "gelu"), "hidden_act is \"gelu\""));
  EXPECT_TRUE(says(refusal("rope_scaling", {{"type", "yarn"}}), "rope_scaling"));
  EXPECT_TRUE(says(refusal("use_sliding_window", true), "use_sliding_window"));
  EXPECT_TRUE(says(refusal("head_dim", 32), "head_dim is 32"));
  EXPECT_TRUE(says(refusal("vision_config/hidden_act", "quick_gelu"), "vision_config.hidden_act"));
  EXPECT_TRUE(says(refusal("vision_config/num_channels", 4), "num_channels"));
}

TEST(ModelConfig, ReadsTheRopeParametersOfTransformers5) {
  Json json = golden_config();
  json["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "default"}};
  EXPECT_EQ(parse(json).rope_theta, 5e5);  // before the older key
  json.erase("rope_theta");
  EXPECT_EQ(parse(json).rope_theta, 5e5);
  json["rope_parameters"] = {{"rope_theta", 20000}};
  EXPECT_EQ(parse(json).rope_theta, 20000);
  json["rope_parameters"] = {
      {"full_attention", {{"rope_theta", 30000.0}, {"rope_type", "default"}}}};
  EXPECT_EQ(parse(json).rope_theta, 30000);
  json["rope_parameters"] = nullptr;
  EXPECT_EQ(parse(json).rope_theta, 1e6);
}

TEST(ModelConfig, TheDefaultKindOfRopeMayBeWrittenOut) {
  for (const Json& scaling :
       {Json(), Json::object(), Json{{"rope_type", "default"}}, Json{{"type", "default"}},
        Json{{"type", "default"}, {"rope_type", "default"}, {"factor", 1.0}}}) {
    Json json = golden_config();
    json["rope_scaling"] = scaling;
    EXPECT_EQ(parse(json).rope_theta, 1e6) << scaling;
  }
}

TEST(ModelConfig, RefusesOtherKindsOfRopeByName) {
  for (const char* kind : {"linear", "dynamic", "yarn", "longrope", "llama3", "mrope"}) {
    const std::string name = "is \"" + std::string(kind) + "\"; only the default rotary";
    EXPECT_TRUE(says(refusal("rope_scaling", {{"type", kind}, {"factor", 2.0}}), name));
    EXPECT_TRUE(
        says(refusal("rope_scaling", {{"type", kind}, {"factor", 2.0}}), "rope_scaling.type "));
    EXPECT_TRUE(says(refusal("rope_parameters", {{"rope_type", kind}, {"rope_theta", 1e6}}), name));
    EXPECT_TRUE(says(refusal("rope_parameters", {{"full_attention", {{"rope_type", kind}}}}),
                     "rope_parameters.full_attention.rope_type " + name));
  }
  EXPECT_TRUE(says(refusal("rope_scaling", {{"factor", 4.0}}), "rope_scaling.factor"));
  EXPECT_TRUE(says(refusal("rope_scaling", {{"type", "default"}, {"mrope_section", {2, 3, 3}}}),
                   "rope_scaling.mrope_section"));
  EXPECT_TRUE(says(refusal("rope_parameters", {{"partial_rotary_factor", 0.5}}),
                   "partial_rotary_factor must be 1"));
  EXPECT_TRUE(says(refusal("rope_parameters", {{"sliding_attention", {{"rope_theta", 1e4}}}}),
                   "rope_parameters.sliding_attention"));
  EXPECT_TRUE(says(refusal("rope_parameters", {1, 2}), "rope_parameters must be an object"));
  EXPECT_TRUE(says(refusal("rope_parameters", {{"rope_theta", "1e6"}}), "rope_theta must be a"));
}

TEST(ModelConfig, EveryLayerMustAttendToAllOfTheText) {
  Json json = golden_config();
  json["layer_types"] = std::vector<std::string>(6, "full_attention");
  json["sliding_window"] = nullptr;
  EXPECT_EQ(parse(json).num_hidden_layers, 6);
  json["use_sliding_window"] = true;  // of which layer_types shows the effect
  EXPECT_EQ(parse(json).num_hidden_layers, 6);
  json["layer_types"][4] = "sliding_attention";
  EXPECT_TRUE(says(message_of<InputError>([&] { parse(json); }),
                   "layer_types says \"sliding_attention\" of layer 5"));
  EXPECT_TRUE(says(refusal("layer_types", {"full_attention"}), "layer_types has 1 layers"));
  EXPECT_TRUE(says(refusal("layer_types", "full_attention"), "layer_types must be a list"));
  EXPECT_TRUE(says(refusal("layer_types", {1, 2, 3, 4, 5, 6}), "layer_types must hold strings"));

  Json old = golden_config();
  old["use_sliding_window"] = true;
  old["sliding_window"] = nullptr;
  EXPECT_EQ(parse(old).num_hidden_layers, 6);
  old.erase("sliding_window");
  EXPECT_TRUE(says(message_of<InputError>([&] { parse(old); }), "use_sliding_window"));
}

TEST(ModelConfig, TheTypeMayBeCalledDtype) {
  Json json = golden_config();
  json.erase("torch_dtype");
  json["dtype"] = "float16";
  EXPECT_EQ(parse(json).torch_dtype, "float16");
  json["dtype"] = {{"text_config", "float16"}};
  EXPECT_EQ(parse(json).torch_dtype, "");
}

TEST(ModelConfig, TheDecodersKeysMayStandInATextConfig) {
  const Json flat = golden_config();
  Json json;
  for (const auto& [key, value] : flat.items()) {
    const bool of_all = key == "hyper_layers" || key == "vision_config" || key == "model_type";
    (of_all ? json : json["text_config"])[key] = value;
  }
  json["text_config"]["rope_parameters"] = {{"rope_theta", 12345.0}, {"rope_type", "default"}};
  const ModelConfig config = parse(json);
  EXPECT_EQ(config.hidden_size, 128);
  EXPECT_EQ(config.rope_theta, 12345);
  EXPECT_EQ(config.hyper_layers, (std::vector<int64_t>{2, 4, 5}));
  json["text_config"]["rope_parameters"]["rope_type"] = "yarn";
  EXPECT_TRUE(says(message_of<InputError>([&] { parse(json); }), "yarn"));
}

TEST(ModelConfig, NamesTheKindOfAnotherModel) {
  Json json = golden_config();
  json.erase("hyper_layers");
  json["model_type"] = "qwen2_vl";
  EXPECT_TRUE(says(message_of<InputError>([&] { parse(json); }), "(model_type qwen2_vl)"));
}

TEST(ModelConfig, RefusesWhatIsNoJsonObject) {
  const auto refused = [](std::string_view text) {
    return message_of<InputError>([&] { parse_model_config(text, "config.json"); });
  };
  EXPECT_TRUE(says(refused(""), "not valid JSON"));
  EXPECT_TRUE(says(refused("{\"hidden_size\": 12"), "not valid JSON"));
  EXPECT_TRUE(says(refused("\xff\xfe"), "not valid JSON"));
  EXPECT_TRUE(says(refused(std::string("{}\0", 3)), "not valid JSON at byte 3"));
  EXPECT_TRUE(says(refused("[1]"), "not a JSON object"));
  EXPECT_TRUE(says(refused("{\"rope_theta\": 1e999}"), "out of range"));
  EXPECT_TRUE(says(refused("{\"a\":" + std::string(1'000'000, '[')), "nested too deeply"));
  EXPECT_TRUE(says(refused(std::string(5 << 20, ' ')), "too many"));
}

TEST(GenerationConfig, ReadsWhatIsThereAndLeavesTheRestEmpty) {
  const auto config = parse_generation_config(
      R"({"temperature":0.7,"top_k":100,"do_sample":true,"eos_token_id":[5,6],"top_p":null})", "g");
  EXPECT_EQ(config.temperature, 0.7);
  EXPECT_EQ(config.top_k, 100);
  EXPECT_EQ(config.do_sample, true);
  EXPECT_EQ(config.eos_token_id, (std::vector<int32_t>{5, 6}));
  EXPECT_FALSE(config.top_p);
  EXPECT_FALSE(config.num_beams);
}

TEST(GenerationConfig, EosMayBeABareNumber) {
  EXPECT_EQ(parse_generation_config(R"({"eos_token_id":7})", "g").eos_token_id,
            (std::vector<int32_t>{7}));
}

TEST(GenerationConfig, AnOddValueIsAWarningAndTheRestCounts) {
  for (const char* json :
       {R"({"temperature":-1})", R"({"top_p":1.5})", R"({"top_k":-1})", R"({"num_beams":0})",
        R"({"repetition_penalty":0})", R"({"max_new_tokens":0})", R"({"eos_token_id":"x"})",
        R"({"eos_token_id":[4294967296]})", R"({"do_sample":1})", R"({"temperature":"hot"})",
        R"({"top_k":2.5})", R"({"num_beams":65})", R"({"max_new_tokens":[1]})",
        R"({"top_p":{}})"}) {
    std::string with_others(json);
    with_others.insert(1, R"("x":[],"min_p":"?",)");
    if (with_others.find("repetition") == std::string::npos) {
      with_others.insert(1, R"("repetition_penalty":1.5,)");
    } else {
      with_others.insert(1, R"("top_k":7,)");
    }
    const GenerationConfig config = parse_generation_config(with_others, "g");
    ASSERT_EQ(config.warnings.size(), 1u) << json;
    EXPECT_TRUE(config.warnings[0].ends_with("; the default is taken")) << config.warnings[0];
    EXPECT_TRUE(config.warnings[0].starts_with("g: ")) << config.warnings[0];
    EXPECT_TRUE(config.repetition_penalty == 1.5 || config.top_k == 7) << json;
    EXPECT_TRUE(config.eos_token_id.empty());
  }
  EXPECT_TRUE(
      parse_generation_config(R"({"temperature":null,"eos_token_id":null})", "g").warnings.empty());
}

}  // namespace
}  // namespace owl3
