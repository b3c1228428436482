// A model that takes exams as the trainer computes it: every token of a prompt at once, without
// text cache or visual memory. So models without hyper layers, which the engine does not run, can
// be held against those with, by the same arithmetic.
#pragma once

#include <filesystem>
#include <memory>
#include <unordered_map>

#include "eval/evaluation.h"
#include "owl3/visual_memory.h"
#include "text/tokenizer.h"
#include "train/model.h"
#include "training_data/image_store.h"

namespace owl3::train {

class TorchExaminee : public Examinee {
 public:
  TorchExaminee(const std::filesystem::path& model, ProgressCallback progress);

  /// The reply's tokens are those that the model holds for likeliest, each behind the right ones
  /// before it: where all are right, what it would say.
  Reply reply(const Exam& exam, const Ask& ask) override;
  std::vector<std::string> warnings() const override { return {store_->warning()}; }

  const VisualMemoryStats& stats() const { return stats_; }

 private:
  Batch batch_of(const Exam& exam, const Ask& ask);
  torch::Tensor features_of(const Batch& batch);
  std::string words_of(const torch::Tensor& logits) const;

  ProgressCallback progress_;
  Owl3Module module_{nullptr};
  std::unique_ptr<Tokenizer> tokenizer_;
  MediaReader reader_;
  std::unique_ptr<SampleEncoder> encoder_;
  std::unique_ptr<ImageStore> store_;
  std::unordered_map<uint64_t, torch::Tensor> features_;  // by image_hash_of()  [L, Dv]
  VisualMemoryStats stats_;
};

}  // namespace owl3::train
