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

#include "train/distributed.h"
#include "train/flat_parameters.h"
#include "train/sharded_adamw.h"

namespace owl3::train {

/// What a run is at between two steps.
struct RunState {
  int64_t step = 0;           // steps done
  int64_t skipped_steps = 0;  // of these, without an update: their gradients were no numbers
  double logged_loss = 0;     // summed since the last line of metrics
  int64_t logged_steps = 0;   // how many steps that are
  nlohmann::json data;        // the stream's state
  nlohmann::ordered_json recipe;
};

/// Writes this process's shard into `checkpoint`/trainer_state; all processes do.
void save_shard(const std::filesystem::path& checkpoint, const FlatParameters& parameters,
                const ShardedAdamW& optimizer, const Processes& processes);
/// Writes state.json; the first process does.
void save_state(const std::filesystem::path& checkpoint, const RunState& state,
                const FlatParameters& parameters, const ShardedAdamW& optimizer,
                const Processes& processes);

/// Fills parameters and optimiser from all shards, whatever the number of processes that wrote
/// them. Throws InputError for what is missing, broken or of another model.
RunState load_run(const std::filesystem::path& checkpoint, FlatParameters& parameters,
                  ShardedAdamW& optimizer, const Processes& processes);

/// Throws InputError naming the first key in which a resumed recipe differs from that of the
/// checkpoint, but for those that may: where and how often things are written, data threads,
/// validation, the length of the run and the learning rate.
void check_same_recipe(const nlohmann::ordered_json& saved, const nlohmann::ordered_json& now,
                       const std::string& name);

}  // namespace owl3::train
