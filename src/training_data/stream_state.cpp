#include "training_data/stream_state.h"

#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::json;

constexpr const char* kWhatToDo =
    "put back what the run began with, or begin a new run with another output";

/// A path, or the source's number where an older state has none.
std::string name_of(const Json& source, size_t index) {
  return source.value("path", fmt::format("data source {}", index + 1));
}

/// What a source depends on but its path, which may change. States of before there were content
/// sums are compared without.
void compare_source(const Json& was, const Json& now, size_t index, const std::string& name) {
  for (const char* key : {"rows", "bytes", "content", "weight"}) {
    const Json before = was.value(key, Json());
    if (before == now.at(key) || (before.is_null() && key == std::string("content"))) continue;
    const std::string file = name_of(now, index);
    if (key == std::string("content")) {
      throw InputError(
          fmt::format("{}: {} has changed since: rows were edited or put in another order; {}",
                      name, file, kWhatToDo));
    }
    throw InputError(fmt::format("{}: {} has changed since: {} was {} and is {}; {}", name, file,
                                 key, before.dump(), now.at(key).dump(), kWhatToDo));
  }
}

void compare_sources(const Json& was, const Json& now, const std::string& name) {
  if (!was.is_array() || was.size() != now.size()) {
    throw InputError(fmt::format("{}: saved with {} files of data, and there are {} now; {}", name,
                                 was.size(), now.size(), kWhatToDo));
  }
  for (size_t i = 0; i < now.size(); ++i) {
    if (!was[i].is_object()) throw InputError(fmt::format("{}: not a state of data", name));
    compare_source(was[i], now[i], i, name);
  }
}

}  // namespace

JsonReader open_stream_state(const nlohmann::json& state, const nlohmann::json& description,
                             const std::string& name) {
  const bool has_data = state.is_object() && state.contains("data") && state.at("data").is_object();
  if (!has_data) throw InputError(fmt::format("{}: not a state of training data", name));
  for (const auto& [key, value] : description.items()) {
    const nlohmann::json was = state.at("data").value(key, nlohmann::json());
    if (key == "sources") {
      compare_sources(was, value, name);
      continue;
    }
    if (was == value) continue;
    throw InputError(fmt::format("{}: saved with other data or options: {} was {} and is {}", name,
                                 key, was.dump(), value.dump()));
  }
  return JsonReader(state, name);
}

}  // namespace owl3
