#include "cli/bench/bench_checks.h"

#include <algorithm>

#include "cli/bench/bench_tests.h"
#include "cli/bench/bench_work.h"
#include "core/byte_text.h"
#include "core/error.h"

namespace owl3::cli {

namespace {

void check_context(const Checkpoint& checkpoint, const char* option, int64_t asked,
                   int64_t tokens) {
  const int64_t context = checkpoint.config().max_position_embeddings;
  if (tokens <= context) return;
  throw UsageError(fmt::format("{} {}: makes {} tokens, but the model's context ends at {}", option,
                               asked, tokens, context));
}

}  // namespace

void check_context(const Checkpoint& checkpoint, const BenchOptions& options) {
  const int64_t behind = std::max(options.decode_tokens, kQuestionTokens);
  if (options.wants("prefill")) {
    check_context(checkpoint, "--prefill", options.prefill_tokens, options.prefill_tokens);
  }
  if (options.wants("decode") || options.wants("images")) {
    check_context(checkpoint, "--decode", options.decode_tokens, kPromptTokens + 1 + behind);
  }
  if (!options.wants("images")) return;
  for (const int64_t images : options.images) {
    check_context(checkpoint, "--images", images, images + kPromptTokens + 1 + behind);
  }
}

void check_memory(const Checkpoint& checkpoint, const std::vector<BenchModel>& models,
                  const BenchOptions& options, const MachineMemory& memory) {
  if (!options.wants("images")) return;
  double weights = 0;
  for (const BenchModel& model : models) {
    const auto bytes = static_cast<double>(model.is_converted() ? model.converted_bytes()
                                                                : checkpoint.weight_bytes());
    weights = std::max(weights, bytes);
  }
  const int64_t images = *std::max_element(options.images.begin(), options.images.end());
  const double per_image =
      WorkCounts(checkpoint, options.model_options, false).visual_bytes_per_image();
  const double needed = static_cast<double>(images) * per_image;
  const double left = static_cast<double>(memory.available_bytes) - weights;
  if (needed <= left) return;
  throw UsageError(
      fmt::format("--images {}: need {} of visual memory ({} each), but {} are "
                  "available beside the weights; {} fit",
                  images, byte_text(needed), byte_text(per_image), byte_text(std::max(0.0, left)),
                  static_cast<int64_t>(std::max(0.0, left) / per_image)));
}

}  // namespace owl3::cli
