#include "formats/checkpoint.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "core/sha.h"
#include "formats/tensor_names.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

Variant variant_of(const Weights& weights, const fs::path& path) {
  Variant variant = Variant::kUnified;
  std::vector<std::string_view> names;
  for (const auto& [name, tensor] : weights.tensors) names.push_back(name);
  for (const auto& [name, tensor] : weights.foreign) names.push_back(name);
  for (const std::string_view name : names) {
    if (name.find(".self_attn.gate_proj.") != std::string::npos) {
      throw InputError(
          fmt::format("{}: has {}: a derivative with projected gates, which owl3 "
                      "does not run",
                      path.string(), name));
    }
    if (name.ends_with(".self_attn.gate")) variant = Variant::kGated;
  }
  return variant;
}

int64_t& count_of(ParameterCounts& counts, ModelPart part) {
  switch (part) {
    case ModelPart::kVision:
      return counts.vision;
    case ModelPart::kProjector:
      return counts.projector;
    case ModelPart::kDecoder:
      return counts.decoder;
    case ModelPart::kHyper:
      return counts.hyper;
    case ModelPart::kUnused:
      return counts.unused;
  }
  OWL3_CHECK(false);
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& path) {
  return open(CheckpointSource::open(path));
}

Checkpoint Checkpoint::open(CheckpointSource source, HyperLayers hyper_layers) {
  Checkpoint checkpoint;
  checkpoint.source_ = std::move(source);
  const Document config = checkpoint.required_document(kConfigFile);
  checkpoint.config_ = parse_model_config(config.text, config.name);
  if (checkpoint.config_.hyper_layers.empty() && hyper_layers == HyperLayers::kRequired) {
    throw InputError(
        fmt::format("{}: hyper_layers is empty: such a model sees no image", config.name));
  }
  if (const auto generation = checkpoint.document(kGenerationConfigFile)) {
    checkpoint.generation_config_ = parse_generation_config(generation->text, generation->name);
  }
  Weights weights = checkpoint.source_.weights();
  checkpoint.variant_ = variant_of(weights, checkpoint.path());
  checkpoint.tensors_ = std::move(weights.tensors);
  checkpoint.files_ = std::move(weights.files);
  checkpoint.check_tensors(weights.foreign);
  return checkpoint;
}

std::string Checkpoint::weights_identity() const {
  std::string identity;
  for (const auto& file : files_) identity += file->identity() + "\n";
  if (!files_.empty()) return identity;
  constexpr size_t kSample = 64;
  for (const auto& [name, tensor] : tensors_) {
    const auto* const data = tensor.data<const char>();
    const size_t size = std::min(kSample, tensor.size_bytes());
    identity += fmt::format("{}:{}:{}:", name, fmt::ptr(data), tensor.size_bytes());
    identity.append(data + (tensor.size_bytes() - size) / 2, size);
  }
  return identity;
}

std::string Checkpoint::sampled_digest() const {
  constexpr size_t kSample = 4096;
  constexpr size_t kDigits = 16;
  Sha256 digest;
  const auto add = [&](std::string_view text) { digest.add(std::as_bytes(std::span(text))); };
  for (const char* file : {kConfigFile, kGenerationConfigFile}) {
    if (const auto found = document(file)) add(found->text);
  }
  for (const auto& [name, tensor] : tensors_) {
    add(fmt::format("{}:{}:{}:", name, static_cast<int>(tensor.dtype()),
                    to_string(tensor.shape())));
    const size_t size = std::min(kSample, tensor.size_bytes());
    const auto* const middle = tensor.data<std::byte>() + (tensor.size_bytes() - size) / 2;
    digest.add({middle, size});
  }
  return hex_text(digest.finish()).substr(0, kDigits);
}

Document Checkpoint::required_document(const std::string& file) const {
  if (auto found = document(file)) return *std::move(found);
  throw InputError(fmt::format("{}: no {} in it", path().string(), file));
}

void Checkpoint::check_tensors(const ForeignTensors& foreign) {
  std::set<std::string_view> known;
  const auto expected = expected_tensors(config_, variant_);
  for (const ExpectedTensor& wanted : expected) {
    const auto found = tensors_.find(wanted.name);
    if (const auto other = foreign.find(wanted.name); other != foreign.end()) {
      throw InputError(fmt::format("{}: {}", file_of(wanted.name).string(),
                                   describe_foreign(wanted.name, other->second)));
    }
    if (found == tensors_.end()) {
      throw InputError(fmt::format("{}: the weights lack tensor {} {}", path().string(),
                                   wanted.name, to_string(wanted.shape)));
    }
    const Tensor& tensor = found->second;
    if (tensor.shape() != wanted.shape) {
      throw InputError(fmt::format("{}: tensor {} has shape {}, but config.json implies {}",
                                   path().string(), wanted.name, to_string(tensor.shape()),
                                   to_string(wanted.shape)));
    }
    if (is_quantised(tensor.dtype()) && is_kept_plain(wanted)) {
      throw InputError(fmt::format("{}: tensor {} is {}; owl3 wants it in a plain type",
                                   path().string(), wanted.name, name_of(tensor.dtype())));
    }
    known.insert(found->first);
    count_of(counts_, wanted.part) += tensor.size();
    weight_bytes_ += tensor.size_bytes();
  }
  for (const auto& [name, tensor] : tensors_) {
    if (known.count(name) != 0) continue;
    if (is_unused_tensor(config_, name)) {
      counts_.unused += tensor.size();
    } else {
      unknown_.push_back(name);
    }
  }
  for (const auto& [name, tensor] : foreign) {
    if (!is_unused_tensor(config_, name)) unknown_.push_back(name);
  }
  std::sort(unknown_.begin(), unknown_.end());
}

const Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw InputError(fmt::format("{}: the weights lack tensor {}", path().string(), name));
  }
  return found->second;
}

}  // namespace owl3
