#include "train/run_checkpoint.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/safetensors.h"
#include "train/tensor_exchange.h"

namespace owl3::train {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kFolder = "trainer_state";
constexpr const char* kStateFile = "state.json";

fs::path shard_path(const fs::path& checkpoint, int64_t rank, int64_t world) {
  return checkpoint / kFolder / fmt::format("shard-{}-of-{}.safetensors", rank, world);
}

Json layout_of(const FlatParameters& parameters) {
  Json layout = Json::array();
  for (const auto& place : parameters.places()) layout.push_back({place.name, place.size});
  return layout;
}

Json read_state(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const Json json = Json::parse(file, nullptr, false);
  if (!file || !json.is_object()) {
    throw InputError(
        fmt::format("{}: missing or broken; --resume needs a whole checkpoint of "
                    "this trainer",
                    path.string()));
  }
  return json;
}

/// Copies what two ranges of the flat parameters have in common: `from` begins at `from_begin`,
/// `to` at `to_begin`.
void copy_overlap(const torch::Tensor& from, int64_t from_begin, const torch::Tensor& to,
                  int64_t to_begin) {
  const int64_t begin = std::max(from_begin, to_begin);
  const int64_t end = std::min(from_begin + from.numel(), to_begin + to.numel());
  if (begin >= end) return;
  to.narrow(0, begin - to_begin, end - begin)
      .copy_(from.narrow(0, begin - from_begin, end - begin));
}

torch::Tensor shard_tensor(const TensorMap& shard, const char* name, const fs::path& path) {
  const auto found = shard.find(name);
  const std::string where = fmt::format("{}: {}", path.string(), name);
  if (found == shard.end()) throw InputError(where + " is missing");
  torch::Tensor values = torch::empty({found->second.size()});
  copy_values(found->second, values, where);
  return values;
}

void load_shards(const fs::path& checkpoint, int64_t world, FlatParameters& parameters,
                 ShardedAdamW& optimizer) {
  const torch::NoGradGuard no_grad;
  int64_t begin = 0;
  for (int64_t rank = 0; rank < world; ++rank) {
    const fs::path path = shard_path(checkpoint, rank, world);
    const TensorMap shard = load_safetensors(path);
    const torch::Tensor values = shard_tensor(shard, "values", path);
    copy_overlap(values, begin, parameters.values(), 0);
    copy_overlap(shard_tensor(shard, "first_moment", path), begin, optimizer.first_moment(),
                 optimizer.begin());
    copy_overlap(shard_tensor(shard, "second_moment", path), begin, optimizer.second_moment(),
                 optimizer.begin());
    begin += values.numel();
  }
  if (begin < parameters.size()) {
    throw InputError(fmt::format("{}: its shards hold {} values; the model trains {}",
                                 checkpoint.string(), begin, parameters.size()));
  }
}

}  // namespace

void save_shard(const fs::path& checkpoint, const FlatParameters& parameters,
                const ShardedAdamW& optimizer, const Processes& processes) {
  const int64_t length = optimizer.first_moment().numel();
  const std::vector<FileTensor> tensors = {
      {"values", parameters.values().narrow(0, optimizer.begin(), length)},
      {"first_moment", optimizer.first_moment()},
      {"second_moment", optimizer.second_moment()}};
  std::error_code error;
  fs::create_directories(checkpoint / kFolder, error);
  if (error) {
    throw InputError(
        fmt::format("{}: cannot be made: {}", (checkpoint / kFolder).string(), error.message()));
  }
  write_tensors(shard_path(checkpoint, processes.rank(), processes.world()), tensors, DType::kF32);
}

void save_state(const fs::path& checkpoint, const RunState& state, const FlatParameters& parameters,
                const ShardedAdamW& optimizer, const Processes& processes) {
  Json json = {{"step", state.step},
               {"optimizer_steps", optimizer.steps()},
               {"skipped_steps", state.skipped_steps},
               {"logged_loss", state.logged_loss},
               {"logged_steps", state.logged_steps},
               {"processes", processes.world()},
               {"data", state.data},
               {"recipe", state.recipe},
               {"tensors", layout_of(parameters)}};
  AtomicFile file(checkpoint / kFolder / kStateFile);
  file.write(json.dump(1) + "\n");
  file.commit();
}

RunState load_run(const fs::path& checkpoint, FlatParameters& parameters, ShardedAdamW& optimizer,
                  const Processes&) {
  const fs::path path = checkpoint / kFolder / kStateFile;
  const Json json = read_state(path);
  RunState state;
  int64_t world = 0;
  try {
    state.step = json.at("step").get<int64_t>();
    state.skipped_steps = json.at("skipped_steps").get<int64_t>();
    state.logged_loss = json.at("logged_loss").get<double>();
    state.logged_steps = json.at("logged_steps").get<int64_t>();
    state.data = json.at("data");
    state.recipe = json.at("recipe");
    world = json.at("processes").get<int64_t>();
    optimizer.set_steps(json.at("optimizer_steps").get<int64_t>());
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: broken: {}", path.string(), error.what()));
  }
  if (world < 1 || !json.contains("tensors") || json["tensors"] != layout_of(parameters)) {
    throw InputError(fmt::format("{}: is of other tensors than this recipe trains", path.string()));
  }
  load_shards(checkpoint, world, parameters, optimizer);
  return state;
}

void check_same_recipe(const Json& saved, const Json& now, const std::string& name) {
  constexpr std::array kMayChange = {
      "output",         "validation", "save_every", "keep",          "log_every", "workers",
      "cache_features", "steps",      "epochs",     "learning_rate", "schedule",  "feature_folder"};
  const auto may_change = [&](const std::string& key) {
    return std::find(kMayChange.begin(), kMayChange.end(), key) != kMayChange.end();
  };
  // How a step's rows are shared by passes and processes is the data stream's to check.
  const auto without_shares = [](Json batch) {
    batch.erase("rows");
    batch.erase("accumulate");
    return batch;
  };
  Json all = saved;
  all.update(now);
  for (const auto& [key, value] : all.items()) {
    if (may_change(key)) continue;
    Json before = saved.contains(key) ? saved[key] : Json();
    Json after = now.contains(key) ? now[key] : Json();
    if (key == "batch" && before.is_object() && after.is_object()) {
      before = without_shares(before);
      after = without_shares(after);
    }
    if (before == after) continue;
    throw InputError(fmt::format(
        "{}: {} was {} when the run began and is {} now; go on with the former, or begin a new run "
        "with another output",
        name, key, before.dump(), after.dump()));
  }
}

}  // namespace owl3::train
