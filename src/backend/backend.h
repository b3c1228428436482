// Backend: the operations that the model is written in, on tensors of one device.
//
// Activations are row-major and float32, but for what goes into a product next (norms, activations,
// an image's self-attention): that has the type the backend's products read, float32 or bf16. All
// tensors that operations take and give lie on the backend's device, unless said otherwise; who
// wants their numbers asks for them by download(). A backend knows tensors and nothing of models.
// Shapes: T tokens, H query heads, Hkv key/value heads, d head size, L keys of one image, K inputs,
// N outputs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/step_repeater.h"
#include "core/tensor.h"

namespace owl3 {

/// A linear layer y = x W^T + b; the bias may be undefined.
struct Linear {
  Tensor weight;    // [N, K], any dtype
  Tensor bias;      // [N] float32 or undefined
  Tensor scales{};  // [N] float32: what int8 weights are to be multiplied by; undefined for others
};

/// What a layer's weights become when they are prepared.
enum class WeightForm {
  kAsStored,  // of the checkpoint's type; where the device reads the host's memory, they stay there
  kInt8,      // for products with many rows in int8; K may be padded
};

enum class Activation { kNone, kGeluTanh, kGeluErf, kSigmoid };

/// Keys and values of consecutive positions, as attention reads them: a page of the text cache or
/// one image of visual memory. How they lie in the tensors is the backend's own affair; all of a
/// block's content is in them.
struct KeyValueBlock {
  Tensor keys;
  Tensor values;
  Tensor key_scales;  // of int8 only
  Tensor value_scales;
  int64_t heads = 0;
  int64_t capacity = 0;  // positions there is room for
  int64_t count = 0;     // positions that are filled

  size_t bytes() const;
};

/// An image as a text sequence sees it (model-spec: Hyper attention, MI-RoPE).
struct VisibleImage {
  KeyValueBlock block;      // L keys, unrotated
  int64_t position = 0;     // p_i: the rotary position of all its keys
  int64_t first_query = 0;  // position of the first text token that sees it
};

/// The rows of one sequence among a step's queries, and the text it has read, these rows included.
struct TextRows {
  int64_t rows = 0;
  int64_t first_position = 0;
  std::span<const KeyValueBlock> pages;  // the keys there are; a position is a place among them
};

/// The rows of one sequence among a step's queries, and the images it may see; perhaps none.
struct VisualRows {
  int64_t rows = 0;
  int64_t first_position = 0;
  std::span<const VisibleImage> images;
  int64_t watched_rows = 0;  // the last ones, of which AttentionPart::by_image is wanted
};

/// Attention over a part of the keys: its output and the logarithm of its softmax denominator, so
/// that parts can be joined exactly. A row that sees no key has output 0 and log_sum_exp -inf.
struct AttentionPart {
  Tensor out;          // [T, H, d]
  Tensor log_sum_exp;  // [T, H]
  /// Of visual attention, for each sequence with watched rows: the log_sum_exp of every image's own
  /// keys, [watched rows, H, images]. Empty where no sequence has any.
  std::vector<Tensor> by_image{};
};

/// What attention read of images, in numbers of the host.
struct ImageWeights {
  std::vector<float> by_image;     // [rows, H, images]: softmax weights, summed over image's keys
  std::vector<float> log_sum_exp;  // [rows, H]: of the softmax that the weights are of
};

class Backend {
 public:
  virtual ~Backend() = default;

  /// What runs the operations, for people: "CPU, 2 threads, x86-64-v4".
  virtual std::string description() const = 0;
  /// Where its tensors lie.
  virtual Device device() const = 0;
  /// Uninitialised memory, taken from the backend's pool.
  virtual Tensor allocate(DType dtype, Shape shape) = 0;
  /// The content of a tensor in the host's memory; the tensor itself where the device reads that.
  virtual Tensor upload(const Tensor& host) = 0;
  /// The content in the host's memory, of the same type; the tensor itself where it lies there.
  virtual Tensor download(const Tensor& x) = 0;
  /// A layer as linear() takes it. Its weight and bias may lie on the device or in the host's
  /// memory; the weight in any of the checkpoint's types, the bias in float32.
  virtual Linear prepare(const Linear& layer, WeightForm form) = 0;
  /// The same of many layers, each in its place.
  virtual void prepare_all(std::span<Linear* const> layers, WeightForm form) {
    for (Linear* const layer : layers) *layer = prepare(*layer, form);
  }
  /// Products of up to so many rows give every row the same bits whatever the other rows are, and
  /// however many.
  virtual int64_t few_rows() const = 0;
  /// Images of so many rows in all are encoded together, and one at least. On one by itself its
  /// bits do not depend on what else is encoded, which few products promise; a card needs more to
  /// be busy.
  virtual int64_t rows_at_once() const { return 1; }
  /// What repeats steps, where the backend gains by that.
  virtual StepRepeater* step_repeater() { return nullptr; }
  /// A float32 copy of any tensor.
  virtual Tensor to_float(const Tensor& x) = 0;
  /// factor * x, in float32, of any tensor.
  virtual Tensor scaled(const Tensor& x, double factor) = 0;

  /// Rows of x [M, N], in that order.  -> [rows, N]
  virtual Tensor gather_rows(const Tensor& x, std::span<const int64_t> rows) = 0;
  /// Rows first_row onward of `to` become those of `from`, of the same type and width.
  virtual void copy_rows(Tensor& to, int64_t first_row, const Tensor& from) = 0;
  /// Rows `ids` of the table [V, D].  -> [T, D]
  virtual Tensor embedding(const Tensor& table, std::span<const int32_t> ids) = 0;
  /// activation(x W^T + b).  x [M, K] -> [M, N]
  virtual Tensor linear(const Tensor& x, const Linear& layer, Activation activation) = 0;
  /// y += x W^T + b.  x [M, K], y [M, N]
  virtual void linear_add(Tensor& y, const Tensor& x, const Linear& layer) = 0;
  /// y = activation(y), of a float32 tensor.
  virtual void activate(Tensor& y, Activation activation) = 0;
  /// x / sqrt(mean(x^2) + eps) * weight, by rows.  -> [M, D]
  virtual Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) = 0;
  /// (x - mean) / sqrt(variance + eps) * weight + bias, by rows.  -> [M, D]
  virtual Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                            double eps) = 0;
  /// silu(gate) * up
  virtual Tensor swiglu(const Tensor& gate, const Tensor& up) = 0;
  /// x[m] += y[m mod rows of y]: position embeddings repeated over a batch of images.
  virtual void add_repeated(Tensor& x, const Tensor& y) = 0;
  /// flags[index], float32, becomes 1 where the lengths of all rows of float32 x are finite: no
  /// value is NaN or infinite, nor so large that a norm of its row would overflow; else 0.
  virtual void note_finite_rows(const Tensor& x, Tensor& flags, int64_t index) = 0;
  /// P x P patches of images [n, 3, S, S] in row-major order.  -> [n*L, 3*P*P]
  virtual Tensor patches(const Tensor& pixel_values, int64_t patch_size) = 0;

  /// Angles of the rotary embedding at the positions from 0, theta^(-2i/d) apart: d/2 cosines, then
  /// d/2 sines.  -> [positions, d]
  virtual Tensor rope_table(int64_t positions, int64_t d, double theta) = 0;
  /// Rotary embedding in the half-split convention of heads x [T, H, d], row t at positions[t],
  /// by a rope_table.  -> [T, H, d]
  virtual Tensor rotate(const Tensor& x, const Tensor& rope,
                        std::span<const int32_t> positions) = 0;
  /// An empty block, for at least `capacity` positions; its memory is not the pool's, since it
  /// outlives the pass that fills it. dtype: float32, bf16 or int8.
  virtual KeyValueBlock new_block(int64_t key_value_heads, int64_t capacity, int64_t d,
                                  DType dtype) = 0;
  /// A block of its own with the same content.
  virtual KeyValueBlock copy(const KeyValueBlock& block) = 0;
  /// Writes keys and values [T, Hkv, d] behind the block's `count` and raises it.
  virtual void append(KeyValueBlock& block, const Tensor& keys, const Tensor& values) = 0;
  /// Splits v_kv_proj's output for one image, [L, Hkv, 2, d], into a block of the given dtype.
  virtual KeyValueBlock split_keys_values(const Tensor& kv, int64_t key_value_heads,
                                          DType dtype) = 0;
  /// The block as it lies in the host's memory (cpu/host_block.h), which memory files hold, and the
  /// way back; the block itself where it lies there.
  virtual KeyValueBlock to_host(const KeyValueBlock& block) = 0;
  virtual KeyValueBlock from_host(const KeyValueBlock& block) = 0;

  /// Full attention of each of n images over itself: q, k, v [n*L, H, d] -> [n*L, H, d].
  virtual Tensor self_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                int64_t tokens_per_image) = 0;
  /// Causal attention of rotated queries [T, H, d]: the rows of the sequences, one sequence behind
  /// another, each over its own text.
  virtual AttentionPart causal_attention(const Tensor& q, std::span<const TextRows> sequences) = 0;
  /// Attention of unrotated queries [T, H, d], the rows of the sequences one behind another, over
  /// images: queries are rotated by their distance to the image, its keys never.
  virtual AttentionPart visual_attention(const Tensor& q, std::span<const VisualRows> sequences,
                                         const Tensor& rope) = 0;
  /// One softmax over both parts' keys; a row that sees no key of b keeps a's.  -> [T, H, d]
  virtual Tensor join_softmax(const AttentionPart& a, const AttentionPart& b) = 0;
  /// (1 - g) * text + g * visual with g [H*d]; rows and heads that see no image keep the text's
  /// part.  -> [T, H, d]
  virtual Tensor mix_by_gate(const AttentionPart& text, const AttentionPart& visual,
                             const Tensor& gate) = 0;

  /// How much the watched rows of a sequence, of which the first is that row of all, read of each
  /// image: of the softmax over its visual keys alone or, where `text` is given, over both parts.
  /// 0 of an image that a row does not see.
  virtual ImageWeights image_weights(const AttentionPart& visual, size_t sequence,
                                     int64_t first_row, const AttentionPart* text) = 0;
  /// The weight of every key of an image, summed over rows. q [T, H, d], unrotated, distances[t]
  /// behind the image; log_sum_exps [T, H] of the softmaxes that the weights are of.
  ///   -> of the host, [H, L]
  virtual std::vector<float> key_weights(const Tensor& q, std::span<const int32_t> distances,
                                         std::span<const float> log_sum_exps,
                                         const KeyValueBlock& image, const Tensor& rope) = 0;
};

}  // namespace owl3
