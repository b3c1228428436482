// Fields of a benchmark's row, with errors that name them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace owl3 {

// All throw InputError, where the field is missing or of another kind.

const nlohmann::ordered_json& field(const nlohmann::ordered_json& row, const std::string& key);
std::string text_field(const nlohmann::ordered_json& row, const std::string& key);
std::vector<std::string> texts_field(const nlohmann::ordered_json& row, const std::string& key);
const nlohmann::ordered_json& list_field(const nlohmann::ordered_json& row, const std::string& key);
double number_field(const nlohmann::ordered_json& row, const std::string& key);
int64_t integer_field(const nlohmann::ordered_json& row, const std::string& key);

/// Entry `index` of a list, counted from its end where it is negative, as Python does. `what` names
/// the list.
const nlohmann::ordered_json& entry_of(const nlohmann::ordered_json& list, int64_t index,
                                       const std::string& what);

}  // namespace owl3
