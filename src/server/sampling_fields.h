// How answers are drawn, as clients write it: OpenAI's fields and Ollama's options have the same
// names for the same things mostly.
#pragma once

#include "server/fields.h"
#include "server/question.h"

namespace owl3::server {

/// temperature, top_p, top_k, min_p, repetition_penalty, repeat_penalty, presence_penalty,
/// frequency_penalty, seed and stop, laid over the question's. As owl3 chat's options do: what is
/// about sampling turns it on, a temperature of 0 off. Throws RequestError, with the field.
void read_sampling(const Fields& fields, const RequestLimits& limits, Question& question);

/// Throws RequestError 400, naming the field, and why it can't be had.
[[noreturn]] void refuse_field(const Fields& fields, const char* name, const std::string& why);

}  // namespace owl3::server
