#include "eval/evidence_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/make_backend.h"
#include "eval/golden_files.h"
#include "formats/json_reader.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kFloat32Tolerance = 1e-4;
constexpr double kBFloat16Tolerance = 0.02;
constexpr double kMostGate = 1e30;  // finite: any other than ours is a difference
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

/// A prompt of the model's folder, and what the golden data say of it.
struct Prompt {
  struct Layer {
    int64_t number = 0;         // of the decoder layer
    size_t index = 0;           // of the hyper layers
    Tensor by_image;            // [H, T, N]
    Tensor by_key;              // [H, N, L] of the last row, or undefined
    std::vector<double> gates;  // [H], or empty
  };
  std::string name;
  std::vector<int32_t> ids;
  std::vector<int64_t> images;  // their tokens
  std::vector<Layer> layers;

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
};

/// The largest difference so far, and where it is.
class Difference {
 public:
  /// `where` is asked for the largest only.
  template <typename Where>
  void add(double ours, double theirs, const Where& where) {
    double difference = std::fabs(ours - theirs);
    // NaN compares false with everything: it is the worst.
    if (std::isnan(difference)) difference = std::numeric_limits<double>::infinity();
    if (difference < largest_ || (difference == largest_ && !where_.empty())) return;
    largest_ = difference;
    where_ = fmt::format("{}: {:.6f}, in the golden data {:.6f}", where(), ours, theirs);
  }
  double largest() const { return largest_; }
  const std::string& where() const { return where_; }

 private:
  double largest_ = 0;
  std::string where_;
};

struct LayerDifferences {
  Difference by_image, by_key, gate;
};

/// Where the prompts and pictures of golden evidence are: the folder of the model it was made with.
fs::path golden_folder(const fs::path& folder, const JsonReader& evidence,
                       const fs::path& other_model) {
  std::error_code error;
  if (fs::exists(other_model / "golden.json", error)) return other_model;
  const auto named = evidence.optional_string("model");
  if (!named || named->empty()) {
    throw InputError(fmt::format(
        "{}: names no model, whose golden.json has the prompts: give its folder with --model",
        (folder / "evidence.json").string()));
  }
  const fs::path found = folder / *named;
  if (!fs::exists(found / "golden.json", error)) {
    throw InputError(fmt::format(
        "{}: its model {} has no golden.json, which has the prompts: give its folder with --model",
        (folder / "evidence.json").string(), found.lexically_normal().string()));
  }
  return found;
}

class EvidenceRun {
 public:
  EvidenceRun(const fs::path& folder, const EvidenceCheckOptions& options,
              std::unique_ptr<Backend> backend)
      : folder_(folder),
        name_((folder / "evidence.json").string()),
        json_(load_json_object(folder / "evidence.json")),
        evidence_(json_, name_),
        golden_folder_(golden_folder(folder, evidence_, options.model)),
        golden_json_(load_json_object(golden_folder_ / "golden.json")),
        golden_(golden_json_, (golden_folder_ / "golden.json").string()),
        splits_(options.splits),
        model_(Checkpoint::open(options.model.empty() ? golden_folder_ : options.model),
               std::move(backend), options.model_options) {
    check_variant();
    read_prompts();
    encode_images();
  }

  std::vector<EvidenceCheck> run(double tolerance) {
    differences_.resize(prompts_.size());
    for (size_t p = 0; p < prompts_.size(); ++p) {
      differences_[p].resize(prompts_[p].layers.size());
      compare_gates(p);
      read(p, {prompts_[p].tokens()}, "read whole");
      if (splits_) read_in_pieces(p);
    }
    if (splits_) read_in_company();
    std::vector<EvidenceCheck> results;
    for (size_t p = 0; p < prompts_.size(); ++p) {
      for (size_t l = 0; l < prompts_[p].layers.size(); ++l) {
        results.push_back(result_of(p, l, tolerance));
      }
    }
    return results;
  }

 private:
  void check_variant() const {
    const auto variant = evidence_.optional_string("variant");
    if (!variant) evidence_.fail("variant", "is missing: gated or unified");
    const std::string_view ours = name_of(model_.checkpoint().variant());
    if (*variant == ours) return;
    if (*variant != "gated" && *variant != "unified") {
      evidence_.fail("variant", fmt::format("is \"{}\", neither gated nor unified", *variant));
    }
    evidence_.fail("variant", fmt::format("is {}, but the model is {}", *variant, ours));
  }

  void read_prompts() {
    const JsonReader prompts = evidence_.object("prompts");
    const JsonReader known = golden_.object("prompts");
    for (const std::string& name : prompts.keys()) {
      if (name.find('/') != name.npos) prompts.fail(name.c_str(), "is no name of files");
      if (!known.has(name.c_str())) {
        prompts.fail(name.c_str(),
                     fmt::format("is no prompt of {}", (golden_folder_ / "golden.json").string()));
      }
      prompts_.push_back(read_prompt(name, known.object(name.c_str()),
                                     prompts.object(name.c_str()).object("layers")));
    }
    if (prompts_.empty()) evidence_.fail("prompts", "has none");
  }

  Prompt read_prompt(const std::string& name, const JsonReader& golden, const JsonReader& layers) {
    Prompt prompt;
    prompt.name = name;
    const auto ids = golden.optional_integers("input_ids", 0, model_.config().vocab_size - 1);
    if (!ids || ids->empty()) golden.fail("input_ids", "has none");
    prompt.ids.assign(ids->begin(), ids->end());
    prompt.images = golden.optional_integers("media_positions", 0, prompt.tokens() - 1)
                        .value_or(std::vector<int64_t>());
    const auto unordered =
        std::adjacent_find(prompt.images.begin(), prompt.images.end(), std::greater_equal<>());
    if (unordered != prompt.images.end()) golden.fail("media_positions", "must ascend");
    for (const std::string& layer : layers.keys()) {
      prompt.layers.push_back(read_layer(prompt, layer, layers.object(layer.c_str()), layers));
    }
    if (prompt.layers.empty()) layers.fail("layers", "has none");
    std::sort(prompt.layers.begin(), prompt.layers.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return prompt;
  }

  Prompt::Layer read_layer(const Prompt& prompt, const std::string& number,
                           const JsonReader& golden, const JsonReader& layers) {
    Prompt::Layer layer;
    const std::vector<int64_t> hyper_layers = model_.decoder().hyper_layers();
    const auto found =
        std::find_if(hyper_layers.begin(), hyper_layers.end(),
                     [&](int64_t hyper_layer) { return std::to_string(hyper_layer) == number; });
    if (found == hyper_layers.end()) {
      layers.fail(number.c_str(), fmt::format("is no hyper layer of the model; those are {}",
                                              fmt::join(hyper_layers, ", ")));
    }
    layer.number = *found;
    layer.index = static_cast<size_t>(found - hyper_layers.begin());
    const int64_t heads = model_.config().num_attention_heads;
    const auto images = static_cast<int64_t>(prompt.images.size());
    const std::string files = fmt::format("{}.layer{}", prompt.name, number);
    layer.by_image =
        load(golden, "by_image", {heads, prompt.tokens(), images}, files + ".by_image.f32");
    if (golden.has("by_key_last_row")) {
      layer.by_key =
          load(golden, "by_key_last_row",
               {heads, images, model_.config().vision.tokens_per_image()}, files + ".by_key.f32");
    }
    layer.gates = read_gates(golden);
    return layer;
  }

  Tensor load(const JsonReader& golden, const char* key, const Shape& shape,
              const std::string& file) const {
    const auto given = golden.optional_integers(key, 0, kMost);
    if (!given) golden.fail(key, "is missing");
    if (*given != shape) {
      golden.fail(key, fmt::format("is {}, but of this model and prompt it would be {}",
                                   to_string(*given), to_string(shape)));
    }
    std::error_code error;
    const bool nothing = std::find(shape.begin(), shape.end(), 0) != shape.end();
    if (nothing && !fs::exists(folder_ / file, error)) return make_tensor(DType::kF32, shape);
    return load_floats(folder_ / file, shape);
  }

  std::vector<double> read_gates(const JsonReader& golden) const {
    constexpr const char* kKey = "gate_mean_by_head";
    if (!golden.has(kKey)) return {};
    if (model_.checkpoint().variant() == Variant::kUnified) {
      golden.fail(kKey, "is there, but a unified model has no gate");
    }
    const auto gates = golden.optional_numbers(kKey, -kMostGate, kMostGate);
    const int64_t heads = model_.config().num_attention_heads;
    if (static_cast<int64_t>(gates->size()) != heads) {
      golden.fail(kKey, fmt::format("has {} numbers for {} heads", gates->size(), heads));
    }
    return *gates;
  }

  /// As many as the prompts show.
  void encode_images() {
    size_t wanted = 0;
    for (const Prompt& prompt : prompts_) wanted = std::max(wanted, prompt.images.size());
    const Shape shape = golden_.optional_integers("pixel_values", 1, kMost).value_or(Shape());
    const int64_t size = model_.config().vision.image_size;
    if (shape.size() != 4 || shape[1] != 3 || shape[2] != size || shape[3] != size) {
      golden_.fail("pixel_values", fmt::format("is {}, but the model sees [images, 3, {}, {}]",
                                               to_string(shape), size, size));
    }
    if (shape[0] < static_cast<int64_t>(wanted)) {
      golden_.fail("pixel_values",
                   fmt::format("are {} images, but a prompt shows {}", shape[0], wanted));
    }
    if (wanted == 0) return;
    const Tensor pixels = load_floats(golden_folder_ / "pixel_values.f32", shape);
    const int64_t batch = model_.images_per_batch();
    const auto end = static_cast<int64_t>(wanted);
    for (int64_t first = 0; first < end; first += batch) {
      const auto some = model_.remember_images(pixels.rows(first, std::min(end, first + batch)));
      images_.insert(images_.end(), some.begin(), some.end());
    }
  }

  Sequence new_sequence(const Prompt& prompt) {
    Sequence sequence = model_.decoder().new_sequence();
    for (size_t i = 0; i < prompt.images.size(); ++i) {
      sequence.images.push_back({prompt.images[i], images_[i]});
    }
    sequence.log.emplace();
    return sequence;
  }

  void compare_gates(size_t p) {
    for (size_t l = 0; l < prompts_[p].layers.size(); ++l) {
      const Prompt::Layer& layer = prompts_[p].layers[l];
      const std::vector<float>& ours = model_.decoder().gate_means()[layer.index];
      for (size_t head = 0; head < layer.gates.size(); ++head) {
        differences_[p][l].gate.add(double{ours[head]}, layer.gates[head],
                                    [&] { return fmt::format("gate of head {}", head); });
      }
    }
  }

  /// Reads a prompt in chunks and compares.
  void read(size_t p, const std::vector<int64_t>& chunks, const std::string& how) {
    Sequence sequence = new_sequence(prompts_[p]);
    const std::span<const int32_t> ids = prompts_[p].ids;
    int64_t first = 0;
    for (const int64_t chunk : chunks) {
      model_.decoder().forward(sequence,
                               ids.subspan(static_cast<size_t>(first), static_cast<size_t>(chunk)));
      first += chunk;
    }
    compare(p, sequence, how);
  }

  void read_in_pieces(size_t p) {
    const int64_t tokens = prompts_[p].tokens();
    read(p, std::vector<int64_t>(static_cast<size_t>(tokens), 1), "token by token");
    for (int64_t at = 1; at < tokens; ++at) {
      read(p, {at, tokens - at}, fmt::format("cut behind token {}", at - 1));
    }
  }

  /// All prompts end in the same steps, a token each: as conversations that are answered at once.
  void read_in_company() {
    constexpr int64_t kSteps = 4;
    std::vector<Sequence> sequences;
    for (const Prompt& prompt : prompts_) {
      sequences.push_back(new_sequence(prompt));
      const int64_t alone = std::max<int64_t>(0, prompt.tokens() - kSteps);
      if (alone == 0) continue;
      model_.decoder().forward(sequences.back(),
                               std::span(prompt.ids).first(static_cast<size_t>(alone)));
    }
    for (;;) {
      std::vector<SequenceRows> step;
      for (size_t p = 0; p < prompts_.size(); ++p) {
        const auto next = static_cast<size_t>(sequences[p].cache.length());
        if (next == prompts_[p].ids.size()) continue;
        step.push_back({sequences[p], std::span(prompts_[p].ids).subspan(next, 1)});
      }
      if (step.empty()) break;
      model_.decoder().forward(step);
    }
    for (size_t p = 0; p < prompts_.size(); ++p) compare(p, sequences[p], "in company");
  }

  void compare(size_t p, const Sequence& sequence, const std::string& how) {
    const Prompt& prompt = prompts_[p];
    const VisualReadings& readings = sequence.log->readings;
    OWL3_CHECK(static_cast<int64_t>(readings.size()) == prompt.tokens());
    const auto images = static_cast<int64_t>(prompt.images.size());
    for (size_t l = 0; l < prompt.layers.size(); ++l) {
      const Prompt::Layer& layer = prompt.layers[l];
      const float* golden = layer.by_image.f32();
      for (int64_t head = 0; head < layer.by_image.dim(0); ++head) {
        for (int64_t t = 0; t < prompt.tokens(); ++t) {
          for (int64_t image = 0; image < images; ++image) {
            const float ours = readings[static_cast<size_t>(t)]->weight(layer.index, head, image);
            differences_[p][l].by_image.add(double{ours}, double{*golden++}, [&] {
              return fmt::format("{}, head {}, token {}, image {}", how, head, t, image);
            });
          }
        }
      }
      if (layer.by_key.defined()) compare_keys(p, l, sequence, how);
    }
  }

  void compare_keys(size_t p, size_t l, const Sequence& sequence, const std::string& how) {
    const Prompt::Layer& layer = prompts_[p].layers[l];
    const VisualReadings& readings = sequence.log->readings;
    const int64_t heads = layer.by_key.dim(0);
    const int64_t images = layer.by_key.dim(1);
    const int64_t keys = layer.by_key.dim(2);
    for (int64_t image = 0; image < images; ++image) {
      std::vector<float> ours(static_cast<size_t>(heads * keys));  // of one not seen, zeros
      if (image < readings.back()->images) {
        ours = model_.decoder().key_weights(sequence, static_cast<size_t>(image), layer.index,
                                            std::span(readings).last(1));
      }
      for (int64_t head = 0; head < heads; ++head) {
        const float* golden = layer.by_key.f32() + (head * images + image) * keys;
        for (int64_t key = 0; key < keys; ++key) {
          differences_[p][l].by_key.add(
              double{ours[static_cast<size_t>(head * keys + key)]}, double{golden[key]}, [&] {
                return fmt::format("{}, head {}, last token, image {}, key {}", how, head, image,
                                   key);
              });
        }
      }
    }
  }

  EvidenceCheck result_of(size_t p, size_t l, double tolerance) const {
    const Prompt::Layer& layer = prompts_[p].layers[l];
    const LayerDifferences& found = differences_[p][l];
    EvidenceCheck result;
    result.prompt = prompts_[p].name;
    result.layer = layer.number;
    result.by_image = found.by_image.largest();
    if (layer.by_key.defined()) result.by_key = found.by_key.largest();
    if (!layer.gates.empty()) result.gate = found.gate.largest();
    const Difference* worst = &found.by_image;
    for (const Difference* other : {&found.by_key, &found.gate}) {
      if (other->largest() > worst->largest()) worst = other;
    }
    result.worst = worst->where();
    result.passed = worst->largest() <= tolerance;
    return result;
  }

  fs::path folder_;
  std::string name_;
  json json_;
  JsonReader evidence_;
  fs::path golden_folder_;
  json golden_json_;
  JsonReader golden_;
  bool splits_;
  Owl3Model model_;
  std::vector<Prompt> prompts_;
  std::vector<std::vector<LayerDifferences>> differences_;  // by prompt and layer
  std::vector<ImageMemoryPtr> images_;
};

}  // namespace

bool EvidenceReport::passed() const {
  return std::all_of(results.begin(), results.end(),
                     [](const EvidenceCheck& result) { return result.passed; });
}

EvidenceReport check_evidence(const fs::path& folder, const EvidenceCheckOptions& options) {
  return check_evidence(folder, options, make_backend(options.model_options));
}

EvidenceReport check_evidence(const fs::path& folder, const EvidenceCheckOptions& options,
                              std::unique_ptr<Backend> backend) {
  const bool exact = options.model_options.precision == Precision::kFloat32;
  EvidenceReport report;
  report.precision = options.model_options.precision;
  report.tolerance = options.tolerance.value_or(exact ? kFloat32Tolerance : kBFloat16Tolerance);
  report.results = EvidenceRun(folder, options, std::move(backend)).run(report.tolerance);
  return report;
}

}  // namespace owl3
