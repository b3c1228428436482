#include "train/copying_heads.h"

#include <torch/torch.h>

#include <string>
#include <tuple>

#include "core/error.h"
#include "train/preferred_distance.h"
#include "train/seeded_normal.h"

namespace owl3::train {

namespace {

using torch::Tensor;

constexpr double kIdentitySize = 3;  // of embeddings, in their own deviations
constexpr double kShutGate = -6;     // before the sigmoid

/// The rows of one head in a projection of an attention, the last head first.
class Head {
 public:
  Head(Owl3ModuleImpl& module, int64_t layer, int64_t from_last)
      : parameters_(module.named_parameters()),
        prefix_(fmt::format("language_model.model.layers.{}.self_attn.", layer)),
        head_size_(module.config().head_size()),
        from_last_(from_last) {}

  /// [d, hidden] of q_proj, k_proj, v_proj, or [d] of their biases
  Tensor rows(const char* name) {
    const Tensor parameter = parameters_[prefix_ + name];
    return parameter.slice(0, first(parameter.size(0)), first(parameter.size(0)) + head_size_);
  }
  /// [hidden, d]
  Tensor output() {
    const Tensor parameter = parameters_[prefix_ + "o_proj.weight"];
    return parameter.slice(1, first(parameter.size(1)), first(parameter.size(1)) + head_size_);
  }

 private:
  int64_t first(int64_t size) const { return size - (from_last_ + 1) * head_size_; }

  torch::OrderedDict<std::string, Tensor> parameters_;
  std::string prefix_;
  int64_t head_size_;
  int64_t from_last_;
};

/// Rows for the channels that the rotary embedding hardly turns, the slower half of the pairs:
/// [d / 2, hidden] into [d, hidden].
void fill_slow(const Tensor& head_rows, const Tensor& rows) {
  const int64_t quarter = head_rows.size(0) / 4;
  head_rows.fill_(0);
  head_rows.slice(0, quarter, 2 * quarter).copy_(rows.slice(0, 0, quarter));
  head_rows.slice(0, 3 * quarter).copy_(rows.slice(0, quarter));
}

/// What the head attends to comes out again, in the reader's directions.
void copy_values(Head head, const Tensor& reader, double size) {
  head.rows("v_proj.weight").copy_(reader);
  head.output().copy_(size * reader.t());
}

/// `count` directions of the stream, at right angles to each other: [count, hidden].
Tensor random_directions(int64_t count, int64_t hidden, uint64_t seed) {
  const Tensor matrix = seeded_normal({hidden, count}, "copying heads", seed, 1);
  return std::get<0>(torch::linalg_qr(matrix)).t().contiguous();
}

}  // namespace

void start_copying(Owl3ModuleImpl& module, double sharpness, double deviation, uint64_t seed) {
  const ModelConfig& config = module.config();
  if (config.num_hidden_layers < 2 || config.num_attention_heads < 3 ||
      config.num_key_value_heads < config.num_attention_heads) {
    throw InputError("init.copying needs two layers, and three heads with keys of their own");
  }
  const int64_t d = config.head_size(), half = d / 2;
  const Tensor directions = random_directions(3 * d, config.hidden_size, seed);
  // Where a token's identity is read, where the next token is told it, what is copied.
  const Tensor identity = directions.slice(0, 0, half), told = directions.slice(0, half, d);
  const Tensor continued = directions.slice(0, d, 2 * d), found = directions.slice(0, 2 * d);
  auto parameters = module.named_parameters();
  const Tensor embeddings = parameters["language_model.model.embed_tokens.weight"];
  embeddings.sub_(embeddings.matmul(told.t()).matmul(told));  // only predecessors are told there
  // Training gives tokens of a kind much in common, in steps of the learning rate; what tells them
  // apart is to stay the larger part.
  embeddings.mul_(kIdentitySize);
  parameters["language_model.model.norm.weight"].fill_(1 / kIdentitySize);
  const double size = kIdentitySize * deviation;  // of the stream

  Head previous(module, 0, 0);
  prefer_distance(previous.rows("q_proj.bias"), previous.rows("k_proj.bias"), config.rope_theta, 6,
                  1);
  previous.rows("v_proj.weight").slice(0, 0, half).copy_(identity);
  previous.output().slice(1, 0, half).copy_(2 * size * told.t());
  // It goes on telling where there are images: its gates are shut.
  const Tensor* gate = parameters.find("language_model.model.layers.0.self_attn.gate");
  if (gate != nullptr) gate->slice(0, config.hidden_size - d).fill_(kShutGate);

  Head continuing(module, 1, 0);
  fill_slow(continuing.rows("q_proj.weight"), sharpness * identity);
  fill_slow(continuing.rows("k_proj.weight"), sharpness * told);
  copy_values(continuing, continued, 6 * size);

  Head same(module, 1, 1);
  fill_slow(same.rows("q_proj.weight"), sharpness * identity);
  fill_slow(same.rows("k_proj.weight"), sharpness * identity);
  // Who looks for a token like itself would find itself.
  prefer_distance(same.rows("q_proj.bias"), same.rows("k_proj.bias"), config.rope_theta, 5, 0);
  same.rows("k_proj.bias").neg_();
  copy_values(same, found, size);
}

}  // namespace owl3::train
