// Checkpoints of random weights in the shapes of the released ones: for measuring speed and memory,
// and for trying the program, where the real files can't be had.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/variant.h"
#include "formats/config.h"
#include "owl3/options.h"

namespace owl3 {

/// The structure of a released checkpoint, or of one made up.
struct CheckpointShape {
  std::string_view name;
  Variant variant = Variant::kGated;
  ModelConfig config;
};

/// "1b", "2b", "7b-240728", "7b-241101", "tiny". UsageError for another name.
CheckpointShape checkpoint_shape(std::string_view name);
std::vector<std::string_view> checkpoint_shape_names();

struct RandomCheckpointOptions {
  DType dtype = DType::kBF16;
  uint64_t seed = 0;
  uint64_t shard_bytes = 5'000'000'000;  // as the released files are cut
  std::filesystem::path tokenizer;       // a tokenizer.json to copy; empty: one is made
  int threads = 1;
};

/// Bytes of all the weights that would be written.
uint64_t random_checkpoint_bytes(const CheckpointShape& shape, DType dtype);

/// Writes config.json, generation_config.json, tokenizer.json and the weights into `folder`, which
/// must exist. Memory stays at a few MiB. The progress counts bytes.
void write_random_checkpoint(const std::filesystem::path& folder, const CheckpointShape& shape,
                             const RandomCheckpointOptions& options,
                             const ProgressCallback& progress);

}  // namespace owl3
