#include "benchmarks/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "core/similar.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kKeys = {"type",       "ds_name",         "cut_cfg",    "num_frames",
                              "use_number", "use_llava_style", "image_index"};
constexpr int64_t kMostFrames = 100'000;

/// The classes that take a setting; the official ones end in an error at any other.
bool takes(const std::string& task, const std::string& key) {
  if (key == "num_frames") {
    constexpr std::array kOfFilms = {"NextQATask", "VideoMMEBench", "LongVideoBenchTask",
                                     "MvBenchTask", "VideoQA"};
    return std::find(kOfFilms.begin(), kOfFilms.end(), task) != kOfFilms.end();
  }
  if (key == "use_number") return task == "AI2DBench";
  if (key == "use_llava_style") return task == "VQATask";
  if (key == "image_index") return task == "LlavaInterleaveBenchTask";
  return true;
}

/// A text of an entry; nothing where it is missing.
std::optional<std::string> text_in(const PlanLine& line, const char* key) {
  const Json value = line.entry.value(key, Json());
  if (value.is_null()) return std::nullopt;
  if (!value.is_string()) {
    throw InputError(fmt::format("{}: {} must be a name", line.where, key));
  }
  return value.get<std::string>();
}

/// true, and what Python's YAML takes for it.
std::optional<bool> truth_in(const PlanLine& line, const char* key) {
  const Json value = line.entry.value(key, Json());
  if (value.is_null()) return std::nullopt;
  if (value.is_boolean()) return value.get<bool>();
  if (value == "True") return true;
  if (value == "False") return false;
  throw InputError(fmt::format("{}: {} must be true or false", line.where, key));
}

std::optional<int64_t> frames_in(const PlanLine& line) {
  const Json value = line.entry.value("num_frames", Json());
  if (value.is_null()) return std::nullopt;
  if (!value.is_number_integer() || value.get<int64_t>() < 1 ||
      value.get<int64_t>() > kMostFrames) {
    throw InputError(
        fmt::format("{}: num_frames must be a number from 1 to {}", line.where, kMostFrames));
  }
  return value.get<int64_t>();
}

/// What stands in it has no effect in the official code, but whether anything does.
bool is_cut(const PlanLine& line) {
  const Json value = line.entry.value("cut_cfg", Json());
  if (value.is_object()) return !value.empty();
  return truth_in(line, "cut_cfg").value_or(false);
}

void check_keys(const PlanLine& line) {
  if (!line.entry.is_object()) {
    throw InputError(fmt::format(
        "{}: an entry of a plan is {{type, ds_name, ...}}, such as \"- ds_name: gqa_testdev\"",
        line.where));
  }
  const std::vector<std::string> known(kKeys.begin(), kKeys.end());
  for (const auto& [key, value] : line.entry.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw InputError(fmt::format("{}: an entry of a plan has no key {} (there are {}){}",
                                 line.where, key, fmt::join(known, ", "),
                                 did_you_mean(key, known)));
  }
}

BenchmarkSet find_planned(const PlanLine& line, const std::string& name) {
  if (name == "textvqa_val") {
    throw InputError(
        fmt::format("{}: the official plan's textvqa_val is no data set of its code: write "
                    "textvqa_val_ocr_v2, which the plan has too, or leave the entry out",
                    line.where));
  }
  try {
    return find_benchmark_set(name);
  } catch (const UsageError& error) {
    throw InputError(fmt::format("{}: {}", line.where, error.what()));
  }
}

}  // namespace

BenchmarkSet planned_set(const PlanLine& line) {
  check_keys(line);
  const auto name = text_in(line, "ds_name");
  if (!name) throw InputError(fmt::format("{}: ds_name is missing", line.where));
  BenchmarkSet set = find_planned(line, *name);
  const std::string type = text_in(line, "type").value_or(set.task);
  if (type != set.task) {
    throw InputError(
        fmt::format("{}: {} is no data set of {}, but of {}", line.where, *name, type, set.task));
  }
  for (const char* key : kKeys) {
    if (line.entry.contains(key) && !takes(type, key)) {
      throw InputError(fmt::format("{}: {} takes no {}", line.where, type, key));
    }
  }
  TaskSettings settings;
  settings.cut = is_cut(line);
  settings.num_frames = frames_in(line);
  settings.use_number = truth_in(line, "use_number").value_or(settings.use_number);
  settings.use_llava_style = truth_in(line, "use_llava_style").value_or(settings.use_llava_style);
  settings.image_index = truth_in(line, "image_index").value_or(settings.image_index);
  set.planned = settings;
  return set;
}

std::vector<BenchmarkSet> planned_sets(const std::vector<PlanLine>& lines,
                                       const std::string& name) {
  if (lines.empty()) throw InputError(fmt::format("{}: asks nothing", name));
  std::vector<BenchmarkSet> sets;
  for (const PlanLine& line : lines) {
    BenchmarkSet set = planned_set(line);
    for (const BenchmarkSet& other : sets) {
      if (other.name != set.name) continue;
      throw InputError(
          fmt::format("{}: {} is asked twice; for another way of asking, a plan and -o of its own",
                      line.where, set.name));
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

}  // namespace owl3
