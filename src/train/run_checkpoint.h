// The trainer's own part of a checkpoint, from which a run goes on exactly as if it had not
// stopped: the trained tensors in float32, the optimiser's moments, where the schedule and the data
// stand.
//
//   checkpoint-STEP/                 the model, in the official layout
//     trainer_state/state.json      step, data, recipe, the order of the tensors
//     trainer_state/shard-R-of-W.safetensors   process R's part: values and moments
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "train/distributed.h"
#include "train/flat_parameters.h"
#include "train/sharded_adamw.h"

namespace owl3::train {

/// What a run is at between two steps.
struct RunState {
  int64_t step = 0;            // steps done
  int64_t skipped_steps = 0;   // of these, without an update: their gradients were no numbers
  double logged_loss = 0;      // summed since the last line of metrics
  int64_t logged_steps = 0;    // how many steps that are
  int64_t broken_samples = 0;  // left out so far, of all processes
  nlohmann::json data;         // the stream's state after the last of the steps
  nlohmann::ordered_json recipe;
};

/// Writes this process's shard into `checkpoint`/trainer_state; all processes do.
void save_shard(const std::filesystem::path& checkpoint, const FlatParameters& parameters,
                const ShardedAdamW& optimizer, const Processes& processes);
/// Writes state.json; the first process does.
void save_state(const std::filesystem::path& checkpoint, const RunState& state,
                const FlatParameters& parameters, const ShardedAdamW& optimizer,
                const Processes& processes);

/// state.json, read.
struct SavedRun {
  RunState state;
  int64_t optimizer_steps = 0;
  int64_t processes = 1;           // that wrote it, a shard each
  nlohmann::ordered_json tensors;  // [[name, values], ...] in the order of the flat parameters
};
/// Throws InputError when it is missing or broken.
SavedRun read_run(const std::filesystem::path& checkpoint);

/// Fills parameters and optimiser from all shards, whatever the number of processes that wrote
/// them. Throws InputError for what is missing, broken or of another model.
void load_run(const std::filesystem::path& checkpoint, const SavedRun& saved,
              FlatParameters& parameters, ShardedAdamW& optimizer);

/// Where a run goes on.
struct FoundCheckpoint {
  std::optional<int64_t> step;           // of the newest that is whole; nothing: there is none
  std::vector<std::string> passed_over;  // newer ones, and what is wrong with each
};
/// Of the run's folder, whatever the file `last` says. Throws InputError when all there are are
/// broken, or all that there were are gone: such a run must not begin anew unasked.
FoundCheckpoint newest_whole_checkpoint(const std::filesystem::path& run);

/// Throws InputError naming the first key in which a resumed recipe differs from that of the
/// checkpoint, and both values, but for those that may: where and how often things are written,
/// data threads, what becomes of broken data, validation, the length of the run and the learning
/// rate.
void check_same_recipe(const nlohmann::ordered_json& saved, const nlohmann::ordered_json& now,
                       const std::string& name);

}  // namespace owl3::train
