#include "api/evidence.h"

#include <algorithm>
#include <numeric>

#include "api/attention_share.h"
#include "text/stream.h"

namespace owl3 {

namespace {

std::vector<ImageEvidence> images_of(const std::vector<Medium>& media) {
  std::vector<ImageEvidence> images;
  for (size_t medium = 0; medium < media.size(); ++medium) {
    for (int64_t image = 0; image < media[medium].images(); ++image) {
      images.push_back({medium, image});
    }
  }
  return images;
}

/// A text for every token: what is complete with it.
std::vector<std::string> texts_of(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::vector<std::string> texts;
  Utf8Stream stream;
  for (const int32_t id : ids) {
    texts.push_back(tokenizer.is_special(id) ? std::string() : stream.push(tokenizer.bytes_of(id)));
  }
  if (!texts.empty()) texts.back() += stream.finish();
  return texts;
}

AttentionWeights weights_of(const std::vector<int64_t>& layers,
                            const std::vector<std::vector<float>>& gates, int64_t images,
                            std::span<const std::shared_ptr<const VisualReading>> readings) {
  AttentionWeights weights;
  weights.layers = layers;
  weights.heads = static_cast<int64_t>(gates.front().size());
  weights.images = images;
  for (const std::vector<float>& layer : gates) {
    weights.gates.insert(weights.gates.end(), layer.begin(), layer.end());
  }
  for (const auto& reading : readings) {
    for (size_t layer = 0; layer < layers.size(); ++layer) {
      for (int64_t head = 0; head < weights.heads; ++head) {
        for (int64_t image = 0; image < images; ++image) {
          weights.weights.push_back(reading->weight(layer, head, image));
        }
      }
    }
  }
  return weights;
}

/// The mean over hyper layers and heads, let through by the gates, of an image's keys' weights.
std::vector<float> heat_map(Decoder& decoder, const Sequence& sequence, size_t image,
                            std::span<const std::shared_ptr<const VisualReading>> readings) {
  const std::vector<std::vector<float>>& gates = decoder.gate_means();
  std::vector<float> map;
  for (size_t layer = 0; layer < gates.size(); ++layer) {
    const std::vector<float> weights = decoder.key_weights(sequence, image, layer, readings);
    const size_t keys = weights.size() / gates[layer].size();
    map.resize(keys);
    for (size_t i = 0; i < weights.size(); ++i) {
      map[i % keys] += weights[i] * gates[layer][i / keys];
    }
  }
  const auto parts = static_cast<float>(gates.size() * gates.front().size());
  for (float& value : map) value /= parts;
  return map;
}

}  // namespace

Evidence evidence_of(Internals::LoadedModel& model, const Sequence& sequence,
                     const std::vector<Medium>& media, const std::vector<int32_t>& answer_ids,
                     const EvidenceOptions& options) {
  // Searching for a beam may have read more than the answer has, and its last token is never read.
  const VisualReadings& all = sequence.log->readings;
  const auto readings = std::span(all).first(std::min(all.size(), answer_ids.size()));
  Decoder& decoder = model.model.decoder();
  Evidence evidence;
  evidence.media = media;
  evidence.images = images_of(media);
  const size_t images = evidence.images.size();
  evidence.weights = weights_of(decoder.hyper_layers(), decoder.gate_means(),
                                static_cast<int64_t>(images), readings);
  const std::vector<std::string> texts = texts_of(model.tokenizer, answer_ids);
  std::vector<double> strengths(images);
  for (size_t t = 0; t < readings.size(); ++t) {
    const std::vector<double> of_token = attention_strength(evidence.weights, t);
    const std::vector<double> shares = shares_of(of_token);
    evidence.tokens.push_back(
        {texts[t], {shares.begin(), shares.end()}, mean_attention(evidence.weights, t)});
    for (size_t i = 0; i < images; ++i) {
      strengths[i] += of_token[i];
      evidence.images[i].attention += double{evidence.tokens.back().attention[i]};
    }
  }
  const std::vector<double> shares = shares_of(strengths);
  for (size_t i = 0; i < images; ++i) {
    evidence.images[i].share = shares[i];
    evidence.images[i].attention /= static_cast<double>(std::max<size_t>(1, readings.size()));
  }
  evidence.leading.resize(images);
  std::iota(evidence.leading.begin(), evidence.leading.end(), size_t{0});
  std::stable_sort(evidence.leading.begin(), evidence.leading.end(), [&](size_t a, size_t b) {
    return evidence.images[a].share > evidence.images[b].share;
  });
  evidence.grid_rows = evidence.grid_cols = model.model.config().vision.patches_per_side();
  if (readings.empty()) return evidence;
  const auto maps = std::min(images, static_cast<size_t>(std::max<int64_t>(0, options.heat_maps)));
  if (maps == 0) return evidence;
  model.scheduler->compute([&] {
    for (size_t rank = 0; rank < maps; ++rank) {
      const size_t image = evidence.leading[rank];
      evidence.images[image].heat_map = heat_map(decoder, sequence, image, readings);
    }
  });
  return evidence;
}

}  // namespace owl3
