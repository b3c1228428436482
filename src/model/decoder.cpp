#include "model/decoder.h"

#include <algorithm>
#include <numeric>

namespace owl3 {

namespace {

constexpr std::string_view kEmbedding = "language_model.model.embed_tokens";
constexpr std::string_view kLayers = "language_model.model.layers";
constexpr std::string_view kHead = "language_model.lm_head";

std::vector<float> mean_gates(Backend& backend, const DecoderLayerWeights& layer,
                              const ModelConfig& config) {
  std::vector<float> means(static_cast<size_t>(config.num_attention_heads), 1.0f);
  if (!layer.gate.defined()) return means;
  const Tensor gates = backend.download(layer.gate);
  const int64_t d = config.head_size();
  for (int64_t head = 0; head < config.num_attention_heads; ++head) {
    const float* gate = gates.f32() + head * d;
    means[static_cast<size_t>(head)] =
        std::accumulate(gate, gate + d, 0.0f) / static_cast<float>(d);
  }
  return means;
}

}  // namespace

size_t ImageMemory::bytes() const {
  size_t total = 0;
  for (const KeyValueBlock& block : layers) {
    total += block.bytes();
  }
  return total;
}

Decoder::Decoder(Backend& backend, const ModelConfig& config, Variant variant,
                 const DecoderWeights& weights, FiniteCheck& check_finite, DType cache_dtype,
                 DType visual_dtype)
    : backend_(backend),
      config_(config),
      variant_(variant),
      weights_(weights),
      check_finite_(check_finite),
      cache_dtype_(cache_dtype),
      visual_dtype_(visual_dtype) {
  int64_t next = 0;
  for (const DecoderLayerWeights& layer : weights.layers) {
    hyper_index_.push_back(layer.is_hyper_layer() ? next++ : -1);
    if (layer.is_hyper_layer()) gate_means_.push_back(mean_gates(backend, layer, config));
  }
}

Sequence Decoder::new_sequence(int64_t page_tokens) const {
  return {TextCache(config_.num_hidden_layers, config_.num_key_value_heads, config_.head_size(),
                    cache_dtype_, page_tokens),
          {}};
}

std::vector<ImageMemoryPtr> Decoder::remember(const Tensor& embeddings, int64_t tokens_per_image,
                                              const KeepGoing& keep_going) const {
  const int64_t images = embeddings.dim(0) / tokens_per_image;
  std::vector<std::shared_ptr<ImageMemory>> memories;
  for (int64_t i = 0; i < images; ++i) memories.push_back(std::make_shared<ImageMemory>());
  for (size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    const DecoderLayerWeights& w = weights_.layers[layer];
    if (!w.is_hyper_layer()) continue;
    check_interrupt(keep_going);
    // u = input_layernorm(visual embeddings)   [n*L, D]
    const Tensor u = backend_.rms_norm(embeddings, w.input_layernorm, config_.rms_norm_eps);
    // k_vis, v_vis = v_kv_proj(u)   [n*L, Hkv, 2, d]
    const Tensor kv = linear(backend_, u, w.v_kv_proj);
    check_finite_(kv, kLayers, static_cast<int64_t>(layer));
    for (int64_t i = 0; i < images; ++i) {
      const Tensor of_image = kv.rows(i * tokens_per_image, (i + 1) * tokens_per_image);
      memories[static_cast<size_t>(i)]->layers.push_back(
          backend_.split_keys_values(of_image, config_.num_key_value_heads, visual_dtype_));
    }
  }
  return {memories.begin(), memories.end()};
}

/// Rows that go through the layers together: of several sequences where they are few, of one where
/// they are many, since the bits of a product with many rows depend on how many they are.
struct Decoder::Pass {
  std::span<const SequenceRows> sequences;
  std::vector<int64_t> first_rows;       // by sequence, and the end of the last
  std::vector<int64_t> first_positions;  // by sequence
  std::vector<int32_t> ids;              // [T]
  std::vector<int32_t> positions;        // [T]
  Tensor rope;
  /// By sequence: of the rows that are to be kept in its log.
  std::vector<std::vector<std::shared_ptr<VisualReading>>> readings;

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  Tensor rows_of(const Tensor& x, size_t sequence) const {
    return x.rows(first_rows[sequence], first_rows[sequence + 1]);
  }
  /// Behind the last row of a sequence.
  int64_t end_position(size_t sequence) const {
    return first_positions[sequence] + first_rows[sequence + 1] - first_rows[sequence];
  }
  void begin_readings();
  void log_readings() noexcept;
};

void Decoder::Pass::begin_readings() {
  readings.resize(sequences.size());
  for (size_t s = 0; s < sequences.size(); ++s) {
    std::optional<ReadingLog>& log = sequences[s].sequence.log;
    if (!log) continue;
    for (int64_t t = std::max(log->first_position, first_positions[s]); t < end_position(s); ++t) {
      readings[s].push_back(std::make_shared<VisualReading>());
      readings[s].back()->position = t;
    }
    // Room for log_readings(), which may not fail.
    const size_t wanted = log->readings.size() + readings[s].size();
    if (wanted > log->readings.capacity()) log->readings.reserve(2 * wanted);
  }
}

void Decoder::Pass::log_readings() noexcept {
  for (size_t s = 0; s < sequences.size(); ++s) {
    for (auto& reading : readings[s]) sequences[s].sequence.log->readings.push_back(reading);
  }
}

std::vector<Decoder::Pass> Decoder::passes_of(std::span<const SequenceRows> step) {
  std::vector<Pass> passes;
  int64_t end = 0;
  for (size_t first = 0; first < step.size();) {
    Pass& pass = passes.emplace_back();
    size_t s = first;
    for (; s < step.size(); ++s) {
      const auto& [sequence, ids] = step[s];
      const int64_t tokens = pass.tokens() + static_cast<int64_t>(ids.size());
      if (s > first && tokens > backend_.few_rows()) break;
      const int64_t position = sequence.cache.length();
      pass.first_rows.push_back(pass.tokens());
      pass.first_positions.push_back(position);
      for (size_t t = 0; t < ids.size(); ++t) {
        pass.ids.push_back(ids[t]);
        pass.positions.push_back(static_cast<int32_t>(position + static_cast<int64_t>(t)));
      }
      end = std::max(end, position + static_cast<int64_t>(ids.size()));
    }
    pass.first_rows.push_back(pass.tokens());
    pass.sequences = step.subspan(first, s - first);
    first = s;
  }
  // A gated image's rotary position lies one behind its token.
  for (Pass& pass : passes) pass.rope = rope_table(end + 1);
  return passes;
}

Tensor Decoder::hidden_states(std::span<const SequenceRows> step, const KeepGoing& keep_going,
                              const LayerObserver& observer) {
  std::vector<Pass> passes = passes_of(step);
  if (passes.size() == 1) return run(passes.front(), keep_going, observer);
  int64_t tokens = 0;
  for (const Pass& pass : passes) tokens += pass.tokens();
  Tensor hidden = backend_.allocate(DType::kF32, {tokens, config_.hidden_size});
  int64_t first_row = 0;
  for (Pass& pass : passes) {
    backend_.copy_rows(hidden, first_row, run(pass, keep_going, observer));
    first_row += pass.tokens();
  }
  return hidden;
}

template <typename Work>
Tensor Decoder::whole_step(std::span<const SequenceRows> step, const Work& work) {
  std::vector<int64_t> lengths;
  for (const SequenceRows& rows : step) lengths.push_back(rows.sequence.cache.length());
  try {
    Tensor result = work();
    check_finite_.settle();
    return result;
  } catch (...) {
    check_finite_.forget();
    // No layer ahead of another, no sequence ahead of the step.
    for (size_t s = 0; s < step.size(); ++s) {
      step[s].sequence.cache.truncate(lengths[s]);
      if (step[s].sequence.log) step[s].sequence.log->truncate(lengths[s]);
    }
    throw;
  }
}

Tensor Decoder::forward(std::span<const SequenceRows> step, const KeepGoing& keep_going,
                        const LayerObserver& observer) {
  return whole_step(step, [&] { return hidden_states(step, keep_going, observer); });
}

Tensor Decoder::forward(Sequence& sequence, std::span<const int32_t> ids,
                        const KeepGoing& keep_going, const LayerObserver& observer) {
  const SequenceRows rows = {sequence, ids};
  return forward({&rows, 1}, keep_going, observer);
}

Tensor Decoder::run(Pass& pass, const KeepGoing& keep_going, const LayerObserver& observer) const {
  pass.begin_readings();
  Tensor x = backend_.embedding(weights_.embed_tokens, pass.ids);  // [T, D]
  check_finite_(x, kEmbedding);
  for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
    check_interrupt(keep_going);
    decoder_block(layer, pass, x);
    check_finite_(x, kLayers, layer);
    if (observer) observer(layer, x);
  }
  pass.log_readings();
  return x;
}

void Decoder::decoder_block(int64_t layer, Pass& pass, Tensor& x) const {
  const DecoderLayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
  const double eps = config_.rms_norm_eps;

  // x = x + o_proj(attention(input_layernorm(x)))
  Tensor h = backend_.rms_norm(x, w.input_layernorm, eps);
  const Tensor a = attention(layer, pass, h);  // [T, H*d]
  linear_add(backend_, x, a, w.o_proj);

  // x = x + down_proj(silu(gate_proj(h)) * up_proj(h)), h = post_attention_layernorm(x)
  h = backend_.rms_norm(x, w.post_attention_layernorm, eps);
  const Tensor gate = linear(backend_, h, w.gate_proj);
  const Tensor up = linear(backend_, h, w.up_proj);
  linear_add(backend_, x, backend_.swiglu(gate, up), w.down_proj);
}

Tensor Decoder::attention(int64_t layer, Pass& pass, const Tensor& h) const {
  const DecoderLayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
  const int64_t tokens = h.dim(0);
  const int64_t d = config_.head_size();
  const Shape query_heads = {tokens, config_.num_attention_heads, d};
  const Shape key_value_heads = {tokens, config_.num_key_value_heads, d};

  // q [T, H, d], k and v [T, Hkv, d]
  const Tensor q = linear(backend_, h, w.q_proj).reshaped(query_heads);
  const Tensor k = linear(backend_, h, w.k_proj).reshaped(key_value_heads);
  const Tensor v = linear(backend_, h, w.v_proj).reshaped(key_value_heads);
  const Tensor rotated_k = backend_.rotate(k, pass.rope, pass.positions);
  std::vector<TextRows> texts;
  for (size_t s = 0; s < pass.sequences.size(); ++s) {
    TextCache& cache = pass.sequences[s].sequence.cache;
    const Tensor keys = pass.rows_of(rotated_k, s);
    cache.append(backend_, layer, keys, pass.rows_of(v, s));
    // Causality is by place among the keys that are there.
    const int64_t place = pass.first_positions[s] - cache.forgotten();
    texts.push_back({keys.dim(0), place, cache.pages(layer)});
  }

  // text = softmax(rotate(q) rotate(k)^T / sqrt(d)) v, causal   [T, H, d]
  const AttentionPart text =
      backend_.causal_attention(backend_.rotate(q, pass.rope, pass.positions), texts);
  const Tensor out = w.is_hyper_layer() ? hyper_attention(layer, pass, q, text) : text.out;
  return out.reshaped({tokens, config_.num_attention_heads * d});
}

Tensor Decoder::hyper_attention(int64_t layer, Pass& pass, const Tensor& q,
                                const AttentionPart& text) const {
  const DecoderLayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
  const auto hyper_index = static_cast<size_t>(hyper_index_[static_cast<size_t>(layer)]);
  std::vector<std::vector<VisibleImage>> images;
  std::vector<VisualRows> visible;
  bool sees_image = false;
  for (size_t s = 0; s < pass.sequences.size(); ++s) {
    const int64_t rows = pass.first_rows[s + 1] - pass.first_rows[s];
    const int64_t first_position = pass.first_positions[s];
    images.push_back(
        visible_images(pass.sequences[s].sequence, hyper_index, first_position + rows - 1));
    const auto watched = static_cast<int64_t>(pass.readings[s].size());
    visible.push_back({rows, first_position, images.back(), watched});
    sees_image |= !images.back().empty();
    for (auto& reading : pass.readings[s]) reading->layers.emplace_back();
  }
  if (!sees_image) return text.out;

  // visual = softmax(rotate(q, t - p_i) k_vis^T / sqrt(d)) v_vis over the images before t
  const AttentionPart visual = backend_.visual_attention(q, visible, pass.rope);
  if (!visual.by_image.empty()) keep_readings(pass, q, text, visual, visible);
  if (variant_ == Variant::kUnified) {
    // one softmax over [visual keys ; text keys]
    return backend_.join_softmax(text, visual);
  }
  // (1 - g) * text + g * visual, g = sigmoid(gate)
  return backend_.mix_by_gate(text, visual, w.gate);
}

void Decoder::keep_readings(Pass& pass, const Tensor& q, const AttentionPart& text,
                            const AttentionPart& visual,
                            std::span<const VisualRows> visible) const {
  const int64_t heads = config_.num_attention_heads;
  const Tensor queries = q.reshaped({q.dim(0), heads * config_.head_size()});
  for (size_t s = 0; s < visible.size(); ++s) {
    const auto images = static_cast<int64_t>(visible[s].images.size());
    if (visible[s].watched_rows == 0 || images == 0) continue;
    const int64_t first_row = pass.first_rows[s + 1] - visible[s].watched_rows;
    const ImageWeights weights = backend_.image_weights(
        visual, s, first_row, variant_ == Variant::kUnified ? &text : nullptr);
    for (int64_t i = 0; i < visible[s].watched_rows; ++i) {
      VisualReading& reading = *pass.readings[s][static_cast<size_t>(i)];
      const auto part = [&](const std::vector<float>& all, int64_t size) {
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * size);
        return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(size));
      };
      const int64_t row = first_row + i;
      reading.images = images;
      reading.layers.back() = {part(weights.by_image, heads * images),
                               part(weights.log_sum_exp, heads),
                               backend_.gather_rows(queries, {&row, 1})};
    }
  }
}

std::vector<float> Decoder::key_weights(
    const Sequence& sequence, size_t image, size_t hyper_layer,
    std::span<const std::shared_ptr<const VisualReading>> readings) {
  const PlacedImage& placed = sequence.images.at(image);
  const int64_t heads = config_.num_attention_heads;
  const int64_t d = config_.head_size();
  const auto count = static_cast<int64_t>(readings.size());
  Tensor queries = backend_.allocate(DType::kF32, {count, heads * d});
  std::vector<int32_t> distances;
  std::vector<float> log_sum_exps;
  for (const auto& reading : readings) {
    const LayerReading& layer = reading->layers.at(hyper_layer);
    backend_.copy_rows(queries, static_cast<int64_t>(distances.size()), layer.query);
    distances.push_back(static_cast<int32_t>(reading->position - placed.token_index -
                                             image_position_offset(variant_)));
    log_sum_exps.insert(log_sum_exps.end(), layer.log_sum_exp.begin(), layer.log_sum_exp.end());
  }
  std::vector<float> weights = backend_.key_weights(
      queries.reshaped({count, heads, d}), distances, log_sum_exps,
      placed.memory->layers.at(hyper_layer), rope_table(readings.back()->position + 1));
  for (float& weight : weights) weight /= static_cast<float>(count);
  return weights;
}

std::vector<int64_t> Decoder::hyper_layers() const {
  std::vector<int64_t> layers;
  for (size_t layer = 0; layer < hyper_index_.size(); ++layer) {
    if (hyper_index_[layer] >= 0) layers.push_back(static_cast<int64_t>(layer));
  }
  return layers;
}

std::vector<VisibleImage> Decoder::visible_images(const Sequence& sequence, size_t hyper_index,
                                                  int64_t last_position) const {
  const int64_t offset = image_position_offset(variant_);
  std::vector<VisibleImage> images;
  for (const PlacedImage& image : sequence.images) {
    const int64_t position = image.token_index + offset;
    if (position > last_position) break;
    images.push_back({image.memory->layers[hyper_index], position, position});
  }
  return images;
}

Tensor Decoder::logits(const Tensor& hidden) const {
  return check_finite_.settle_and_download(device_logits(hidden));
}

Tensor Decoder::device_logits(const Tensor& hidden) const {
  const Tensor h = backend_.rms_norm(hidden, weights_.norm, config_.rms_norm_eps);
  Tensor logits = linear(backend_, h, weights_.lm_head);
  check_finite_(logits, config_.tie_word_embeddings ? kEmbedding : kHead);
  return logits;
}

Tensor Decoder::next_logits(std::span<const SequenceRows> step, const KeepGoing& keep_going) {
  const auto once = [&] {
    return whole_step(step, [&] {
      const std::unique_ptr<StepScope> scope = begin_repeatable(step);
      return last_logits(step, hidden_states(step, keep_going, {}));
    });
  };
  try {
    return once();
  } catch (const StepNotRepeated&) {
    return once();
  }
}

Tensor Decoder::last_logits(std::span<const SequenceRows> step, const Tensor& hidden) const {
  std::vector<int64_t> last_rows;
  int64_t end = 0;
  for (const SequenceRows& rows : step) {
    end += static_cast<int64_t>(rows.ids.size());
    last_rows.push_back(end - 1);
  }
  const auto count = static_cast<int64_t>(last_rows.size());
  Tensor all = backend_.allocate(DType::kF32, {count, config_.vocab_size});
  for (int64_t first = 0; first < count; first += backend_.few_rows()) {
    const int64_t few = std::min(backend_.few_rows(), count - first);
    const std::span rows =
        std::span(last_rows).subspan(static_cast<size_t>(first), static_cast<size_t>(few));
    backend_.copy_rows(all, first, device_logits(backend_.gather_rows(hidden, rows)));
  }
  return check_finite_.settle_and_download(all);
}

Tensor Decoder::rope_table(int64_t positions) {
  if (rope_.defined() && rope_.dim(0) >= positions) return rope_;
  positions = std::max<int64_t>(1024, 2 * positions);
  rope_ = backend_.rope_table(positions, config_.head_size(), config_.rope_theta);
  return rope_;
}

}  // namespace owl3
