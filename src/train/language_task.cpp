#include "train/language_task.h"

#include <algorithm>

#include "core/error.h"
#include "train/recipe_options.h"

namespace owl3::train {

namespace {

namespace fs = std::filesystem;

int64_t tokens_in(const Batch& batch) {
  return std::count_if(batch.segment.begin(), batch.segment.end(),
                       [](int32_t s) { return s >= 0; });
}

/// Samples of the batch: each row's last segment tells their number.
int64_t samples_in(const Batch& batch) {
  int64_t samples = 0;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const auto begin = batch.segment.begin() + row * batch.tokens;
    samples += batch.tokens == 0 ? 0 : *std::max_element(begin, begin + batch.tokens) + 1;
  }
  return samples;
}

}  // namespace

LanguageTask::LanguageTask(const Recipe& recipe, const Launch& launch, torch::Device device)
    : recipe_(recipe),
      launch_(launch),
      device_(device),
      precision_(precision_of(recipe)),
      model_(starting_model(recipe)) {
  std::vector<ParameterGroup> groups;
  for (const std::string& name : recipe.trainable) groups.push_back(parameter_group(name));
  set_trainable(*model_.module, groups);
  if (recipe.lora) {
    lora_ = {recipe.lora->rank, recipe.lora->alpha, recipe.lora->dropout, recipe.lora->targets};
    torch::manual_seed(recipe.seed);  // of the adapters' first values
    apply_lora(*model_.module, lora_);
  }
  model_.module->to(device);
  model_.module->train();
  model_.module->set_gradient_checkpointing(recipe.gradient_checkpointing);
  tokenizer_ = std::make_unique<Tokenizer>(
      Tokenizer::from_json(model_.files.tokenizer_json, "tokenizer.json"));
  stream_ = std::make_unique<DataStream>(*tokenizer_, data_options(recipe.data));
  features_ = std::make_unique<ImageFeatures>(model_.module, feature_options());
}

DataOptions LanguageTask::data_options(const std::vector<DataRecipe>& sources) const {
  DataOptions options;
  options.sources = data_sources(sources);
  options.order = {true, recipe_.seed, recipe_.epochs};
  options.sample.newline_after_media = recipe_.sample.newline_after_media;
  options.sample.loss = recipe_.sample.last_answer_only ? Loss::kLastAnswer : Loss::kAllAnswers;
  // A model that is never shown tiles is not trained on any, unless the recipe says so.
  const std::optional<bool> cut =
      recipe_.cut || config().cut_images ? recipe_.cut : std::optional(false);
  options.encode = {model_.module->variant(), static_cast<int>(config().vision.image_size), cut,
                    recipe_.sample.fps, recipe_.sample.max_frames};
  options.rows = recipe_.batch.rows;
  options.accumulate = recipe_.batch.accumulate;
  options.rank = launch_.rank;
  options.world = launch_.world;
  options.tokens = recipe_.batch.tokens;
  options.images = recipe_.batch.images;
  options.pack = recipe_.batch.pack;
  options.workers = static_cast<int>(recipe_.workers);
  return options;
}

ImageFeatureOptions LanguageTask::feature_options() const {
  ImageFeatureOptions options;
  options.precision = precision_;
  options.cache = recipe_.cache_features;
  options.folder = recipe_.feature_folder;
  options.parent = fs::absolute(recipe_.output).lexically_normal().parent_path() / "features";
  options.rank = launch_.rank;
  options.local_world = launch_.local_world;
  return options;
}

std::vector<NamedParameter> LanguageTask::parameters() {
  return trainable_parameters(*model_.module);
}

torch::Tensor LanguageTask::loss_of(const Batch& batch) {
  const torch::Tensor features = features_->of(batch);
  const TorchBatch rows =
      make_torch_batch(batch, config(), model_.module->variant(), model_.module->device());
  const Autocast autocast(model_.module->device(), precision_);
  return model_.module->loss_sum(rows, features);
}

std::optional<StepSums> LanguageTask::run_step(int64_t step) {
  StepSums sums;
  for (int64_t i = 0; i < recipe_.batch.accumulate; ++i) {
    const std::optional<Batch> batch = stream_->next();
    if (!batch) return std::nullopt;
    sums.tokens += tokens_in(*batch);
    sums.images += static_cast<int64_t>(batch->images.size());
    if (batch->label_tokens == 0) continue;  // padding, at the end of the last epoch
    torch::manual_seed(seed_of(recipe_.seed, step, launch_.rank * recipe_.batch.accumulate + i));
    // Divided by the labels of all batches of the step: parts of the loss add up.
    const torch::Tensor loss = loss_of(*batch) / static_cast<double>(batch->step_label_tokens);
    loss.backward();
    sums.loss += loss.item<double>();
  }
  return sums;
}

std::vector<Scalar> LanguageTask::validate(Processes& processes) {
  if (recipe_.validation.data.empty()) return {};
  const torch::NoGradGuard no_grad;
  DataOptions options = data_options(recipe_.validation.data);
  options.order = {false, 0, 1};
  options.accumulate = 1;
  DataStream stream(*tokenizer_, options);
  model_.module->eval();
  torch::Tensor sums = torch::zeros({3}, torch::kFloat64);  // loss, label tokens, samples
  while (const std::optional<Batch> batch = stream.next()) {
    torch::Tensor part = torch::zeros({3}, torch::kFloat64);
    if (batch->label_tokens > 0) {
      part[0] = loss_of(*batch).item<double>();
      part[1] = static_cast<double>(batch->label_tokens);
      part[2] = static_cast<double>(samples_in(*batch));
    }
    processes.sum(part);
    sums += part;
    const auto samples = static_cast<int64_t>(sums[2].item<double>());
    if (recipe_.validation.samples > 0 && samples >= recipe_.validation.samples) break;
  }
  model_.module->train();
  return {{"validation_loss", (sums[0] / sums[1]).item<double>()}};
}

void LanguageTask::save(const fs::path& folder) {
  const DType dtype = saved_type(model_.files);
  if (recipe_.lora) {
    save_lora(folder, *model_.module, lora_, recipe_.model, dtype);
  } else {
    save_checkpoint(folder, model_.module, model_.files, dtype);
  }
}

void LanguageTask::save_final(const fs::path& folder) {
  if (!recipe_.lora || !recipe_.lora->merge) return save(folder);
  merge_lora(*model_.module);
  save_checkpoint(folder, model_.module, model_.files, saved_type(model_.files));
}

}  // namespace owl3::train
