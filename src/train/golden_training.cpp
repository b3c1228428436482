#include "train/golden_training.h"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/mapped_file.h"
#include "train/model_files.h"
#include "train/parameter_groups.h"

namespace owl3::train {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// How the samples of the batch become rows: one each, padded to the longest.
Batch batch_of(const json& samples) {
  Batch batch;
  batch.rows = static_cast<int64_t>(samples.size());
  for (const json& sample : samples) {
    batch.tokens = std::max<int64_t>(batch.tokens, std::ssize(sample.at("input_ids")));
    batch.images_per_row =
        std::max<int64_t>(batch.images_per_row, std::ssize(sample.at("media_positions")));
  }
  int32_t image = 0;
  for (const json& sample : samples) {
    const auto& ids = sample.at("input_ids");
    for (size_t t = 0; t < static_cast<size_t>(batch.tokens); ++t) {
      const bool in_sample = t < ids.size();
      batch.ids.push_back(in_sample ? ids.at(t).get<int64_t>() : 0);
      batch.labels.push_back(in_sample ? sample.at("labels").at(t).get<int64_t>() : kNoLabel);
      batch.segment.push_back(in_sample ? 0 : -1);
      batch.position.push_back(in_sample ? static_cast<int32_t>(t) : 0);
    }
    const auto& positions = sample.at("media_positions");
    for (size_t i = 0; i < static_cast<size_t>(batch.images_per_row); ++i) {
      const bool in_sample = i < positions.size();
      batch.image.push_back(in_sample ? image++ : -1);
      batch.image_segment.push_back(in_sample ? 0 : -1);
      batch.image_position.push_back(in_sample ? positions.at(i).get<int32_t>() : -1);
    }
  }
  return batch;
}

int64_t images_of(const json& samples) {
  int64_t images = 0;
  for (const json& sample : samples) images += std::ssize(sample.at("media_positions"));
  return images;
}

/// [n, 3, S, S] of little-endian float32.
torch::Tensor read_pixels(const fs::path& path, int64_t images, int64_t image_size) {
  const auto file = MappedFile::open(path);
  torch::Tensor pixels = torch::empty({images, 3, image_size, image_size});
  if (file->bytes().size() != pixels.nbytes()) {
    throw InputError(fmt::format("{}: has {} bytes; {} images of {} x {} take {}", path.string(),
                                 file->bytes().size(), images, image_size, image_size,
                                 pixels.nbytes()));
  }
  std::memcpy(pixels.data_ptr(), file->bytes().data(), file->bytes().size());
  return pixels;
}

json read_golden(const fs::path& path) {
  const auto file = MappedFile::open(path);
  const auto* text = reinterpret_cast<const char*>(file->bytes().data());
  return json::parse(text, text + file->bytes().size());
}

/// tests/data/train/unified-stage2 -> tests/data/model/unified
fs::path model_of(const fs::path& folder) {
  const fs::path absolute = fs::absolute(folder / "").parent_path();
  const std::string name = absolute.filename().string();
  return absolute.parent_path().parent_path() / "model" / name.substr(0, name.rfind("-stage"));
}

torch::optim::AdamWOptions adamw_options(const json& hyperparameters) {
  const auto betas = hyperparameters.at("betas");
  return torch::optim::AdamWOptions(hyperparameters.at("lr").get<double>())
      .betas({betas.at(0).get<double>(), betas.at(1).get<double>()})
      .eps(hyperparameters.at("eps").get<double>())
      .weight_decay(hyperparameters.at("weight_decay").get<double>());
}

class GoldenTraining {
 public:
  GoldenTraining(const fs::path& folder, const fs::path& model,
                 const GoldenTrainingTolerance& tolerance)
      : golden_(read_golden(folder / "golden.json")),
        tolerance_(tolerance),
        module_(load_checkpoint(model.empty() ? model_of(folder) : model).module) {
    report_.stage = golden_.at("stage").get<int>();
    set_trainable(*module_, groups_of_stage(report_.stage));
    const json& samples = golden_.at("batch");
    batch_ = make_torch_batch(batch_of(samples), module_->config(), module_->variant());
    features_ = module_->encode_images(read_pixels(folder / "pixel_values.f32", images_of(samples),
                                                   module_->config().vision.image_size));
  }

  GoldenTrainingReport run() {
    std::vector<torch::Tensor> trained;
    for (const NamedParameter& parameter : trainable_parameters(*module_)) {
      trained.push_back(parameter.tensor);
    }
    const json& hyperparameters = golden_.at("hyperparameters");
    torch::optim::AdamW optimiser(trained, adamw_options(hyperparameters));
    for (size_t step = 0; step < golden_.at("losses").size(); ++step) {
      optimiser.zero_grad();
      const auto label_tokens = static_cast<double>(batch_.targets.numel());
      const torch::Tensor loss = module_->loss_sum(batch_, features_) / label_tokens;
      loss.backward();
      if (step == 0) compare_gradients();
      const double norm = torch::nn::utils::clip_grad_norm_(
          trained, hyperparameters.at("grad_clip_norm").get<double>());
      compare(report_.losses, "losses", step, loss.item<double>(), tolerance_.loss);
      compare(report_.global_norms, "global_grad_norm_before_clipping", step, norm,
              tolerance_.global_norm);
      optimiser.step();
    }
    return report_;
  }

 private:
  void compare(std::vector<GoldenComparison>& results, const char* key, size_t step, double found,
               double allowed) const {
    results.push_back(
        {fmt::format("step {}", step), golden_.at(key).at(step).get<double>(), found, allowed});
  }

  void compare_gradients() {
    const json& theirs = golden_.at("grad_norm_step0");
    std::set<std::string> seen;
    for (const NamedParameter& parameter : trainable_parameters(*module_)) {
      const auto expected = theirs.find(parameter.name);
      seen.insert(parameter.name);
      if (expected == theirs.end()) {
        report_.only_ours.push_back(parameter.name);
        continue;
      }
      const torch::Tensor gradient = parameter.tensor.grad();
      const double norm = gradient.defined() ? gradient.norm().item<double>() : 0.0;
      report_.gradient_norms.push_back(
          {parameter.name, expected->get<double>(), norm, tolerance_.gradient_norm});
    }
    for (const auto& [name, norm] : theirs.items()) {
      if (seen.count(name) == 0) report_.only_theirs.push_back(name);
    }
  }

  json golden_;
  GoldenTrainingTolerance tolerance_;
  Owl3Module module_;
  TorchBatch batch_;
  torch::Tensor features_;
  GoldenTrainingReport report_;
};

bool all_passed(const std::vector<GoldenComparison>& comparisons) {
  return std::all_of(comparisons.begin(), comparisons.end(),
                     [](const GoldenComparison& c) { return c.passed(); });
}

}  // namespace

double GoldenComparison::difference() const {
  const double difference = std::fabs(found - expected) / std::fabs(expected);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

bool GoldenTrainingReport::passed() const {
  return !losses.empty() && !gradient_norms.empty() && only_theirs.empty() && only_ours.empty() &&
         all_passed(losses) && all_passed(global_norms) && all_passed(gradient_norms);
}

GoldenTrainingReport check_golden_training(const fs::path& folder, const fs::path& model,
                                           const GoldenTrainingTolerance& tolerance) {
  try {
    return GoldenTraining(folder, model, tolerance).run();
  } catch (const json::exception& error) {
    throw InputError(fmt::format("{}: {}", (folder / "golden.json").string(), error.what()));
  }
}

}  // namespace owl3::train
