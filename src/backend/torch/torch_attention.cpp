// The attention operations. Scores are never held for all keys: blocks of keys are attended one
// after the other and joined by their log-sum-exp. How many lie in a block depends on the shapes of
// the sequence alone.
#include <algorithm>
#include <cmath>

#include "backend/torch/torch_backend.h"
#include "backend/torch/torch_versions.h"

namespace owl3 {

namespace {

/// x, but 0 where it is -inf: what scores may be shifted by.
at::Tensor finite_shift(const at::Tensor& log_sum_exp) {
  return at::where(log_sum_exp == -INFINITY, at::zeros_like(log_sum_exp), log_sum_exp);
}

/// q [..., T, H, d] by the heads of keys, [..., Hkv, group * T, d].
at::Tensor by_key_heads(const at::Tensor& q, int64_t key_value_heads) {
  const int64_t tokens = q.size(-3);
  const int64_t group = q.size(-2) / key_value_heads;
  std::vector<int64_t> split(q.sizes().begin(), q.sizes().end() - 2);
  split.insert(split.end(), {key_value_heads, group, q.size(-1)});
  std::vector<int64_t> joined(q.sizes().begin(), q.sizes().end() - 3);
  joined.insert(joined.end(), {key_value_heads, group * tokens, q.size(-1)});
  // [..., T, Hkv, group, d] -> [..., Hkv, group, T, d]
  return q.reshape(split).movedim(-4, -2).reshape(joined);
}

/// The way back, of [Hkv, group * T, d] or, without d, [Hkv, group * T]:  -> [T, H, d] or [T, H]
at::Tensor by_tokens(const at::Tensor& x, int64_t tokens) {
  const int64_t heads = x.size(0) * x.size(1) / tokens;
  std::vector<int64_t> split = {heads, tokens};
  if (x.dim() == 3) split.push_back(x.size(2));
  return x.reshape(split).transpose(0, 1);
}

/// Tokens of rows [..., group * T] as an axis of their own, to be masked: [..., group, T, ...].
at::Tensor with_token_axis(const at::Tensor& x, int64_t axis, int64_t tokens) {
  return x.unflatten(axis, at::IntArrayRef({x.size(axis) / tokens, tokens}));
}

}  // namespace

int64_t TorchBackend::scores_at_once() const {
  return bridge_.torch_device().is_cpu() ? int64_t{1} << 21 : int64_t{1} << 26;
}

/// Keys or values as products take them: of int8 with their scales.
at::Tensor TorchBackend::rows_of(const at::Tensor& stored, const at::Tensor& scales) const {
  if (!scales.defined()) return stored.to(product_type_);
  return (stored.to(at::kFloat) * scales.unsqueeze(-1)).to(product_type_);
}

at::Tensor TorchBackend::text_rows(std::span<const KeyValueBlock> pages, int64_t first,
                                   int64_t last, bool values) const {
  std::vector<at::Tensor> parts;
  int64_t position = 0;  // of the page's first key
  for (const KeyValueBlock& page : pages) {
    const int64_t from = std::max(first, position) - position;
    const int64_t to = std::min(last, position + page.count) - position;
    position += page.count;
    if (from >= to) continue;
    const Tensor& scales = values ? page.value_scales : page.key_scales;
    parts.push_back(
        rows_of(see(values ? page.values : page.keys).narrow(1, from, to - from),
                scales.defined() ? see(scales).narrow(1, from, to - from) : at::Tensor()));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 1);
}

size_t TorchBackend::images_together(std::span<const VisibleImage> images, size_t most) const {
  const KeyValueBlock& first = images.front().block;
  std::vector<const Tensor*> keys;
  for (const VisibleImage& image : images.first(std::min(most, images.size()))) {
    const KeyValueBlock& block = image.block;
    if (block.keys.shape() != first.keys.shape() || block.count != first.count) break;
    keys.push_back(&block.keys);
  }
  // Few at a time cost more than copying many to one place.
  constexpr size_t kWorthAReading = 8;
  const size_t even = bridge_.evenly_placed(keys);
  return even >= kWorthAReading ? even : keys.size();
}

at::Tensor TorchBackend::image_rows(std::span<const VisibleImage> images, bool values) const {
  std::vector<const Tensor*> stored;
  std::vector<const Tensor*> scales;
  for (const VisibleImage& image : images) {
    const KeyValueBlock& block = image.block;
    stored.push_back(values ? &block.values : &block.keys);
    const Tensor& of_block = values ? block.value_scales : block.key_scales;
    if (of_block.defined()) scales.push_back(&of_block);
  }
  const int64_t count = images.front().block.count;
  const auto filled = [&](const std::vector<const Tensor*>& tensors) {
    return bridge_.see_together(tensors).narrow(2, 0, count);
  };
  return rows_of(filled(stored), scales.empty() ? at::Tensor() : filled(scales));
}

/// q [..., Hkv, group * T, d], scaled; k and v [..., Hkv, L, d]; hidden, if defined, is true for
/// keys that a token doesn't see, to be broadcast to [..., Hkv, group, T, L].
TorchBackend::Part TorchBackend::attend(const at::Tensor& q, const at::Tensor& k,
                                        const at::Tensor& v, const at::Tensor& hidden) const {
  // A product of bf16 would round the scores, too, which shows in what is told of evidence.
  at::Tensor scores = at::matmul(q.to(at::kFloat), k.transpose(-2, -1).to(at::kFloat));
  if (hidden.defined()) {
    with_token_axis(scores, -2, hidden.size(-2)).masked_fill_(hidden, -INFINITY);
  }
  const at::Tensor log_sum_exp = scores.logsumexp(-1);
  const at::Tensor weights = scores.sub_(finite_shift(log_sum_exp).unsqueeze(-1)).exp_();
  return {at::matmul(weights.to(v.scalar_type()), v).to(at::kFloat), log_sum_exp};
}

/// q [images, Hkv, group * T, d], scaled unless flash attention does that; `hidden` [images, 1, 1,
/// T, 1] images that a token doesn't see.
TorchBackend::Part TorchBackend::attend_images(const at::Tensor& q, const at::Tensor& k,
                                               const at::Tensor& v,
                                               const at::Tensor& hidden) const {
  if (!flash_) return attend(q, k, v, hidden);
  auto [out, log_sum_exp] = *torch_versions::flash_attention(q, k, v);
  Part part = {out.to(at::kFloat), log_sum_exp.to(at::kFloat).contiguous()};
  if (hidden.defined()) {
    const int64_t tokens = hidden.size(-2);
    with_token_axis(part.log_sum_exp, -1, tokens).masked_fill_(hidden.squeeze(-1), -INFINITY);
    part.out = with_token_axis(part.out, -2, tokens).masked_fill(hidden, 0).flatten(-3, -2);
  }
  return part;
}

/// Whether LibTorch has flash attention for this device that says what composing says. It is tried,
/// since which card takes which shapes is nowhere to be asked.
bool TorchBackend::flash_works() const {
  if (product_type_ == at::kFloat) return false;
  try {
    const auto numbers = [&](double phase, int64_t rows) {
      const at::Tensor x = at::arange(2 * 2 * rows * 64, bridge_.options(at::kFloat));
      return (x * 0.37 + phase).sin().view({2, 2, rows, 64}).to(product_type_);
    };
    const at::Tensor q = numbers(0, 5), k = numbers(1, 33), v = numbers(2, 33);
    const auto fused = torch_versions::flash_attention(q, k, v);
    if (!fused) return false;
    const Part composed = attend(q * 0.125, k, v, {});
    return at::allclose(fused->first.to(at::kFloat), composed.out, 0.05, 0.05) &&
           at::allclose(fused->second.to(at::kFloat), composed.log_sum_exp, 0.05, 0.05);
  } catch (const c10::Error&) {
    return false;
  }
}

namespace {

/// Joins b to a, which may be nothing yet.
template <typename Part>
void join(Part& a, const Part& b) {
  if (!a.out.defined()) {
    a = b;
    return;
  }
  const at::Tensor both = at::logaddexp(a.log_sum_exp, b.log_sum_exp);
  const at::Tensor shift = finite_shift(both);
  a.out = a.out * (a.log_sum_exp - shift).exp_().unsqueeze(-1) +
          b.out * (b.log_sum_exp - shift).exp_().unsqueeze(-1);
  a.log_sum_exp = both;
}

}  // namespace

Tensor TorchBackend::self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    int64_t tokens_per_image) {
  const int64_t heads = q.dim(1);
  const int64_t d = q.dim(2);
  const int64_t images = q.dim(0) / tokens_per_image;
  return run([&] {
    const auto by_image = [&](const Tensor& x) {  // [n, H, L, d]
      return bridge_.see(x, {images, tokens_per_image, heads, d}).to(product_type_).transpose(1, 2);
    };
    const at::Tensor q4 = by_image(q), k4 = by_image(k), v4 = by_image(v);
    at::Tensor out = torch_versions::fused_attention(q4, k4, v4);
    if (!out.defined()) {
      const int64_t scores = heads * tokens_per_image * tokens_per_image;
      const int64_t step = std::max<int64_t>(1, scores_at_once() / scores);
      std::vector<at::Tensor> parts;
      for (int64_t first = 0; first < images; first += step) {
        const int64_t count = std::min(step, images - first);
        const double scale = 1 / std::sqrt(static_cast<double>(d));
        parts.push_back(attend(q4.narrow(0, first, count) * scale, k4.narrow(0, first, count),
                               v4.narrow(0, first, count), {})
                            .out);
      }
      out = at::cat(parts, 0);
    }
    return keep(
        out.transpose(1, 2).to(product_type_).reshape({images * tokens_per_image, heads, d}));
  });
}

/// Of one sequence: q [T, H, d] -> [Hkv, group * T, d].
TorchBackend::Part TorchBackend::text_attention(const at::Tensor& q, const TextRows& rows) const {
  const int64_t heads = q.size(1);
  const int64_t d = q.size(2);
  const int64_t key_value_heads = rows.pages.front().heads;
  int64_t keys = 0;
  for (const KeyValueBlock& page : rows.pages) keys += page.count;
  const at::Tensor queries =
      by_key_heads(q * (1 / std::sqrt(static_cast<double>(d))), key_value_heads);
  constexpr int64_t kLeastKeys = 256;
  const int64_t step = std::max(kLeastKeys, scores_at_once() / (rows.rows * heads));
  const int64_t end = std::min(keys, rows.first_position + rows.rows);  // of what the last row sees
  Part all;
  for (int64_t first = 0; first < end; first += step) {
    const int64_t last = std::min(end, first + step);
    at::Tensor hidden;
    if (last > rows.first_position + 1) {
      const auto numbers = [&](int64_t from, int64_t to) {
        return at::arange(from, to, bridge_.options(at::kLong));
      };
      const at::Tensor positions =
          numbers(rows.first_position, rows.first_position + rows.rows).unsqueeze(1);
      hidden = numbers(first, last).unsqueeze(0) > positions;  // [T, keys]
    }
    join(all, attend(queries, text_rows(rows.pages, first, last, false),
                     text_rows(rows.pages, first, last, true), hidden));
  }
  return all;
}

AttentionPart TorchBackend::causal_attention(const Tensor& q, std::span<const TextRows> sequences) {
  return run([&] {
    const at::Tensor queries = see(q);
    std::vector<at::Tensor> outs, log_sum_exps;
    int64_t first = 0;
    for (const TextRows& rows : sequences) {
      const Part part = text_attention(queries.narrow(0, first, rows.rows), rows);
      outs.push_back(by_tokens(part.out, rows.rows));
      log_sum_exps.push_back(by_tokens(part.log_sum_exp, rows.rows));
      first += rows.rows;
    }
    return AttentionPart{keep(at::cat(outs)), keep(at::cat(log_sum_exps))};
  });
}

/// Of one sequence that sees images: q [T, H, d], unrotated, -> [Hkv, group * T, d]. by_image, if
/// given, becomes [watched rows, H, images].
TorchBackend::Part TorchBackend::image_attention(const at::Tensor& q, const VisualRows& rows,
                                                 const at::Tensor& rope, at::Tensor* by_image) {
  const std::span<const VisibleImage> images = rows.images;
  const int64_t tokens = rows.rows;
  const int64_t key_value_heads = images.front().block.heads;
  std::vector<int64_t> positions, first_queries;
  for (const VisibleImage& image : images) {
    positions.push_back(image.position);
    first_queries.push_back(image.first_query);
  }
  const at::Tensor at_images = bridge_.indexes(std::span<const int64_t>(positions));
  const at::Tensor seen_from = bridge_.indexes(std::span<const int64_t>(first_queries));
  const at::Tensor at_tokens =
      at::arange(rows.first_position, rows.first_position + tokens, bridge_.options(at::kLong));
  constexpr int64_t kMostAtOnce = 64;
  const int64_t scores = tokens * q.size(1) * images.front().block.count;
  const auto step = static_cast<size_t>(
      std::clamp<int64_t>(scores_at_once() / std::max<int64_t>(1, scores), 1, kMostAtOnce));
  Part all;
  std::vector<at::Tensor> watched;
  for (size_t first = 0; first < images.size();) {
    const auto group = images.subspan(first, images_together(images.subspan(first), step));
    const auto count = static_cast<int64_t>(group.size());
    const auto of_group = [&](const at::Tensor& x) {
      return x.narrow(0, static_cast<int64_t>(first), count).unsqueeze(1);
    };
    // rotate(q, t) . rotate(k, p_i) = rotate(q, t - p_i) . k    [images, T]
    const at::Tensor distances = (at_tokens - of_group(at_images)).clamp_min(0);
    const at::Tensor angles =
        rope.index_select(0, distances.flatten()).view({count, tokens, rope.size(1)});
    const at::Tensor rotated = rotate_by(q.unsqueeze(0), angles);
    const double scale = flash_ ? 1.0 : 1 / std::sqrt(static_cast<double>(q.size(2)));
    const at::Tensor queries =
        by_key_heads(rotated * scale, key_value_heads).to(flash_ ? product_type_ : at::kFloat);
    at::Tensor hidden;
    const bool all_seen = std::all_of(group.begin(), group.end(), [&](const VisibleImage& image) {
      return image.first_query <= rows.first_position;
    });
    if (!all_seen) {
      hidden = (at_tokens < of_group(seen_from)).view({count, 1, 1, tokens, 1});
    }
    const Part each =
        attend_images(queries, image_rows(group, false), image_rows(group, true), hidden);
    const at::Tensor together = each.log_sum_exp.logsumexp(0);
    const at::Tensor shares = (each.log_sum_exp - finite_shift(together)).exp_();
    join(all, Part{(each.out * shares.unsqueeze(-1)).sum(0), together});
    if (by_image != nullptr) {
      // [images, H, T] -> [watched rows, H, images]
      watched.push_back(each.log_sum_exp.reshape({count, q.size(1), tokens})
                            .narrow(2, tokens - rows.watched_rows, rows.watched_rows)
                            .permute({2, 1, 0}));
    }
    first += group.size();
  }
  if (by_image != nullptr) *by_image = at::cat(watched, 2);
  return all;
}

AttentionPart TorchBackend::visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                             const Tensor& rope) {
  return run([&] {
    const at::Tensor queries = see(q);
    const at::Tensor angles = see(rope);
    std::vector<at::Tensor> outs, log_sum_exps;
    AttentionPart part;
    int64_t first = 0;
    for (size_t s = 0; s < sequences.size(); ++s) {
      const VisualRows& rows = sequences[s];
      const at::Tensor of_sequence = queries.narrow(0, first, rows.rows);
      first += rows.rows;
      const bool is_watched = rows.watched_rows > 0;
      if (is_watched) part.by_image.resize(sequences.size());
      if (rows.images.empty()) {
        outs.push_back(at::zeros_like(of_sequence));
        log_sum_exps.push_back(
            at::full({rows.rows, q.dim(1)}, -INFINITY, bridge_.options(at::kFloat)));
        continue;
      }
      at::Tensor by_image;
      const Part of_images =
          image_attention(of_sequence, rows, angles, is_watched ? &by_image : nullptr);
      outs.push_back(by_tokens(of_images.out, rows.rows));
      log_sum_exps.push_back(by_tokens(of_images.log_sum_exp, rows.rows));
      if (is_watched) part.by_image[s] = keep(by_image);
    }
    if (!part.by_image.empty()) part.by_image.resize(sequences.size());
    part.out = keep(at::cat(outs));
    part.log_sum_exp = keep(at::cat(log_sum_exps));
    return part;
  });
}

ImageWeights TorchBackend::image_weights(const AttentionPart& visual, size_t sequence,
                                         int64_t first_row, const AttentionPart* text) {
  const Tensor& by_image = visual.by_image.at(sequence);
  const int64_t rows = by_image.dim(0);
  return run([&] {
    at::Tensor whole = see(visual.log_sum_exp).narrow(0, first_row, rows);
    if (text != nullptr) {
      whole = at::logaddexp(whole, see(text->log_sum_exp).narrow(0, first_row, rows));
    }
    const at::Tensor parts = see(by_image);
    // exp(-inf - -inf) is no number: of an image that is not seen nothing is read.
    const at::Tensor weights = (parts - finite_shift(whole).unsqueeze(-1)).exp_();
    const Tensor of_images = bridge_.to_host(weights.contiguous());
    const Tensor of_rows = bridge_.to_host(whole.contiguous());
    ImageWeights read;
    read.by_image.assign(of_images.f32(), of_images.f32() + of_images.size());
    read.log_sum_exp.assign(of_rows.f32(), of_rows.f32() + of_rows.size());
    return read;
  });
}

std::vector<float> TorchBackend::key_weights(const Tensor& q, std::span<const int32_t> distances,
                                             std::span<const float> log_sum_exps,
                                             const KeyValueBlock& image, const Tensor& rope) {
  const int64_t tokens = q.dim(0);
  const int64_t heads = q.dim(1);
  OWL3_CHECK(static_cast<int64_t>(distances.size()) == tokens &&
             static_cast<int64_t>(log_sum_exps.size()) == tokens * heads);
  return run([&] {
    Tensor sums = make_tensor(DType::kF32, {tokens, heads});
    std::copy(log_sum_exps.begin(), log_sum_exps.end(), sums.f32());
    const at::Tensor angles = see(rope).index_select(0, bridge_.indexes(distances));
    const double scale = 1 / std::sqrt(static_cast<double>(q.dim(2)));
    const at::Tensor queries = by_key_heads(rotate_by(see(q), angles) * scale, image.heads);
    const at::Tensor stored = see(image.keys).narrow(1, 0, image.count).to(at::kFloat);
    const at::Tensor keys =
        image.key_scales.defined()
            ? stored * see(image.key_scales).narrow(1, 0, image.count).unsqueeze(-1)
            : stored;
    // s = q K^T / sqrt(d)   [H, T, L]
    const at::Tensor scores =
        at::matmul(queries, keys.transpose(1, 2)).reshape({heads, tokens, image.count});
    const at::Tensor weights = (scores - bridge_.to_device(sums).t().unsqueeze(-1)).exp_().sum(1);
    const Tensor host = bridge_.to_host(weights.contiguous());
    return std::vector<float>(host.f32(), host.f32() + host.size());
  });
}

}  // namespace owl3
