#include "data/stream_state.h"

#include "core/error.h"

namespace owl3 {

JsonReader open_stream_state(const nlohmann::json& state, const nlohmann::json& description,
                             const std::string& name) {
  const bool has_data = state.is_object() && state.contains("data") && state.at("data").is_object();
  if (!has_data) throw InputError(fmt::format("{}: not a state of training data", name));
  for (const auto& [key, value] : description.items()) {
    const nlohmann::json was = state.at("data").value(key, nlohmann::json());
    if (was == value) continue;
    throw InputError(fmt::format("{}: saved with other data or options: {} was {} and is {}", name,
                                 key, was.dump(), value.dump()));
  }
  return JsonReader(state, name);
}

}  // namespace owl3
