#include "benchmarks/json_text.h"

#include "core/error.h"
#include "core/zero_byte.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;

}  // namespace

Json parse_json_text(std::string_view text, const std::string& place) {
  if (const size_t zero = find_zero_byte(text); zero != text.npos) {
    throw InputError(fmt::format("{}: no JSON: byte {} is zero", place, zero + 1));
  }
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) throw InputError(fmt::format("{}: nested too deeply", place));
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("{}: no JSON: {}", place, error.what()));
  }
}

}  // namespace owl3
