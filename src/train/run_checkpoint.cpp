#include "train/run_checkpoint.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/safetensors.h"
#include "runs/run_folder.h"
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
    throw InputError(fmt::format("{}: missing or broken", path.string()));
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

/// Throws InputError when something is missing or cut short, without reading the values.
void check_whole(const fs::path& checkpoint, int64_t step) {
  const SavedRun saved = read_run(checkpoint);
  if (saved.state.step != step) {
    throw InputError(
        fmt::format("{}: holds step {}, not {}", checkpoint.string(), saved.state.step, step));
  }
  for (int64_t rank = 0; rank < saved.processes; ++rank) {
    load_safetensors(shard_path(checkpoint, rank, saved.processes));
  }
}

/// Tensors differ where the recipe doesn't when the model's folder holds something else now.
void check_same_tensors(const Json& saved, const Json& now, const fs::path& path) {
  const size_t most = std::max(saved.size(), now.size());
  for (size_t i = 0; i < most; ++i) {
    const Json before = i < saved.size() ? saved[i] : Json();
    const Json after = i < now.size() ? now[i] : Json();
    if (before == after) continue;
    const auto text = [](const Json& tensor) {
      return tensor.is_null() ? "nothing" : tensor.dump();
    };
    throw InputError(
        fmt::format("{}: is of other tensors than this recipe trains: where it has {}, the model "
                    "has {}; is it the model that the run began with?",
                    path.string(), text(before), text(after)));
  }
}

std::string value_text(const Json& value) {
  return value.is_null() ? "not set" : value.dump();
}

/// The first difference of two values of `key`, which may be mappings or lists.
void check_same(const Json& before, const Json& after, const std::string& key,
                const std::string& name) {
  if (before == after) return;
  if (before.is_object() && after.is_object()) {
    Json all = before;
    all.update(after);
    for (const auto& [inner, value] : all.items()) {
      check_same(before.value(inner, Json()), after.value(inner, Json()),
                 key.empty() ? inner : key + "." + inner, name);
    }
  } else if (before.is_array() && after.is_array() && before.size() == after.size()) {
    for (size_t i = 0; i < before.size(); ++i) {
      check_same(before[i], after[i], fmt::format("{}[{}]", key, i), name);
    }
  } else {
    throw InputError(fmt::format(
        "{}: {} was {} when the run began and is {} now; go on with the former, or begin a new run "
        "with another output",
        name, key, value_text(before), value_text(after)));
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
               {"broken_samples", state.broken_samples},
               {"processes", processes.world()},
               {"data", state.data},
               {"recipe", state.recipe},
               {"tensors", layout_of(parameters)}};
  AtomicFile file(checkpoint / kFolder / kStateFile);
  file.write(json.dump(1) + "\n");
  file.commit();
}

SavedRun read_run(const fs::path& checkpoint) {
  const fs::path path = checkpoint / kFolder / kStateFile;
  const Json json = read_state(path);
  SavedRun saved;
  RunState& state = saved.state;
  try {
    state.step = json.at("step").get<int64_t>();
    state.skipped_steps = json.at("skipped_steps").get<int64_t>();
    state.logged_loss = json.at("logged_loss").get<double>();
    state.logged_steps = json.at("logged_steps").get<int64_t>();
    state.broken_samples = json.value("broken_samples", int64_t{0});
    state.data = json.at("data");
    state.recipe = json.at("recipe");
    saved.processes = json.at("processes").get<int64_t>();
    saved.optimizer_steps = json.at("optimizer_steps").get<int64_t>();
    saved.tensors = json.at("tensors");
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: broken: {}", path.string(), error.what()));
  }
  const bool possible = state.step >= 0 && saved.processes >= 1 && saved.tensors.is_array();
  if (!possible) throw InputError(fmt::format("{}: broken", path.string()));
  return saved;
}

void load_run(const fs::path& checkpoint, const SavedRun& saved, FlatParameters& parameters,
              ShardedAdamW& optimizer) {
  check_same_tensors(saved.tensors, layout_of(parameters), checkpoint / kFolder / kStateFile);
  load_shards(checkpoint, saved.processes, parameters, optimizer);
  optimizer.set_steps(saved.optimizer_steps);
}

FoundCheckpoint newest_whole_checkpoint(const fs::path& run) {
  FoundCheckpoint found;
  std::vector<int64_t> steps = checkpoint_steps_in(run);
  for (; !steps.empty(); steps.pop_back()) {
    try {
      check_whole(run / fmt::format("checkpoint-{}", steps.back()), steps.back());
      found.step = steps.back();
      return found;
    } catch (const InputError& error) {
      found.passed_over.emplace_back(error.what());
    }
  }
  if (!found.passed_over.empty()) {
    throw InputError(
        fmt::format("{}: no checkpoint is whole: {}; begin a new run with another output",
                    run.string(), fmt::join(found.passed_over, "; ")));
  }
  if (fs::exists(run / "last")) {
    throw InputError(
        fmt::format("{}: the run's checkpoints are gone; remove this file to begin anew",
                    (run / "last").string()));
  }
  return found;
}

void check_same_recipe(const Json& saved, const Json& now, const std::string& name) {
  constexpr std::array kMayChange = {
      "output",   "validation",     "save_every", "keep",      "log_every",
      "workers",  "cache_features", "steps",      "epochs",    "learning_rate",
      "schedule", "feature_folder", "on_broken",  "max_broken"};
  const auto what_counts = [&](Json recipe) {
    for (const char* key : kMayChange) recipe.erase(key);
    // How a step's rows are shared by passes and processes is the data stream's to check.
    if (recipe.contains("batch") && recipe["batch"].is_object()) {
      recipe["batch"].erase("rows");
      recipe["batch"].erase("accumulate");
    }
    return recipe;
  };
  check_same(what_counts(saved), what_counts(now), "", name);
}

}  // namespace owl3::train
