#include "train/siglip_task.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "train/recipe_options.h"
#include "train/validating.h"

namespace owl3::train {

namespace {

TextTowerConfig text_config(const TextTowerRecipe& recipe, int64_t vocab_size) {
  return {vocab_size,
          recipe.hidden_size,
          recipe.num_hidden_layers,
          recipe.num_attention_heads,
          recipe.intermediate_size,
          recipe.max_tokens};
}

torch::Tensor pixels_of(const PairBatch& batch, int64_t size, torch::Device device) {
  torch::Tensor pixels = torch::empty({static_cast<int64_t>(batch.images.size()), 3, size, size});
  auto* values = pixels.data_ptr<float>();
  for (const Image& image : batch.images) {
    normalize_pixels(image, values);
    values += 3 * size * size;
  }
  return pixels.to(device);
}

int64_t tokens_in(const PairBatch& batch) {
  int64_t tokens = 0;
  for (const auto& text : batch.texts) tokens += static_cast<int64_t>(text.size());
  return tokens;
}

/// Images whose nearest text is their own, or one that says the same.
int64_t rightly_named(const torch::Tensor& images, const torch::Tensor& texts,
                      const torch::Tensor& equal) {
  const torch::Tensor nearest = torch::mm(images, texts.t()).argmax(1, true);
  return equal.gather(1, nearest).sum().item<int64_t>();
}

}  // namespace

SiglipTask::SiglipTask(const Recipe& recipe, const Launch& launch, torch::Device device)
    : recipe_(recipe), launch_(launch), device_(device), precision_(precision_of(recipe)) {
  if (!recipe.init) {
    throw InputError(fmt::format(
        "{}: task: siglip trains a new encoder: init, not model, must be given", recipe.name));
  }
  config_ = parse_model_config(recipe.init->config, recipe.name + ": init.config");
  tokenizer_json_ = tokenizer_text(recipe.init->tokenizer);
  tokenizer_ =
      std::make_unique<Tokenizer>(Tokenizer::from_json(tokenizer_json_, recipe.init->tokenizer));
  module_ = SiglipPretrainer(config_.vision,
                             text_config(recipe.text_tower, tokenizer_->vocab_size()), recipe.seed);
  module_->to(device);
  module_->train();
  stream_ = std::make_unique<PairStream>(*tokenizer_, pair_options(recipe.data));
  open_validation();
}

void SiglipTask::open_validation() {
  if (recipe_.validation.data.empty()) return;
  PairOptions options = pair_options(recipe_.validation.data);
  options.order = {false, 0, 1};
  validation_ = std::make_unique<PairStream>(*tokenizer_, options);
  if (validation_->samples_per_epoch() < options.pairs * options.world) {
    throw InputError(
        fmt::format("validation.path: {} pairs, fewer than the {} of a pass; lower "
                    "batch.rows",
                    validation_->samples_per_epoch(), options.pairs * options.world));
  }
}

PairOptions SiglipTask::pair_options(const std::vector<DataRecipe>& sources) const {
  PairOptions options;
  options.sources = data_sources(sources);
  options.order = {true, recipe_.seed, recipe_.epochs};
  options.image_size = static_cast<int>(config_.vision.image_size);
  options.pairs = recipe_.batch.rows;
  options.text_tokens = recipe_.text_tower.max_tokens;
  options.rank = launch_.rank;
  options.world = launch_.world;
  options.workers = static_cast<int>(recipe_.workers);
  options.skip_broken = recipe_.on_broken == OnBroken::kSkip;
  return options;
}

std::optional<StepSums> SiglipTask::run_step(int64_t step) {
  StepSums sums;
  const auto parts = static_cast<double>(recipe_.batch.accumulate * launch_.world);
  for (int64_t i = 0; i < recipe_.batch.accumulate; ++i) {
    const std::optional<PairBatch> batch = stream_->next();
    if (!batch) return std::nullopt;
    const std::vector<std::string>& broken = stream_->left_out().samples;
    sums.broken.insert(sums.broken.end(), broken.begin(), broken.end());
    if (batch->images.empty()) continue;  // all of them broken
    torch::manual_seed(seed_of(recipe_.seed, step, launch_.rank * recipe_.batch.accumulate + i));
    const torch::Tensor loss = [&] {
      const Autocast autocast(device_, precision_);
      return module_->loss(pixels_of(*batch, config_.vision.image_size, device_),
                           make_text_batch(batch->texts, recipe_.text_tower.max_tokens, device_)) /
             parts;
    }();
    loss.backward();
    sums.loss += loss.item<double>();
    sums.tokens += tokens_in(*batch);
    sums.images += static_cast<int64_t>(batch->images.size());
  }
  return sums;
}

bool SiglipTask::data_ended() const {
  const std::optional<int64_t> left = stream_->batches_left();
  return left && *left < recipe_.batch.accumulate;  // what doesn't fill a step is left out
}

RunLength SiglipTask::length(const std::function<bool()>& /*go_on*/) const {
  const int64_t pairs = recipe_.batch.rows * recipe_.batch.accumulate * launch_.world;
  const int64_t steps =
      recipe_.steps > 0 ? recipe_.steps : recipe_.epochs * samples_per_epoch() / pairs;
  return run_length(recipe_, samples_per_epoch(), steps, steps * pairs, true);
}

StreamCheckReport SiglipTask::check_data(const StreamCheckOptions& options) const {
  PairOptions each_once = pair_options(recipe_.data);
  each_once.order = {false, 0, 1};
  for (DataSource& source : each_once.sources) source.weight = 1;
  return PairStream(*tokenizer_, each_once).check(options);
}

StreamCheckReport SiglipTask::check_validation(const StreamCheckOptions& options) const {
  return validation_ ? validation_->check(options) : StreamCheckReport{};
}

std::optional<std::vector<Scalar>> SiglipTask::validate(Processes& processes,
                                                        const std::function<bool()>& interrupted) {
  if (!validation_) return std::vector<Scalar>{};
  const torch::NoGradGuard no_grad;
  const Validating validating(*module_, *validation_);
  enum Number { kLoss, kBatches, kRight, kPairs, kFailed, kInterrupted, kNumbers };
  std::vector<double> sums(kNumbers);
  std::string failure = "another process could not go on";
  const auto enough = [&] {
    const double seen = sums[kPairs] * launch_.world;
    return recipe_.validation.samples > 0 &&
           seen >= static_cast<double>(recipe_.validation.samples);
  };
  try {
    while (sums[kInterrupted] == 0 && !enough()) {
      const std::optional<PairBatch> batch = validation_->next();
      if (!batch) break;
      sums[kInterrupted] = interrupted() ? 1 : 0;
      if (batch->images.empty()) continue;
      const Autocast autocast(device_, precision_);
      const torch::Tensor pixels = pixels_of(*batch, config_.vision.image_size, device_);
      const TextBatch texts = make_text_batch(batch->texts, recipe_.text_tower.max_tokens, device_);
      sums[kLoss] += module_->loss(pixels, texts).item<double>();
      sums[kBatches] += 1;
      sums[kRight] += static_cast<double>(
          rightly_named(module_->embed_images(pixels), module_->embed_texts(texts), texts.equal));
      sums[kPairs] += static_cast<double>(batch->images.size());
    }
  } catch (const std::exception& error) {
    sums[kFailed] = 1;
    failure = error.what();
  }
  sums = processes.sums_of(sums);
  if (sums[kFailed] > 0) throw Error(failure);
  if (sums[kInterrupted] > 0) return std::nullopt;
  if (sums[kBatches] == 0) throw InputError("no pair of validation.path can be used");
  return {{{"validation_loss", sums[kLoss] / sums[kBatches]},
           {"validation_accuracy", sums[kRight] / sums[kPairs]}}};
}

int64_t SiglipTask::saved_bytes() {
  int64_t values = 0;
  for (const NamedParameter& parameter : parameters()) values += parameter.tensor.numel();
  return values * static_cast<int64_t>(sizeof(float));
}

void SiglipTask::save(const std::filesystem::path& folder) {
  module_->save(folder, DType::kF32);
  AtomicFile config(folder / "config.json");  // without it nobody takes the folder for a model's
  config.write(recipe_.init->config + "\n");
  config.commit();
}

}  // namespace owl3::train
