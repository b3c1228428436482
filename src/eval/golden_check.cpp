#include "eval/golden_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "backend/make_backend.h"
#include "eval/golden_files.h"

namespace owl3 {

namespace {

using nlohmann::json;

constexpr double kUnheld = std::numeric_limits<double>::infinity();
constexpr double kAnyTop1 = 0;
/// Whatever the weights: how a prompt is cut changes rounding only.
constexpr double kMinSplitCosine = 0.995;

double max_difference(const Tensor& a, const Tensor& b) {
  OWL3_CHECK(a.size() == b.size());
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(double{a.f32()[i]} - double{b.f32()[i]});
    // NaN compares false with everything: count it as the worst
    largest = difference <= largest ? largest : difference;
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
  }
  return largest;
}

double min_row_cosine(const Tensor& a, const Tensor& b) {
  const int64_t width = a.dim(a.shape().size() - 1);
  double smallest = 1;
  for (int64_t row = 0; row < a.size() / width; ++row) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = row * width; i < (row + 1) * width; ++i) {
      ab += double{a.f32()[i]} * double{b.f32()[i]};
      aa += double{a.f32()[i]} * double{a.f32()[i]};
      bb += double{b.f32()[i]} * double{b.f32()[i]};
    }
    const double cosine = ab / std::sqrt(aa * bb);
    if (std::isnan(cosine)) return -1;
    smallest = std::min(smallest, cosine);
  }
  return smallest;
}

int64_t likeliest(const Tensor& row) {
  return std::max_element(row.f32(), row.f32() + row.size()) - row.f32();
}

class GoldenRun {
 public:
  GoldenRun(const std::filesystem::path& folder, const GoldenOptions& options,
            std::unique_ptr<Backend> backend)
      : folder_(folder),
        golden_(load_json_object(folder / "golden.json")),
        splits_(options.splits),
        model_(Checkpoint::open(options.model.empty() ? folder : options.model), std::move(backend),
               options.model_options),
        tolerance_(GoldenTolerance::of(options.model_options, smallest_type(model_.checkpoint()))) {
    if (options.min_cosine || options.min_top1) {
      tolerance_ = {kUnheld, options.min_cosine.value_or(tolerance_.min_cosine), 0,
                    options.min_top1.value_or(std::min(tolerance_.min_top1, kAnyTop1))};
    }
  }

  const GoldenTolerance& tolerance() const { return tolerance_; }

  std::vector<GoldenResult> run() {
    std::vector<GoldenResult> results = check_images();
    for (const auto& [name, prompt] : golden_.at("prompts").items()) {
      results.push_back(check_prompt(name, prompt));
    }
    return results;
  }

 private:
  // Encodes all images batch by batch, and compares features and embeddings of the first ones.
  std::vector<GoldenResult> check_images() {
    const Shape shape = golden_.at("pixel_values").get<Shape>();
    const Tensor pixels = load_floats(folder_ / "pixel_values.f32", shape);
    const int64_t batch = model_.images_per_batch();
    for (int64_t first = 0; first < shape.at(0); first += batch) {
      const Tensor some = pixels.rows(first, std::min(shape[0], first + batch));
      const auto memories = model_.remember_images(some);
      images_.insert(images_.end(), memories.begin(), memories.end());
    }
    const Shape features_shape = golden_.at("vision_features").get<Shape>();
    const Tensor features = model_.vision_features(pixels.rows(0, features_shape.at(0)));
    const Tensor embeddings = model_.visual_embeddings(features);
    return {
        compare("vision_features", model_.backend().download(features),
                load_floats(folder_ / "vision_features.f32", features_shape)),
        compare("image_embeds", model_.backend().download(embeddings),
                load_floats(folder_ / "image_embeds.f32", golden_.at("image_embeds").get<Shape>())),
    };
  }

  GoldenResult compare(const std::string& name, const Tensor& ours, const Tensor& theirs) const {
    if (ours.size() != theirs.size()) {
      throw InputError(fmt::format("{}: {} of shape {} does not fit the model's {}",
                                   folder_.string(), name, to_string(theirs.shape()),
                                   to_string(ours.shape())));
    }
    GoldenResult result;
    result.name = name;
    result.max_difference = max_difference(ours, theirs);
    result.min_cosine = min_row_cosine(ours.reshaped(theirs.shape()), theirs);
    result.passed = result.max_difference <= tolerance_.max_difference &&
                    result.min_cosine >= tolerance_.min_cosine;
    return result;
  }

  Sequence place_images(const json& prompt) {
    Sequence sequence = model_.decoder().new_sequence();
    for (const int64_t position : prompt.at("media_positions")) {
      const size_t next = sequence.images.size();
      if (next >= images_.size()) {
        throw InputError(fmt::format("{}: more media positions than images", folder_.string()));
      }
      sequence.images.push_back({position, images_[next]});
    }
    return sequence;
  }

  /// The last rows of the logits when the prompt is read in the given chunks.
  Tensor logits_of(Sequence& sequence, std::span<const int32_t> ids,
                   const std::vector<int64_t>& chunks, int64_t rows,
                   const LayerObserver& observer = {}) {
    Tensor hidden = model_.backend().allocate(
        DType::kF32, {static_cast<int64_t>(ids.size()), model_.config().hidden_size});
    int64_t first = 0;
    for (const int64_t chunk : chunks) {
      const Tensor part = model_.decoder().forward(
          sequence, ids.subspan(static_cast<size_t>(first), static_cast<size_t>(chunk)), {},
          observer);
      model_.backend().copy_rows(hidden, first, part);
      first += chunk;
    }
    return model_.decoder().logits(hidden.rows(first - rows, first));
  }

  GoldenResult check_prompt(const std::string& name, const json& prompt) {
    const auto ids = prompt.at("input_ids").get<std::vector<int32_t>>();
    const Shape shape = prompt.at("logits").get<Shape>();
    const auto tokens = static_cast<int64_t>(ids.size());
    check_ids(name, ids);

    double hidden_difference = 0;
    const json expected_hidden = prompt.value("hidden", json::object());
    const auto observer = [&](int64_t layer, const Tensor& hidden) {
      const auto expected = expected_hidden.find(std::to_string(layer));
      if (expected == expected_hidden.end()) return;
      const auto path = folder_ / fmt::format("{}.hidden{}.f32", name, layer);
      hidden_difference =
          std::max(hidden_difference, max_difference(model_.backend().download(hidden),
                                                     load_floats(path, expected->get<Shape>())));
    };
    Sequence sequence = place_images(prompt);
    const Tensor logits = logits_of(sequence, ids, {tokens}, shape.at(0), observer);
    const Tensor expected = load_floats(folder_ / (name + ".logits.f32"), shape);
    GoldenResult result = compare(name, logits, expected);
    result.max_difference = std::max(result.max_difference, hidden_difference);
    result.passed = result.passed && hidden_difference <= tolerance_.max_difference;
    compare_likeliest(result, logits, expected);
    follow_greedy(result, sequence, prompt.at("greedy").get<std::vector<int32_t>>(), logits);
    if (splits_) try_splits(result, prompt, ids, logits);
    return result;
  }

  void check_ids(const std::string& name, const std::vector<int32_t>& ids) const {
    for (const int32_t id : ids) {
      if (id >= 0 && id < model_.config().vocab_size) continue;
      throw InputError(fmt::format("{}: prompt {} has the token id {}, outside the vocabulary",
                                   folder_.string(), name, id));
    }
  }

  // All rows but the last, which the greedy continuation begins with.
  static void compare_likeliest(GoldenResult& result, const Tensor& ours, const Tensor& theirs) {
    for (int64_t row = 0; row + 1 < ours.dim(0); ++row) {
      ++result.top1_tokens;
      if (likeliest(ours.rows(row, row + 1)) == likeliest(theirs.rows(row, row + 1))) {
        ++result.top1_matches;
      }
    }
  }

  // Feeds the golden continuation and compares each next token with ours.
  void follow_greedy(GoldenResult& result, Sequence& sequence, const std::vector<int32_t>& greedy,
                     const Tensor& prompt_logits) {
    Tensor row = prompt_logits.rows(prompt_logits.dim(0) - 1, prompt_logits.dim(0));
    for (const int32_t id : greedy) {
      check_ids(result.name, {id});
      const float* values = row.f32();
      const float best = *std::max_element(values, values + row.size());
      ++result.greedy_tokens;
      ++result.top1_tokens;
      if (best - values[id] <= tolerance_.margin) ++result.greedy_matches;
      if (best <= values[id]) ++result.top1_matches;
      const SequenceRows rows = {sequence, {&id, 1}};
      row = model_.decoder().next_logits({&rows, 1});
    }
    const bool each_must_match = tolerance_.min_top1 >= 1;
    result.passed =
        result.passed && (!each_must_match || result.greedy_matches == result.greedy_tokens);
  }

  // However the prefill is cut, the logits must stay.
  void try_splits(GoldenResult& result, const json& prompt, const std::vector<int32_t>& ids,
                  const Tensor& whole) {
    const auto tokens = static_cast<int64_t>(ids.size());
    std::vector<std::vector<int64_t>> cuts = {std::vector<int64_t>(ids.size(), 1)};
    for (int64_t at = 1; at < tokens; ++at) cuts.push_back({at, tokens - at});
    for (const std::vector<int64_t>& cut : cuts) {
      Sequence sequence = place_images(prompt);
      const Tensor logits = logits_of(sequence, ids, cut, whole.dim(0));
      result.split_difference = std::max(result.split_difference, max_difference(logits, whole));
      result.passed =
          result.passed && result.split_difference <= tolerance_.max_difference &&
          min_row_cosine(logits, whole) >= std::max(tolerance_.min_cosine, kMinSplitCosine);
    }
  }

  std::filesystem::path folder_;
  json golden_;
  bool splits_;
  Owl3Model model_;
  GoldenTolerance tolerance_;
  std::vector<ImageMemoryPtr> images_;
};

}  // namespace

DType smallest_type(const Checkpoint& checkpoint) {
  const auto bits = [](DType type) {
    return static_cast<double>(block_bytes(type)) / static_cast<double>(block_values(type));
  };
  DType smallest = DType::kF32;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (bits(tensor.dtype()) < bits(smallest)) smallest = tensor.dtype();
  }
  return smallest;
}

GoldenTolerance GoldenTolerance::of(const ModelOptions& options, DType weights) {
  switch (weights) {
    // Measured (docs/checkpoints.md), with a little slack. Random weights are the hardest case:
    // nothing in them is redundant.
    case DType::kQ8_0:
      return {kUnheld, 0.995, 0, 0.86};
    case DType::kQ6_K:
      return {kUnheld, 0.98, 0, 0.68};
    case DType::kQ4_K:
      return {kUnheld, 0.79, 0, 0.40};
    case DType::kQ4_0:
      return {kUnheld, 0.77, 0, 0.40};
    default:
      break;
  }
  if (options.vision_int8 || options.visual_memory_int8) return {kUnheld, 0.995, 0, 0.9};
  if (options.precision == Precision::kFloat32) return {2e-3, 0.999, 0, 1};
  return {kUnheld, 0.999, 0.15, 1};
}

double GoldenReport::top1() const {
  int tokens = 0;
  int matches = 0;
  for (const GoldenResult& result : results) {
    tokens += result.top1_tokens;
    matches += result.top1_matches;
  }
  return tokens == 0 ? 1 : static_cast<double>(matches) / tokens;
}

double GoldenReport::min_cosine() const {
  double smallest = 1;
  for (const GoldenResult& result : results) smallest = std::min(smallest, result.min_cosine);
  return smallest;
}

bool GoldenReport::passed() const {
  const bool enough = tolerance.min_top1 >= 1 || top1() >= tolerance.min_top1;
  return enough && std::all_of(results.begin(), results.end(),
                               [](const GoldenResult& result) { return result.passed; });
}

GoldenReport check_golden(const std::filesystem::path& folder, const GoldenOptions& options) {
  return check_golden(folder, options, make_backend(options.model_options));
}

GoldenReport check_golden(const std::filesystem::path& folder, const GoldenOptions& options,
                          std::unique_ptr<Backend> backend) {
  try {
    GoldenRun run(folder, options, std::move(backend));
    return {options.model_options.precision, run.tolerance(), run.run()};
  } catch (const json::exception& e) {
    throw InputError(
        fmt::format("{}: golden.json is not as described: {}", folder.string(), e.what()));
  }
}

}  // namespace owl3
