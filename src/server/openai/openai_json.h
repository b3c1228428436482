// What the answers of OpenAI's several paths have in common: events, usage, errors.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "server/answer_form.h"

namespace owl3::server {

using OrderedJson = nlohmann::ordered_json;

/// Whatever is in it, it is UTF-8.
std::string written(const OrderedJson& json);
/// A text as JSON writes it, in ASCII.
std::string quoted(const std::string& text);
/// "data: ...", as a stream has it.
std::string event_of(const OrderedJson& json);

/// "length" or "stop".
const char* finish_reason(StopReason reason);
/// Of all prompts, and all that was written. `choices`: answers that each prompt got.
OrderedJson usage_of(std::span<const Answer> answers, size_t choices);
/// As llama.cpp has them.
OrderedJson timings_of(std::span<const Answer> answers, const MediaReport& media);

/// `warnings`, where there are any.
void add_warnings(const MediaReport& media, OrderedJson& json);

OrderedJson error_json(const RequestError& error);
http::Response error_response(const RequestError& error);
OrderedJson model_object(const std::string& name, int64_t created);

}  // namespace owl3::server
