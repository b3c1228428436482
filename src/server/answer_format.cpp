#include "server/answer_format.h"

#include "core/error.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

owl3::AnswerForm any_json() {
  owl3::AnswerForm form;
  form.json = true;
  return form;
}

/// `place` is the schema's in the request.
owl3::AnswerForm form_of(const Json& schema, const std::string& place,
                         const RequestContext& context) {
  owl3::AnswerForm form;
  form.schema = schema.dump();
  if (!context.check_form) return form;
  try {
    context.check_form(form);
  } catch (const InputError& error) {
    throw RequestError(400, fmt::format("{}: {}", place, error.what()), place);
  }
  return form;
}

owl3::AnswerForm read_schema_in(const Fields& holder, const RequestContext& context) {
  const Json* schema = holder.object("schema");
  if (schema == nullptr) holder.fail("schema", "is missing");
  return form_of(*schema, holder.place_of("schema"), context);
}

}  // namespace

std::optional<owl3::AnswerForm> read_openai_format(const Fields& fields, const char* name,
                                                   const RequestContext& context) {
  const Json* given = fields.object(name);
  if (given == nullptr) return std::nullopt;
  const std::string place = fields.place_of(name) + ".";
  const Fields format(*given, place);
  const std::string type = format.text("type").value_or("");
  if (type == "text") return std::nullopt;
  if (type == "json_object") {
    // A schema is no part of OpenAI's, but of other servers'.
    return format.find("schema") == nullptr ? any_json() : read_schema_in(format, context);
  }
  if (type != "json_schema") format.fail("type", "must be text, json_object or json_schema");
  if (const Json* inner = format.object("json_schema")) {
    return read_schema_in(Fields(*inner, place + "json_schema."), context);
  }
  return read_schema_in(format, context);
}

std::optional<owl3::AnswerForm> read_ollama_format(const Fields& fields,
                                                   const RequestContext& context) {
  const Json* format = fields.find("format");
  if (format == nullptr || *format == "") return std::nullopt;
  if (*format == "json") return any_json();
  if (!format->is_object()) fields.fail("format", "must be \"json\" or a JSON Schema");
  return form_of(*format, fields.place_of("format"), context);
}

}  // namespace owl3::server
