#include "train/image_features.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "train/parameter_groups.h"

namespace owl3::train {

namespace {

/// Images encoded at a time: enough for whole matrix products, little memory.
constexpr size_t kEncodedAtATime = 16;
/// The part of a disk's free room that features may fill when nobody asked for them.
constexpr double kShareOfFreeRoom = 0.5;

torch::Tensor pixels_of(const std::vector<const Image*>& images, int64_t size,
                        torch::Device device) {
  torch::Tensor pixels = torch::empty({static_cast<int64_t>(images.size()), 3, size, size});
  auto* values = pixels.data_ptr<float>();
  for (const Image* image : images) {
    OWL3_CHECK(image->width == size && image->height == size);
    normalize_pixels(*image, values);
    values += 3 * size * size;
  }
  return pixels.to(device);
}

bool trains_vision(const Owl3ModuleImpl& module) {
  for (const NamedParameter& parameter : trainable_parameters(module)) {
    if (group_of(parameter.name) == ParameterGroup::kVision) return true;
  }
  return false;
}

/// The first half of it in hexadecimal.
std::string short_name(const Fingerprint& fingerprint) {
  std::string name;
  for (size_t i = 0; i < fingerprint.size() / 2; ++i) name += fmt::format("{:02x}", fingerprint[i]);
  return name;
}

int64_t values_per_image(const VisionConfig& vision) {
  return vision.tokens_per_image() * vision.hidden_size;
}

}  // namespace

Fingerprint vision_fingerprint(const Owl3ModuleImpl& module, TrainPrecision precision) {
  Sha256 fingerprint;
  const VisionConfig& vision = module.config().vision;
  const int64_t numbers[] = {vision.image_size, vision.patch_size, vision.num_attention_heads,
                             static_cast<int64_t>(precision)};
  fingerprint.add(std::as_bytes(std::span(numbers)));
  for (const auto& parameter : module.named_parameters()) {
    if (group_of(parameter.key()) != ParameterGroup::kVision) continue;
    const torch::Tensor values = parameter.value().detach().cpu().contiguous();
    fingerprint.add({static_cast<const std::byte*>(values.data_ptr()), values.nbytes()});
  }
  return fingerprint.finish();
}

ImageFeatures::ImageFeatures(Owl3Module module, const ImageFeatureOptions& options)
    : module_(std::move(module)), options_(options), trained_(trains_vision(*module_)) {}

void ImageFeatures::open_cache() {
  if (std::exchange(opened_, true) || options_.cache == CacheFeatures::kOff) return;
  FeatureCacheOptions cache;
  cache.fingerprint = vision_fingerprint(*module_, options_.precision);
  cache.folder =
      options_.folder.empty() ? options_.parent / short_name(cache.fingerprint) : options_.folder;
  cache.rank = options_.rank;
  cache.values = values_per_image(module_->config().vision);
  cache.type = options_.precision == TrainPrecision::kBFloat16 ? DType::kBF16 : DType::kF32;
  try {
    cache_ = std::make_unique<FeatureCache>(cache);
  } catch (const InputError& error) {  // can't be written, or is another run's at this moment
    if (options_.cache == CacheFeatures::kAuto) return;
    throw Error(fmt::format("cache_features: on: {}", error.what()));
  }
  if (options_.cache == CacheFeatures::kOn) return;
  const auto free = static_cast<double>(std::filesystem::space(cache.folder).available);
  max_cache_bytes_ =
      cache_->file_bytes() + static_cast<int64_t>(free * kShareOfFreeRoom / options_.local_world);
}

torch::Tensor ImageFeatures::of(const Batch& batch) {
  if (batch.images.empty()) return {};
  const VisionConfig& vision = module_->config().vision;
  if (trained_) {
    std::vector<const Image*> images;
    for (const Image& image : batch.images) images.push_back(&image);
    const Autocast autocast(module_->device(), options_.precision);
    return module_->encode_images(pixels_of(images, vision.image_size, module_->device()));
  }
  open_cache();
  const torch::NoGradGuard no_grad;
  torch::Tensor features = torch::empty(
      {static_cast<int64_t>(batch.images.size()), vision.tokens_per_image(), vision.hidden_size});
  read_or_encode(batch, features);
  return features.to(module_->device());
}

torch::Tensor ImageFeatures::encode(const std::vector<const Image*>& images) {
  const Autocast autocast(module_->device(), options_.precision);
  torch::Tensor features = module_->encode_images(
      pixels_of(images, module_->config().vision.image_size, module_->device()));
  // As the cache keeps them, and as the projector's product would round them.
  if (options_.precision == TrainPrecision::kBFloat16) features = features.to(torch::kBFloat16);
  return features.to(torch::kFloat32).cpu().contiguous();
}

void ImageFeatures::keep(uint64_t hash, std::span<const float> features) {
  const bool room =
      cache_ && !full_ && (max_cache_bytes_ == 0 || cache_->file_bytes() < max_cache_bytes_);
  if (!room) return;
  try {
    cache_->append(hash, features);
  } catch (const InputError& error) {
    full_ = true;
    warning_ = fmt::format("warning: {}; no more features are kept", error.what());
  }
}

void ImageFeatures::read_or_encode(const Batch& batch, torch::Tensor& features) {
  const auto values = static_cast<size_t>(values_per_image(module_->config().vision));
  auto* data = features.data_ptr<float>();
  std::vector<size_t> missing;
  for (size_t i = 0; i < batch.images.size(); ++i) {
    const bool found = cache_ && cache_->read(batch.image_hash[i], {data + i * values, values});
    if (!found) missing.push_back(i);
  }
  for (size_t first = 0; first < missing.size(); first += kEncodedAtATime) {
    options_.encoding(static_cast<int64_t>(first), static_cast<int64_t>(missing.size()));
    const size_t count = std::min(kEncodedAtATime, missing.size() - first);
    std::vector<const Image*> images;
    for (size_t i = 0; i < count; ++i) images.push_back(&batch.images[missing[first + i]]);
    const torch::Tensor encoded = encode(images);
    for (size_t i = 0; i < count; ++i) {
      const size_t image = missing[first + i];
      const std::span<const float> of_image(encoded.data_ptr<float>() + i * values, values);
      std::copy(of_image.begin(), of_image.end(), data + image * values);
      keep(batch.image_hash[image], of_image);
    }
  }
}

}  // namespace owl3::train
