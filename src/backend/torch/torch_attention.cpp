// Attention over text and of images over themselves. Scores are never held for all keys: blocks of
// keys are attended one after the other and joined by their log-sum-exp. How many lie in a block
// depends on the shapes of the sequence alone.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/torch/attention_parts.h"
#include "backend/torch/torch_backend.h"
#include "backend/torch/torch_versions.h"

namespace owl3 {

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

/// q [..., Hkv, group * T, d], scaled; k and v [..., Hkv, L, d]; hidden, if defined, is true for
/// keys that a token doesn't see, to be broadcast to [..., Hkv, group, T, L].
TorchBackend::Part TorchBackend::attend(const at::Tensor& q, const at::Tensor& k,
                                        const at::Tensor& v, const at::Tensor& hidden) const {
  // A product of bf16 would round the scores, too, which shows in what is told of evidence.
  at::Tensor scores = at::matmul(q.to(at::kFloat), k.transpose(-2, -1).to(at::kFloat));
  if (hidden.defined()) {
    with_token_axis(scores, -2, hidden.size(-2)).masked_fill_(hidden, -INFINITY);
  }
  // Of a row that sees no key the largest score is -inf, by which nothing may be shifted.
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  const at::Tensor largest = scores.amax(-1, /*keepdim=*/true).clamp_min_(kLowest);
  const at::Tensor weights = scores.sub_(largest).exp_();
  const at::Tensor sum = weights.sum(-1, /*keepdim=*/true);
  // On LibTorch's CPU which kernel multiplies bf16 depends on how many heads and images there are.
  const at::ScalarType type = v.is_cpu() ? at::kFloat : v.scalar_type();
  const at::Tensor out = at::matmul(weights.to(type), v.to(type)).to(at::kFloat);
  // A sum is at least 1, the largest's weight, or 0.
  return {out.div_(sum.clamp_min(1)), sum.log().add_(largest).squeeze(-1)};
}

/// Flash attention of [n, H, L, d]; it scales queries itself.
TorchBackend::Part TorchBackend::flash(const at::Tensor& q, const at::Tensor& k,
                                       const at::Tensor& v, bool causal) const {
  const auto [out, log_sum_exp] =
      torch_versions::flash_attention(q.to(product_type_), k, v, causal).value();
  return {out.to(at::kFloat), log_sum_exp.to(at::kFloat).contiguous()};
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
    const at::Tensor q = numbers(0, 5);
    const auto agree = [&](int64_t keys, const at::Tensor& hidden) {
      const at::Tensor k = numbers(1, keys), v = numbers(2, keys);
      if (!torch_versions::flash_attention(q, k, v, false)) return false;
      const Part fused = flash(q, k, v, hidden.defined());
      const Part composed = attend(q * 0.125, k, v, hidden);
      return at::allclose(fused.out, composed.out, 0.05, 0.05) &&
             at::allclose(fused.log_sum_exp, composed.log_sum_exp, 0.05, 0.05);
    };
    const at::Tensor places = at::arange(5, bridge_.options(at::kLong));
    return agree(33, {}) && agree(5, places.unsqueeze(0) > places.unsqueeze(1));
  } catch (const c10::Error&) {
    return false;
  }
}

/// Its kernels take heads of a multiple of 8.
bool TorchBackend::flash_takes(int64_t head_size) const {
  return flash_ && head_size % 8 == 0;
}

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

/// As text_attention(). What was before the rows is seen by all of them; among themselves they are
/// causal. So no row needs a mask, and one alone sees all there is.
TorchBackend::Part TorchBackend::flash_text(const at::Tensor& q, const TextRows& rows) const {
  const int64_t heads = q.size(1), d = q.size(2);
  const int64_t key_value_heads = rows.pages.front().heads;
  const bool alone = rows.rows == 1;
  const int64_t seen_by_all = rows.first_position + (alone ? 1 : 0);
  constexpr int64_t kKeysAtOnce = int64_t{1} << 16;  // of pages that are copied to lie in a row
  Part all;
  const at::Tensor queries = by_key_heads(q, key_value_heads).unsqueeze(0);
  for (int64_t first = 0; first < seen_by_all; first += kKeysAtOnce) {
    const int64_t last = std::min(seen_by_all, first + kKeysAtOnce);
    const Part part = flash(queries, text_rows(rows.pages, first, last, false).unsqueeze(0),
                            text_rows(rows.pages, first, last, true).unsqueeze(0), false);
    join(all, Part{part.out.squeeze(0), part.log_sum_exp.squeeze(0)});
  }
  if (alone) return all;
  // [group, Hkv, T, d]: the heads that share keys and values are what else is many of.
  const int64_t end = rows.first_position + rows.rows, group = heads / key_value_heads;
  const auto own = [&](bool values) {
    const at::Tensor x = text_rows(rows.pages, rows.first_position, end, values);
    return x.unsqueeze(0).expand({group, key_value_heads, rows.rows, d});
  };
  const Part part = flash(q.reshape({rows.rows, key_value_heads, group, d}).permute({2, 1, 0, 3}),
                          own(false), own(true), true);
  join(all, Part{part.out.transpose(0, 1).reshape({key_value_heads, group * rows.rows, d}),
                 part.log_sum_exp.transpose(0, 1).reshape({key_value_heads, group * rows.rows})});
  return all;
}

/// Of one sequence: q [T, H, d] -> [Hkv, group * T, d].
TorchBackend::Part TorchBackend::text_attention(const at::Tensor& q, const TextRows& rows) const {
  const int64_t heads = q.size(1);
  const int64_t d = q.size(2);
  const int64_t key_value_heads = rows.pages.front().heads;
  int64_t keys = 0;
  for (const KeyValueBlock& page : rows.pages) keys += page.count;
  // Flash attention rounds queries to bf16 as well as keys, which shows in what is told of
  // evidence. Where texts are short it would save nothing.
  constexpr int64_t kLongText = 1024;
  const bool is_long = keys >= kLongText && keys >= rows.first_position + rows.rows;
  if (is_long && flash_takes(d)) return flash_text(q, rows);
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

/// The same of one row whose place among the keys is a number of the device, so that what is done
/// is the same until a page is full: the last page is read whole, and what lies behind the row
/// hidden.
TorchBackend::Part TorchBackend::row_attention(const at::Tensor& q, const TextRows& row,
                                               const at::Tensor& place) const {
  OWL3_CHECK(row.rows == 1);
  const std::span<const KeyValueBlock> full = row.pages.first(row.pages.size() - 1);
  int64_t before = 0;
  for (const KeyValueBlock& page : full) before += page.count;
  Part all;
  if (before > 0) all = text_attention(q, {1, before - 1, full});
  KeyValueBlock last = row.pages.back();
  last.count = last.capacity;
  const at::Tensor hidden =
      at::arange(before, before + last.count, bridge_.options(at::kLong)) > place;
  const auto read = [&](bool values) { return text_rows({&last, 1}, 0, last.count, values); };
  // What lies there may be no number, of which 0 times is none either.
  const at::Tensor values = read(true).masked_fill(hidden.unsqueeze(-1), 0);
  const at::Tensor queries =
      by_key_heads(q * (1 / std::sqrt(static_cast<double>(q.size(2)))), last.heads);
  join(all, attend(queries, read(false), values, hidden.unsqueeze(0)));
  return all;
}

AttentionPart TorchBackend::causal_attention(const Tensor& q, std::span<const TextRows> sequences) {
  StepOperation attend_to = {"causal_attention", {&q}};
  for (const TextRows& rows : sequences) {
    for (const KeyValueBlock& page : rows.pages) attend_to.inputs.push_back(&page.keys);
    attend_to.numbers.push_back(rows.first_position);
    attend_to.always.push_back(static_cast<int64_t>(rows.pages.size()));
  }
  return operation(attend_to, [&](const at::Tensor& places) {
    const at::Tensor queries = see(q);
    std::vector<at::Tensor> outs, log_sum_exps;
    int64_t first = 0;
    for (const TextRows& rows : sequences) {
      const at::Tensor of_sequence = queries.narrow(0, first, rows.rows);
      const Part part = places.defined()
                            ? row_attention(of_sequence, rows, places.narrow(0, first, 1))
                            : text_attention(of_sequence, rows);
      outs.push_back(by_tokens(part.out, rows.rows));
      log_sum_exps.push_back(by_tokens(part.log_sum_exp, rows.rows));
      first += rows.rows;
    }
    return AttentionPart{keep(at::cat(outs)), keep(at::cat(log_sum_exps))};
  });
}

}  // namespace owl3
