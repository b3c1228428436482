#include "train/torch_examinee.h"

#include <torch/csrc/autograd/generated/variable_factories.h>

#include <chrono>

#include "api/question.h"
#include "core/error.h"
#include "train/image_features.h"
#include "train/model_files.h"

namespace owl3::train {

namespace {

constexpr size_t kBfloat16Bytes = 2;  // as a cache keeps keys and values

using Clock = std::chrono::steady_clock;

constexpr size_t kKeptImageBytes = size_t{1} << 30;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Sample sample_of(const Exam& exam, const Ask& ask) {
  Sample sample;
  std::vector<QuestionMedium> media;
  for (const std::string& image : exam.images) {
    media.push_back({false, image});
    sample.media.push_back({false, image, image});
  }
  sample.messages = {{Role::kUser, with_model_marks(ask.text, media)},
                     {Role::kAssistant, ask.sentence}};
  sample.learnt = {false, true};
  return sample;
}

}  // namespace

TorchExaminee::TorchExaminee(const std::filesystem::path& model, ProgressCallback progress)
    : progress_(std::move(progress)) {
  LoadedModel loaded = load_checkpoint(model);
  module_ = loaded.module;
  module_->eval();
  tokenizer_ = std::make_unique<Tokenizer>(
      Tokenizer::from_json(loaded.files.tokenizer_json, "tokenizer.json"));
  EncodeOptions options;
  options.variant = module_->variant();
  options.image_size = static_cast<int>(module_->config().vision.image_size);
  options.cut = false;
  encoder_ = std::make_unique<SampleEncoder>(*tokenizer_, reader_, options);
  store_ = std::make_unique<ImageStore>(reader_, options, kKeptImageBytes);
}

Reply TorchExaminee::reply(const Exam& exam, const Ask& ask) {
  if (progress_ && !progress_("", 0, 0)) throw Interrupted("interrupted");
  if (ask.sentence.empty()) throw UsageError("a question has no answer to compare with");
  const torch::NoGradGuard no_gradients;
  const Batch batch = batch_of(exam, ask);
  const torch::Tensor features = features_of(batch);
  const auto start = Clock::now();
  const torch::Tensor logits = module_->learnt_logits(
      make_torch_batch(batch, module_->config(), module_->variant()), features);
  Reply reply;
  reply.first_token_seconds = seconds_since(start);
  reply.text = words_of(logits);
  reply.visual_bytes = exam.images.size() * kBfloat16Bytes *
                       static_cast<size_t>(module_->config().visual_numbers_per_image());
  return reply;
}

/// A row of one sample.
Batch TorchExaminee::batch_of(const Exam& exam, const Ask& ask) {
  const EncodedSample sample = encoder_->encode(sample_of(exam, ask));
  Batch batch;
  batch.rows = 1;
  batch.tokens = std::ssize(sample.ids);
  batch.images_per_row = std::ssize(sample.image_positions);
  for (size_t t = 0; t < sample.ids.size(); ++t) {
    batch.ids.push_back(sample.ids[t]);
    batch.labels.push_back(sample.learnt[t] != 0 ? sample.ids[t] : kNoLabel);
    batch.segment.push_back(0);
    batch.position.push_back(static_cast<int32_t>(t));
  }
  const auto start = Clock::now();
  for (size_t i = 0; i < sample.media.size(); ++i) {
    const auto images = store_->image(exam.images[i], false);
    batch.image.push_back(static_cast<int32_t>(i));
    batch.image_segment.push_back(0);
    batch.image_position.push_back(sample.image_positions[i]);
    batch.images.push_back(images->front().image);
    batch.image_hash.push_back(images->front().hash);
  }
  stats_.decode_seconds += seconds_since(start);
  batch.label_tokens = sample.label_tokens;
  return batch;
}

torch::Tensor TorchExaminee::features_of(const Batch& batch) {
  if (batch.images.empty()) return {};
  const auto start = Clock::now();
  Batch unseen;
  for (size_t i = 0; i < batch.images.size(); ++i) {
    if (features_.count(batch.image_hash[i]) != 0) continue;
    unseen.images.push_back(batch.images[i]);
    unseen.image_hash.push_back(batch.image_hash[i]);
  }
  if (!unseen.images.empty()) {
    const torch::Tensor encoded = ImageFeatures(module_, {}).of(unseen);
    for (size_t i = 0; i < unseen.images.size(); ++i) {
      features_[unseen.image_hash[i]] = encoded[static_cast<int64_t>(i)].clone();
    }
    stats_.images_encoded += std::ssize(unseen.images);
    stats_.encode_seconds += seconds_since(start);
  }
  std::vector<torch::Tensor> features;
  for (const uint64_t hash : batch.image_hash) features.push_back(features_.at(hash));
  return torch::stack(features);
}

std::string TorchExaminee::words_of(const torch::Tensor& logits) const {
  const torch::Tensor likeliest = logits.argmax(-1).contiguous();
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < likeliest.size(0); ++i) {
    const auto id = static_cast<int32_t>(likeliest.data_ptr<int64_t>()[i]);
    if (!tokenizer_->is_special(id)) ids.push_back(id);
  }
  return tokenizer_->decode(ids);
}

}  // namespace owl3::train
