#include "server/fields.h"

#include <cmath>

#include "core/error.h"
#include "core/zero_byte.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

constexpr int kDeepest = 64;

}  // namespace

Json parse_body(std::string_view body) {
  if (body.empty()) throw RequestError(400, "the request has no body; it must be a JSON object");
  if (const size_t zero = find_zero_byte(body); zero != body.npos) {
    throw RequestError(400, fmt::format("the body is not JSON: wrong at byte {}", zero + 1));
  }
  Json json;
  try {
    const auto watch = [](int depth, Json::parse_event_t, Json&) {
      if (depth > kDeepest) throw RequestError(400, "the JSON is nested too deeply");
      return true;
    };
    json = Json::parse(body.begin(), body.end(), watch);
  } catch (const Json::parse_error& error) {
    throw RequestError(400, fmt::format("the body is not JSON: wrong at byte {}", error.byte));
  } catch (const Json::out_of_range&) {
    throw RequestError(400, "the body is JSON with a number that is too large to be read");
  } catch (const Json::exception&) {
    throw RequestError(400, "the body is not JSON that can be read");
  }
  if (!json.is_object()) throw RequestError(400, "the body must be a JSON object");
  return json;
}

const Json* Fields::find(const char* name) const {
  const auto field = object_.find(name);
  return field == object_.end() || field->is_null() ? nullptr : &*field;
}

std::optional<std::string> Fields::text(const char* name) const {
  const Json* field = find(name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_string()) fail(name, "must be a string");
  return field->get<std::string>();
}

std::optional<bool> Fields::boolean(const char* name) const {
  const Json* field = find(name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_boolean()) fail(name, "must be true or false");
  return field->get<bool>();
}

std::optional<int64_t> Fields::integer(const char* name, int64_t low, int64_t high) const {
  const Json* field = find(name);
  if (field == nullptr) return std::nullopt;
  const auto refuse = [&] {
    fail(name, fmt::format("must be a whole number, {} to {}", low, high));
  };
  if (!field->is_number()) refuse();
  int64_t value = 0;
  if (field->is_number_unsigned()) {
    if (field->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) refuse();
    value = field->get<int64_t>();
  } else if (field->is_number_integer()) {
    value = field->get<int64_t>();
  } else {
    const auto real = field->get<double>();
    if (!(std::abs(real) < 1e15) || real != std::floor(real)) refuse();
    value = static_cast<int64_t>(real);
  }
  if (value < low || value > high) refuse();
  return value;
}

std::optional<double> Fields::number(const char* name, double low, double high) const {
  const Json* field = find(name);
  if (field == nullptr) return std::nullopt;
  const bool fits =
      field->is_number() && field->get<double>() >= low && field->get<double>() <= high;
  if (!fits) fail(name, fmt::format("must be a number, {} to {}", low, high));
  return field->get<double>();
}

const Json* Fields::object(const char* name) const {
  const Json* field = find(name);
  if (field != nullptr && !field->is_object()) fail(name, "must be an object");
  return field;
}

const Json* Fields::list(const char* name) const {
  const Json* field = find(name);
  if (field != nullptr && !field->is_array()) fail(name, "must be a list");
  return field;
}

void Fields::fail(const char* name, const std::string& what) const {
  throw RequestError(400, fmt::format("{} {}", place_of(name), what), place_of(name));
}

}  // namespace owl3::server
