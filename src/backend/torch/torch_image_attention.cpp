// Attention over images, and what it read of them.
#include <algorithm>
#include <cmath>
#include <map>

#include "backend/torch/attention_parts.h"
#include "backend/torch/torch_backend.h"

namespace owl3 {

namespace {

/// Images of one size that are joined at once: how many of the first, of `most` at most. It does
/// not depend on where they lie, and so nor do the results.
size_t images_together(std::span<const VisibleImage> images, size_t most) {
  const KeyValueBlock& first = images.front().block;
  size_t count = 1;
  while (count < std::min(most, images.size()) &&
         images[count].block.keys.shape() == first.keys.shape() &&
         images[count].block.count == first.count) {
    ++count;
  }
  return count;
}

const void* end_of(const at::Tensor& bytes) {
  return static_cast<const std::byte*>(bytes.data_ptr()) + bytes.numel();
}

bool is_beside(const VisibleImage& image) {
  return image.block.keys.device() == TorchBridge::kBesideDevice;
}

}  // namespace

/// The images of a sequence as they are read, a piece after the other.
class TorchBackend::ImageReader {
 public:
  /// Images that are read together, and whether they are to be sent to the device for it.
  struct Piece {
    size_t first = 0, count = 0;
    bool beside = false;
    size_t end() const { return first + count; }
  };

  ImageReader(TorchBackend& backend, std::span<const VisibleImage> images, size_t most)
      : backend_(backend), images_(images) {
    for (size_t first = 0; first < images.size();) {
      const size_t end = first + images_together(images.subspan(first), most);
      while (first < end) {
        pieces_.push_back(piece_at(first, end));
        first = pieces_.back().end();
      }
      group_ends_.push_back(end);
    }
    send(0);
  }
  ~ImageReader() {
    // Where reading was given up, what is on its way is waited for before its place is used again.
    try {
      for (const auto& [piece, sent] : sent_) backend_.staging_.wait(sent);
    } catch (const c10::Error&) {
      // A device that fails here has failed before, which is on its way to be told.
    }
  }
  ImageReader(const ImageReader&) = delete;
  ImageReader& operator=(const ImageReader&) = delete;

  const std::vector<Piece>& pieces() const { return pieces_; }
  const std::vector<size_t>& group_ends() const { return group_ends_; }

  struct Rows {
    at::Tensor keys, values;  // [images, Hkv, L, d]
  };
  /// Of the next piece, while the one behind it is sent.
  Rows next() {
    const size_t number = next_++;
    send(next_);
    const Piece& piece = pieces_.at(number);
    if (!piece.beside) return {in_place(piece, false), in_place(piece, true)};
    const TorchStaging::Sent& sent = sent_.at(number);
    backend_.staging_.wait(sent);
    const Rows rows = {of_bytes(piece, sent.bytes, false), of_bytes(piece, sent.bytes, true)};
    sent_.erase(number);
    return rows;
  }

 private:
  std::vector<const Tensor*> tensors(const Piece& piece, const Tensor KeyValueBlock::*part) const {
    std::vector<const Tensor*> list;
    for (size_t i = piece.first; i < piece.end(); ++i) {
      if ((images_[i].block.*part).defined()) list.push_back(&(images_[i].block.*part));
    }
    return list;
  }

  Piece piece_at(size_t first, size_t end) const {
    Piece piece = {first, 0, is_beside(images_[first])};
    size_t there = first;
    while (there < end && is_beside(images_[there]) == piece.beside) ++there;
    piece.count = there - first;
    if (piece.beside) return piece;
    // On the device images in a row are read as they lie; a few at a time cost more than copying
    // many to one place.
    constexpr size_t kWorthAReading = 8;
    for (size_t i = first; i < there;) {
      const size_t even =
          backend_.bridge_.evenly_placed(tensors({i, there - i, false}, &KeyValueBlock::keys));
      if (even >= kWorthAReading) return {first, i == first ? even : i - first, false};
      i += even;
    }
    return piece;
  }

  void send(size_t number) {
    if (number >= pieces_.size() || !pieces_[number].beside) return;
    std::vector<at::Tensor> runs;  // what lies in a row goes in one copy
    for (size_t i = pieces_[number].first; i < pieces_[number].end(); ++i) {
      const at::Tensor image = backend_.bytes_of_image(images_[i].block);
      if (runs.empty() || end_of(runs.back()) != image.data_ptr()) {
        runs.push_back(image);
      } else {
        runs.back() = at::for_blob(runs.back().data_ptr(), {runs.back().numel() + image.numel()})
                          .options(image.options())
                          .target_device(image.device())
                          .make_tensor();
      }
    }
    sent_.emplace(number, backend_.staging_.send(runs));
  }

  at::Tensor in_place(const Piece& piece, bool values) const {
    const auto filled = [&](const Tensor KeyValueBlock::*part) {
      const std::vector<const Tensor*> list = tensors(piece, part);
      if (list.empty()) return at::Tensor();
      return backend_.bridge_.see_together(list).narrow(2, 0, images_[piece.first].block.count);
    };
    return backend_.rows_of(
        filled(values ? &KeyValueBlock::values : &KeyValueBlock::keys),
        filled(values ? &KeyValueBlock::value_scales : &KeyValueBlock::key_scales));
  }

  at::Tensor of_bytes(const Piece& piece, const at::Tensor& bytes, bool values) const {
    const KeyValueBlock& block = images_[piece.first].block;
    const BlockLayout layout =
        layout_of(block.heads, block.capacity, block.keys.dim(2), block.keys.dtype());
    const at::Tensor by_image = bytes.view({static_cast<int64_t>(piece.count), -1});
    const auto filled = [&](bool scales) {
      return part_of_blocks(by_image, layout, values, scales).narrow(2, 0, block.count);
    };
    return backend_.rows_of(filled(false), layout.scale_bytes > 0 ? filled(true) : at::Tensor());
  }

  TorchBackend& backend_;
  std::span<const VisibleImage> images_;
  std::vector<Piece> pieces_;
  std::vector<size_t> group_ends_;
  std::map<size_t, TorchStaging::Sent> sent_;  // by number of their pieces
  size_t next_ = 0;
};

/// q [images, Hkv, group * T, d], scaled unless flash attention does that; `hidden` [images, 1, 1,
/// T, 1] images that a token doesn't see.
TorchBackend::Part TorchBackend::attend_images(const at::Tensor& q, const at::Tensor& k,
                                               const at::Tensor& v,
                                               const at::Tensor& hidden) const {
  if (!flash_takes(q.size(-1))) return attend(q, k, v, hidden);
  Part part = flash(q, k, v, false);
  if (hidden.defined()) {
    const int64_t tokens = hidden.size(-2);
    with_token_axis(part.log_sum_exp, -1, tokens).masked_fill_(hidden.squeeze(-1), -INFINITY);
    part.out = with_token_axis(part.out, -2, tokens).masked_fill(hidden, 0).flatten(-3, -2);
  }
  return part;
}

/// Of one sequence that sees images: q [T, H, d], unrotated, -> [Hkv, group * T, d]. by_image, if
/// given, becomes [watched rows, H, images].
TorchBackend::Part TorchBackend::image_attention(const at::Tensor& q, const VisualRows& rows,
                                                 const Positions& positions, const at::Tensor& rope,
                                                 at::Tensor* by_image) {
  const std::span<const VisibleImage> images = rows.images;
  const int64_t tokens = rows.rows;
  const int64_t key_value_heads = images.front().block.heads;
  const auto& [at_tokens, at_images] = positions;
  constexpr int64_t kMostAtOnce = 64;
  const int64_t scores = tokens * q.size(1) * images.front().block.count;
  const auto step = static_cast<size_t>(
      std::clamp<int64_t>(scores_at_once() / std::max<int64_t>(1, scores), 1, kMostAtOnce));
  ImageReader reader(*this, images, step);
  // Of images first to end: [images, Hkv, group * T, d].
  const auto attend_piece = [&](const ImageReader::Piece& piece) {
    const auto count = static_cast<int64_t>(piece.count);
    const auto of_piece = [&](const at::Tensor& x) {
      return x.narrow(0, static_cast<int64_t>(piece.first), count).unsqueeze(1);
    };
    // rotate(q, t) . rotate(k, p_i) = rotate(q, t - p_i) . k    [images, T]
    const at::Tensor distances = (at_tokens - of_piece(at_images)).clamp_min(0);
    const at::Tensor angles =
        rope.index_select(0, distances.flatten()).view({count, tokens, rope.size(1)});
    const at::Tensor rotated = rotate_by(q.unsqueeze(0), angles);
    const double scale =
        flash_takes(q.size(2)) ? 1.0 : 1 / std::sqrt(static_cast<double>(q.size(2)));
    const at::Tensor queries = by_key_heads(rotated * scale, key_value_heads);
    at::Tensor hidden;
    const auto list = images.subspan(piece.first, piece.count);
    const bool all_seen = std::all_of(list.begin(), list.end(), [&](const VisibleImage& image) {
      return image.first_query <= rows.first_position;
    });
    if (!all_seen) {
      std::vector<int64_t> first_queries;
      for (const VisibleImage& image : images) first_queries.push_back(image.first_query);
      const at::Tensor seen_from = bridge_.indexes(std::span<const int64_t>(first_queries));
      hidden = (at_tokens < of_piece(seen_from)).view({count, 1, 1, tokens, 1});
    }
    const ImageReader::Rows read = reader.next();
    return attend_images(queries, read.keys, read.values, hidden);
  };
  Part all;
  std::vector<at::Tensor> watched;
  auto piece = reader.pieces().begin();
  for (const size_t end : reader.group_ends()) {
    std::vector<at::Tensor> outs, sums;
    int64_t count = 0;
    for (; piece != reader.pieces().end() && piece->first < end; ++piece) {
      const Part part = attend_piece(*piece);
      outs.push_back(part.out);
      sums.push_back(part.log_sum_exp);
      count += part.out.size(0);
    }
    const at::Tensor out = outs.size() == 1 ? outs.front() : at::cat(outs);
    const at::Tensor log_sum_exp = sums.size() == 1 ? sums.front() : at::cat(sums);
    const at::Tensor together = log_sum_exp.logsumexp(0);
    const at::Tensor shares = (log_sum_exp - finite_shift(together)).exp_();
    join(all, Part{(out * shares.unsqueeze(-1)).sum(0), together});
    if (by_image != nullptr) {
      // [images, H, T] -> [watched rows, H, images]
      watched.push_back(log_sum_exp.reshape({count, q.size(1), tokens})
                            .narrow(2, tokens - rows.watched_rows, rows.watched_rows)
                            .permute({2, 1, 0}));
    }
  }
  if (by_image != nullptr) *by_image = at::cat(watched, 2);
  return all;
}

/// Of a sequence that sees images: from visual_attention()'s numbers, where those are given.
TorchBackend::Positions TorchBackend::positions_of(const VisualRows& rows,
                                                   const at::Tensor& numbers, int64_t sequence,
                                                   int64_t first_image) const {
  if (numbers.defined()) {
    OWL3_CHECK(rows.rows == 1);
    return {numbers.narrow(0, sequence, 1),
            numbers.narrow(0, first_image, static_cast<int64_t>(rows.images.size()))};
  }
  std::vector<int64_t> of_images;
  for (const VisibleImage& image : rows.images) of_images.push_back(image.position);
  return {
      at::arange(rows.first_position, rows.first_position + rows.rows, bridge_.options(at::kLong)),
      bridge_.indexes(std::span<const int64_t>(of_images))};
}

AttentionPart TorchBackend::visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                             const Tensor& rope) {
  // The positions of the sequences' first rows, and behind them those of all images.
  StepOperation attend_to = {"visual_attention", {&q, &rope}};
  for (const VisualRows& rows : sequences) attend_to.numbers.push_back(rows.first_position);
  for (const VisualRows& rows : sequences) {
    for (const VisibleImage& image : rows.images) {
      attend_to.inputs.push_back(&image.block.keys);
      attend_to.numbers.push_back(image.position);
    }
    attend_to.always.push_back(static_cast<int64_t>(rows.images.size()));
  }
  return operation(attend_to, [&](const at::Tensor& numbers) {
    const at::Tensor queries = see(q);
    const at::Tensor angles = see(rope);
    std::vector<at::Tensor> outs, log_sum_exps;
    AttentionPart part;
    auto first_image = static_cast<int64_t>(sequences.size());  // among the numbers
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
      const Positions positions = positions_of(rows, numbers, static_cast<int64_t>(s), first_image);
      first_image += positions.images.size(0);
      at::Tensor by_image;
      const Part of_images =
          image_attention(of_sequence, rows, positions, angles, is_watched ? &by_image : nullptr);
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
    const auto filled = [&](const Tensor& x) {
      return see(x).to(bridge_.torch_device()).narrow(1, 0, image.count);
    };
    const at::Tensor stored = filled(image.keys).to(at::kFloat);
    const at::Tensor keys =
        image.key_scales.defined() ? stored * filled(image.key_scales).unsqueeze(-1) : stored;
    // s = q K^T / sqrt(d)   [H, T, L]
    const at::Tensor scores =
        at::matmul(queries, keys.transpose(1, 2)).reshape({heads, tokens, image.count});
    const at::Tensor weights = (scores - bridge_.to_device(sums).t().unsqueeze(-1)).exp_().sum(1);
    const Tensor host = bridge_.to_host(weights.contiguous());
    return std::vector<float>(host.f32(), host.f32() + host.size());
  });
}

}  // namespace owl3
