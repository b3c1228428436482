// Training mPLUG-Owl3 itself: the next word of the assistant's answers.
#pragma once

#include <memory>

#include "runs/recipe.h"
#include "train/image_features.h"
#include "train/lora.h"
#include "train/model_files.h"
#include "train/training_task.h"
#include "training_data/data_stream.h"

namespace owl3::train {

class LanguageTask : public TrainingTask {
 public:
  /// Loads or makes the model, and opens the data.
  LanguageTask(const Recipe& recipe, const Launch& launch, torch::Device device);

  std::vector<NamedParameter> parameters() override;
  int64_t model_values() const override { return values_in(*model_.module); }
  std::optional<StepSums> run_step(int64_t step) override;
  double epochs_read() const override { return stream_->epochs_read(); }
  int64_t samples_per_epoch() const override { return stream_->samples_per_epoch(); }
  bool data_ended() const override { return stream_->ended(); }
  RunLength length(const std::function<bool()>& go_on) const override;
  std::string data_warning() const override {
    const std::string skipped = stream_->skip_warning();
    const std::string media = stream_->media_warning();
    return skipped.empty() || media.empty() ? skipped + media : skipped + "; " + media;
  }
  nlohmann::json data_state() const override { return stream_->state(); }
  void restore_data(const nlohmann::json& state, const std::string& name) override {
    stream_->restore(state, name);
  }
  StreamCheckReport check_data(const StreamCheckOptions& options) const override;
  StreamCheckReport check_validation(const StreamCheckOptions& options) const override;
  std::optional<std::vector<Scalar>> validate(Processes& processes,
                                              const std::function<bool()>& interrupted) override;
  void save(const std::filesystem::path& folder) override;
  void save_final(const std::filesystem::path& folder) override;
  int64_t saved_bytes() override;
  int64_t saved_final_bytes() override;

  const ModelConfig& config() const { return model_.module->config(); }

 private:
  DataOptions data_options(const std::vector<DataRecipe>& sources) const;
  DataOptions validation_options() const;
  int64_t whole_model_bytes() const;
  ImageFeatureOptions feature_options() const;
  torch::Tensor loss_of(const Batch& batch);

  Recipe recipe_;
  Launch launch_;
  torch::Device device_;
  TrainPrecision precision_;
  LoadedModel model_;
  LoraOptions lora_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<DataStream> stream_;
  std::unique_ptr<DataStream> validation_;  // none when the recipe has none
  std::unique_ptr<ImageFeatures> features_;
};

}  // namespace owl3::train
