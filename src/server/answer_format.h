// The form that an answer is asked for in, as clients of OpenAI's API and of Ollama's write it.
#pragma once

#include <optional>

#include "owl3/options.h"
#include "server/fields.h"
#include "server/question.h"

namespace owl3::server {

/// The field `name`: {"type": "text"}, "json_object", or "json_schema" with its `schema` in an
/// object of that name, or beside the type. Nothing for text. Throws RequestError, with the place,
/// where answers can't be held to it.
std::optional<owl3::AnswerForm> read_openai_format(const Fields& fields, const char* name,
                                                   const RequestContext& context);

/// response_format, or what vLLM's clients write instead of it: guided_json, guided_choice,
/// guided_regex, or structured_outputs with one of these. Throws as above.
std::optional<owl3::AnswerForm> read_form(const Fields& fields, const RequestContext& context);

/// `format`: "json" or a schema; nothing where it is empty. Throws as above.
std::optional<owl3::AnswerForm> read_ollama_format(const Fields& fields,
                                                   const RequestContext& context);

}  // namespace owl3::server
