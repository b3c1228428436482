// Training a vision encoder from nothing: images and captions that belong together (SigLIP).
#pragma once

#include <memory>

#include "runs/recipe.h"
#include "train/precision.h"
#include "train/siglip_pretraining.h"
#include "train/training_task.h"
#include "training_data/pair_stream.h"

namespace owl3::train {

/// Pairs are told apart within a batch of a process: with several processes each has negatives of
/// its own, and the loss is their mean.
class SiglipTask : public TrainingTask {
 public:
  SiglipTask(const Recipe& recipe, const Launch& launch, torch::Device device);

  std::vector<NamedParameter> parameters() override { return trainable_parameters(*module_); }
  int64_t model_values() const override { return values_in(*module_); }
  std::optional<StepSums> run_step(int64_t step) override;
  double epochs_read() const override { return stream_->epochs_read(); }
  int64_t samples_per_epoch() const override { return stream_->samples_per_epoch(); }
  bool data_ended() const override;
  RunLength length(const std::function<bool()>& go_on) const override;
  std::string data_warning() const override { return stream_->media_warning(); }
  nlohmann::json data_state() const override { return stream_->state(); }
  void restore_data(const nlohmann::json& state, const std::string& name) override {
    stream_->restore(state, name);
  }
  /// The loss, and how often an image's own text is the nearest of its batch.
  std::optional<std::vector<Scalar>> validate(Processes& processes,
                                              const std::function<bool()>& interrupted) override;
  StreamCheckReport check_data(const StreamCheckOptions& options) const override;
  StreamCheckReport check_validation(const StreamCheckOptions& options) const override;
  void save(const std::filesystem::path& folder) override;
  int64_t saved_bytes() override;

 private:
  PairOptions pair_options(const std::vector<DataRecipe>& sources) const;
  void open_validation();

  Recipe recipe_;
  Launch launch_;
  torch::Device device_;
  TrainPrecision precision_;
  std::string tokenizer_json_;
  ModelConfig config_;
  std::unique_ptr<Tokenizer> tokenizer_;
  SiglipPretrainer module_{nullptr};
  std::unique_ptr<PairStream> stream_;
  std::unique_ptr<PairStream> validation_;  // none when the recipe has none
};

}  // namespace owl3::train
