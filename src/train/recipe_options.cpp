#include "train/recipe_options.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/mapped_file.h"
#include "text/prompt.h"
#include "text/tokenizer.h"
#include "train/finding_heads.h"

namespace owl3::train {

namespace fs = std::filesystem;

TrainPrecision precision_of(const Recipe& recipe) {
  return recipe.precision == RecipePrecision::kBf16 ? TrainPrecision::kBFloat16
                                                    : TrainPrecision::kFloat32;
}

std::vector<DataSource> data_sources(const std::vector<DataRecipe>& sources) {
  std::vector<DataSource> converted;
  for (const DataRecipe& source : sources) {
    converted.push_back({source.path, source.weight, source.media_root});
  }
  return converted;
}

std::string tokenizer_text(const std::string& path) {
  const fs::path file = fs::is_directory(path) ? fs::path(path) / "tokenizer.json" : fs::path(path);
  const auto mapped = MappedFile::open(file);
  return {reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size()};
}

LoadedModel starting_model(const Recipe& recipe) {
  if (!recipe.init) return load_checkpoint(recipe.model);
  const InitRecipe& init = *recipe.init;
  const Variant variant = init.variant == "unified" ? Variant::kUnified : Variant::kGated;
  InitialiseOptions options;
  options.seed = recipe.seed;
  options.gate = init.gate;
  options.nearest_image = init.nearest_image;
  options.copying = init.copying;
  const std::string tokenizer_json = tokenizer_text(init.tokenizer);
  LoadedModel model =
      new_model(init.config, recipe.name + ": init.config", variant, tokenizer_json, options);
  if (!init.vision.empty()) load_vision(model, init.vision);
  if (init.finding > 0) {
    const auto tokenizer = Tokenizer::from_json(tokenizer_json, init.tokenizer);
    const auto image_token = tokenizer.id_of_added_token(kImageMark);
    if (!image_token) {
      throw InputError(fmt::format("{}: no token {}", init.tokenizer, kImageMark));
    }
    start_finding(*model.module, init.vision,
                  {init.finding, options.deviation, options.seed, *image_token});
  }
  return model;
}

DType saved_type(const ModelFiles& files) {
  const auto config = nlohmann::json::parse(files.config_json, nullptr, false);
  const std::string type = config.is_object() ? config.value("torch_dtype", "float32") : "float32";
  return type == "bfloat16" || type == "float16" ? DType::kBF16 : DType::kF32;
}

}  // namespace owl3::train
