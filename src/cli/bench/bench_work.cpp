#include "cli/bench/bench_work.h"

#include <algorithm>

#include "backend/cpu/kernels.h"
#include "core/dtype.h"
#include "formats/tensor_names.h"

namespace owl3::cli {

Work& Work::operator+=(const Work& more) {
  float32_operations += more.float32_operations;
  bf16_operations += more.bf16_operations;
  int8_operations += more.int8_operations;
  bytes += more.bytes;
  return *this;
}

Bound bound_of(const Work& work, const MachinePeaks& peaks) {
  const auto seconds = [](double operations, double giga_per_second) {
    return operations > 0 ? operations / (giga_per_second * 1e9) : 0;
  };
  const Bound parts[] = {{seconds(work.float32_operations, peaks.float32_gflops), "float32"},
                         {seconds(work.bf16_operations, peaks.bf16_gflops), "bf16"},
                         {seconds(work.int8_operations, peaks.int8_gops), "int8"}};
  Bound arithmetic =
      *std::max_element(std::begin(parts), std::end(parts),
                        [](const Bound& a, const Bound& b) { return a.seconds < b.seconds; });
  arithmetic.seconds = parts[0].seconds + parts[1].seconds + parts[2].seconds;
  const Bound memory = {seconds(work.bytes, peaks.gigabytes_per_second), "memory"};
  return memory.seconds > arithmetic.seconds ? memory : arithmetic;
}

WorkCounts::WorkCounts(const Checkpoint& checkpoint, const ModelOptions& options, bool bf16_dot)
    : config_(checkpoint.config()), vision_int8_(options.vision_int8) {
  const bool float32 = options.precision == Precision::kFloat32;
  many_rows_ = bf16_dot && !float32 ? Arithmetic::kBFloat16 : Arithmetic::kFloat32;
  many_rows_int8_ =
      options.precision == Precision::kBFloat16 && cpu::best_kernels().product_quantised != nullptr;
  attention_ = many_rows_;
  text_element_bytes_ = float32 ? 4 : 2;
  visual_element_bytes_ = options.visual_memory_int8 ? 1 : text_element_bytes_;
  visual_scale_bytes_ = options.visual_memory_int8 ? sizeof(float) : 0;
  add_matrices(checkpoint);
}

void WorkCounts::Matrices::add(const Tensor& tensor) {
  const auto size = static_cast<double>(tensor.size());
  weights += size;
  if (is_quantised(tensor.dtype())) quantised_weights += size;
  bytes += static_cast<double>(tensor.size_bytes());
}

void WorkCounts::add_matrices(const Checkpoint& checkpoint) {
  constexpr const char* kEmbedding = "language_model.model.embed_tokens.weight";
  constexpr const char* kHead = "language_model.lm_head.weight";
  for (const ExpectedTensor& expected : expected_tensors(config_, checkpoint.variant())) {
    if (is_kept_plain(expected) || expected.name == kEmbedding || expected.name == kHead) continue;
    const Tensor& tensor = checkpoint.tensor(expected.name);
    switch (expected.part) {
      case ModelPart::kVision:
        (expected.shape.size() == 4 ? patches_ : vision_layers_).add(tensor);
        break;
      case ModelPart::kProjector:
      case ModelPart::kHyper:
        to_memory_.add(tensor);
        break;
      case ModelPart::kDecoder:
        decoder_.add(tensor);
        break;
      case ModelPart::kUnused:
        break;
    }
  }
  head_.add(checkpoint.tensor(config_.tie_word_embeddings ? kEmbedding : kHead));
}

void WorkCounts::add(Work& work, Arithmetic arithmetic, double operations) {
  switch (arithmetic) {
    case Arithmetic::kFloat32:
      work.float32_operations += operations;
      break;
    case Arithmetic::kBFloat16:
      work.bf16_operations += operations;
      break;
    case Arithmetic::kInt8:
      work.int8_operations += operations;
      break;
  }
}

Work WorkCounts::product(const Matrices& matrices, int64_t rows) const {
  Work work;
  work.bytes = matrices.bytes;
  const auto m = static_cast<double>(rows);
  const bool int8 = rows <= cpu::kFewRows || many_rows_int8_;  // x, for quantised weights
  add(work, int8 ? Arithmetic::kInt8 : many_rows_, 2 * m * matrices.quantised_weights);
  add(work, many_rows_, 2 * m * (matrices.weights - matrices.quantised_weights));
  return work;
}

Work WorkCounts::encode(int64_t images) const {
  const VisionConfig& vision = config_.vision;
  const int64_t rows = images * vision.tokens_per_image();
  Work work = product(patches_, rows);
  work += product(to_memory_, rows);
  if (vision_int8_) {  // the weights were rounded when the first image came
    add(work, Arithmetic::kInt8, 2 * static_cast<double>(rows) * vision_layers_.weights);
    work.bytes += vision_layers_.weights;
  } else {
    work += product(vision_layers_, rows);
  }
  // Scores and weighted sums of every token over its image.
  const auto pairs = static_cast<double>(rows * vision.tokens_per_image());
  add(work, attention_, 4 * pairs * static_cast<double>(vision.hidden_size * vision.layers_used()));
  return work;
}

Work WorkCounts::read(int64_t tokens, int64_t before, int64_t images, double visible) const {
  Work work = product(decoder_, tokens);
  work += product(head_, 1);
  const auto count = static_cast<double>(tokens);
  const auto width = static_cast<double>(config_.hidden_size);
  const auto keys = static_cast<double>(before) + (count + 1) / 2;  // that a token sees on average
  add(work, attention_, 4 * count * keys * width * static_cast<double>(config_.num_hidden_layers));
  const auto visual_keys = visible * static_cast<double>(config_.vision.tokens_per_image());
  add(work, attention_,
      4 * count * visual_keys * width * static_cast<double>(config_.hyper_layers.size()));
  work.bytes +=
      static_cast<double>(before * config_.num_hidden_layers * 2 * config_.key_value_size()) *
      text_element_bytes_;
  work.bytes += static_cast<double>(images) * visual_bytes_per_image();
  return work;
}

double WorkCounts::visual_bytes_per_image() const {
  const auto numbers = static_cast<double>(config_.visual_numbers_per_image());
  return numbers * visual_element_bytes_ +
         numbers / static_cast<double>(config_.head_size()) * visual_scale_bytes_;
}

}  // namespace owl3::cli
