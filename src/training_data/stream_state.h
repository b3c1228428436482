// Saved states of data streams: what they have in common.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "formats/json_reader.h"

namespace owl3 {

/// The state's own fields, after its "data" was found to equal the stream's `description`: a state
/// of other data would continue somewhere else. Throws InputError, beginning with `name`, that says
/// what differs. The state must outlive the reader.
JsonReader open_stream_state(const nlohmann::json& state, const nlohmann::json& description,
                             const std::string& name);

}  // namespace owl3
