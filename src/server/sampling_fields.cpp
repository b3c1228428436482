#include "server/sampling_fields.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();
constexpr int64_t kMinInt = std::numeric_limits<int64_t>::min();
constexpr double kLargest = 1e6;

void read_stops(const Fields& fields, const RequestLimits& limits, GenerationOptions& options) {
  const Json* stop = fields.find("stop");
  if (stop == nullptr) return;
  const auto add = [&](const Json& text) {
    if (!text.is_string()) fields.fail("stop", "must be a string, or a list of strings");
    if (text.get<std::string>().empty()) fields.fail("stop", "has an empty string");
    options.stop.push_back(text.get<std::string>());
  };
  options.stop.clear();
  if (!stop->is_array()) return add(*stop);
  if (stop->size() > static_cast<size_t>(limits.stops)) {
    fields.fail("stop",
                fmt::format("has {} strings, but the limit is {}", stop->size(), limits.stops));
  }
  for (const Json& text : *stop) add(text);
}

}  // namespace

void refuse_field(const Fields& fields, const char* name, const std::string& why) {
  const std::string place = fields.place_of(name);
  throw RequestError(400, fmt::format("{} is not supported: {}", place, why), place,
                     "unsupported_parameter");
}

void read_sampling(const Fields& fields, const RequestLimits& limits, Question& question) {
  GenerationOptions& options = question.generation;
  for (const auto& [name, penalty] : {std::pair("presence_penalty", &options.presence_penalty),
                                      std::pair("frequency_penalty", &options.frequency_penalty)}) {
    *penalty = fields.number(name, -2, 2).value_or(*penalty);
    if (*penalty != 0) options.num_beams = 1;
  }
  const auto temperature = fields.number("temperature", 0, kLargest);
  const auto top_k = fields.integer("top_k", -1, kMaxInt);
  const auto top_p = fields.number("top_p", 0, 1);
  const auto min_p = fields.number("min_p", 0, 1);
  if (temperature || top_k || top_p || min_p) {
    options.do_sample = true;
    options.num_beams = 1;
  }
  options.temperature = temperature.value_or(options.temperature);
  if (top_k) options.top_k = std::max<int64_t>(0, *top_k);
  if (top_p == 0.0) {
    options.top_k = 1;  // the likeliest alone
  } else {
    options.top_p = top_p.value_or(options.top_p);
  }
  options.min_p = min_p.value_or(options.min_p);
  for (const char* name : {"repeat_penalty", "repetition_penalty"}) {
    const auto penalty = fields.number(name, 0, kLargest);
    if (penalty == 0.0) fields.fail(name, "must be above 0 (1 is off)");
    options.repetition_penalty = penalty.value_or(options.repetition_penalty);
  }
  if (temperature == 0.0) {
    options.do_sample = false;
    options.temperature = 1;
  }
  if (const auto seed = fields.integer("seed", kMinInt, kMaxInt)) {
    options.seed = static_cast<uint64_t>(*seed);
    question.has_seed = true;
  }
  read_stops(fields, limits, options);
}

}  // namespace owl3::server
