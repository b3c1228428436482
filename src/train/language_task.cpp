#include "train/language_task.h"

#include <algorithm>

#include "core/error.h"
#include "train/recipe_options.h"
#include "train/validating.h"

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
  if (!recipe.validation.data.empty()) {
    validation_ = std::make_unique<DataStream>(*tokenizer_, validation_options());
  }
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
  options.encode = {
      model_.module->variant(),
      static_cast<int>(config().vision.image_size),
      cut,
      recipe_.sample.fps,
      recipe_.sample.max_frames,
      recipe_.sample.control_tokens ? ControlTokens::kRecognised : ControlTokens::kText};
  options.rows = recipe_.batch.rows;
  options.accumulate = recipe_.batch.accumulate;
  options.rank = launch_.rank;
  options.world = launch_.world;
  options.tokens = recipe_.batch.tokens;
  options.images = recipe_.batch.images;
  options.pack = recipe_.batch.pack;
  options.workers = static_cast<int>(recipe_.workers);
  options.skip_broken = recipe_.on_broken == OnBroken::kSkip;
  options.max_broken = recipe_.max_broken;
  return options;
}

DataOptions LanguageTask::validation_options() const {
  DataOptions options = data_options(recipe_.validation.data);
  options.order = {false, 0, 1};
  options.accumulate = 1;
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
  options.encoding = [this](int64_t done, int64_t total) {
    if (watch_.interrupted()) throw Interrupted("interrupted");
    watch_.encoding(done, total);
  };
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
    if (watch_.interrupted()) throw Interrupted("interrupted");
    const std::optional<Batch> batch = stream_->next();
    if (!batch) return std::nullopt;
    sums.tokens += tokens_in(*batch);
    sums.images += static_cast<int64_t>(batch->images.size());
    sums.label_tokens = batch->step_label_tokens;
    const LeftOutSamples& left_out = stream_->left_out();
    sums.lost_label_tokens += left_out.label_tokens;
    sums.broken.insert(sums.broken.end(), left_out.samples.begin(), left_out.samples.end());
    if (batch->label_tokens == 0) continue;  // padding, at the end of the last epoch
    torch::manual_seed(seed_of(recipe_.seed, step, launch_.rank * recipe_.batch.accumulate + i));
    // Divided by the labels of all batches of the step: parts of the loss add up.
    const torch::Tensor loss = loss_of(*batch) / static_cast<double>(batch->step_label_tokens);
    loss.backward();
    sums.loss += loss.item<double>();
  }
  sums.warning = features_->take_warning();
  return sums;
}

RunLength LanguageTask::length(const std::function<bool()>& go_on) const {
  StepCountOptions options;
  options.most_steps = recipe_.steps;
  options.go_on = go_on;
  const StepCount count = stream_->count_steps(options);
  return run_length(recipe_, samples_per_epoch(), count.steps, count.samples, count.whole);
}

StreamCheckReport LanguageTask::check_data(const StreamCheckOptions& options) const {
  DataOptions each_once = data_options(recipe_.data);
  each_once.order = {false, 0, 1};
  for (DataSource& source : each_once.sources) source.weight = 1;
  return DataStream(*tokenizer_, each_once).check(options);
}

StreamCheckReport LanguageTask::check_validation(const StreamCheckOptions& options) const {
  return validation_ ? validation_->check(options) : StreamCheckReport{};
}

std::optional<std::vector<Scalar>> LanguageTask::validate(
    Processes& processes, const std::function<bool()>& interrupted) {
  if (!validation_) return std::vector<Scalar>{};
  const torch::NoGradGuard no_grad;
  const Validating validating(*model_.module, *validation_);
  enum Number { kLoss, kLabels, kSamples, kEnded, kFailed, kInterrupted, kNumbers };
  std::vector<double> sums(kNumbers);
  std::string failure = "another process could not go on";
  while (sums[kEnded] == 0) {
    std::vector<double> part(kNumbers);
    part[kInterrupted] = interrupted() ? 1 : 0;
    try {
      const std::optional<Batch> batch = validation_->next();
      part[kEnded] = batch ? 0 : 1;
      if (batch && batch->label_tokens > 0) {
        part[kLoss] = loss_of(*batch).item<double>();
        part[kLabels] = static_cast<double>(batch->label_tokens);
        part[kSamples] = static_cast<double>(samples_in(*batch));
      }
    } catch (const Interrupted&) {
      part[kInterrupted] = 1;
    } catch (const std::exception& error) {
      part[kFailed] = 1;
      failure = error.what();
    }
    part = processes.sums_of(part);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += part[i];
    if (sums[kFailed] > 0) throw Error(failure);
    if (sums[kInterrupted] > 0) return std::nullopt;
    const auto samples = static_cast<int64_t>(sums[kSamples]);
    if (recipe_.validation.samples > 0 && samples >= recipe_.validation.samples) break;
  }
  if (sums[kLabels] == 0) throw InputError("no row of validation.path can be used");
  return {{{"validation_loss", sums[kLoss] / sums[kLabels]}}};
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

int64_t LanguageTask::whole_model_bytes() const {
  const auto value_bytes = static_cast<int64_t>(bytes_of(saved_type(model_.files), 1));
  int64_t bytes = 0;
  for (const auto& parameter : model_.module->named_parameters()) {
    if (!is_adapter(parameter.key())) bytes += parameter.value().numel() * value_bytes;
  }
  return bytes;
}

int64_t LanguageTask::saved_bytes() {
  if (!recipe_.lora) return whole_model_bytes();
  int64_t values = 0;
  for (const NamedParameter& parameter : parameters()) {
    if (is_adapter(parameter.name)) values += parameter.tensor.numel();
  }
  return values * static_cast<int64_t>(bytes_of(saved_type(model_.files), 1));
}

int64_t LanguageTask::saved_final_bytes() {
  return recipe_.lora && recipe_.lora->merge ? whole_model_bytes() : saved_bytes();
}

}  // namespace owl3::train
