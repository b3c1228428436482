#include "server/answer_format.h"

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "server/request_error.h"
#include "server/sampling_fields.h"

namespace owl3::server {

namespace {

/// What clients of either dialect mean by JSON: an object, whose members they ask for by name.
owl3::AnswerForm any_object() {
  owl3::AnswerForm form;
  form.schema = R"({"type":"object"})";
  return form;
}

/// `place` is the form's in the request.
owl3::AnswerForm checked(owl3::AnswerForm form, const std::string& place,
                         const RequestContext& context) {
  if (!context.check_form) return form;
  try {
    context.check_form(form);
  } catch (const InputError& error) {
    throw RequestError(400, fmt::format("{}: {}", place, error.what()), place);
  } catch (const UsageError& error) {
    throw RequestError(400, fmt::format("{}: {}", place, error.what()), place);
  }
  return form;
}

owl3::AnswerForm form_of(const Json& schema, const std::string& place,
                         const RequestContext& context) {
  owl3::AnswerForm form;
  form.schema = schema.dump();
  return checked(std::move(form), place, context);
}

/// A schema as an object, or as its text.
owl3::AnswerForm schema_in(const Fields& fields, const char* name, const RequestContext& context) {
  const Json& given = *fields.find(name);
  if (given.is_object()) return form_of(given, fields.place_of(name), context);
  owl3::AnswerForm form;
  form.schema = fields.text(name).value_or("");
  return checked(std::move(form), fields.place_of(name), context);
}

owl3::AnswerForm choices_in(const Fields& fields, const char* name, const RequestContext& context) {
  owl3::AnswerForm form;
  for (const Json& choice : *fields.list(name)) {
    if (!choice.is_string()) fields.fail(name, "must be a list of texts");
    form.choices.push_back(choice.get<std::string>());
  }
  if (form.choices.empty()) fields.fail(name, "must be a list of texts");
  return checked(std::move(form), fields.place_of(name), context);
}

/// vLLM's three, each by the name that stands behind `prefix`.
void read_guided(const Fields& fields, const std::string& prefix, const RequestContext& context,
                 std::vector<owl3::AnswerForm>& forms) {
  const std::string json = prefix + "json";
  const std::string choice = prefix + "choice";
  const std::string regex = prefix + "regex";
  if (fields.find(json.c_str()) != nullptr) {
    forms.push_back(schema_in(fields, json.c_str(), context));
  }
  if (fields.find(choice.c_str()) != nullptr) {
    forms.push_back(choices_in(fields, choice.c_str(), context));
  }
  if (const auto pattern = fields.text(regex.c_str())) {
    owl3::AnswerForm form;
    form.regex = *pattern;
    if (form.regex.empty()) fields.fail(regex.c_str(), "is empty");
    forms.push_back(checked(std::move(form), fields.place_of(regex.c_str()), context));
  }
}

constexpr const char* kNoForm = "response_format, or a JSON Schema, a choice or a regex, is";

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
    return format.find("schema") == nullptr ? any_object() : read_schema_in(format, context);
  }
  if (type != "json_schema") format.fail("type", "must be text, json_object or json_schema");
  if (const Json* inner = format.object("json_schema")) {
    return read_schema_in(Fields(*inner, place + "json_schema."), context);
  }
  return read_schema_in(format, context);
}

std::optional<owl3::AnswerForm> read_form(const Fields& fields, const RequestContext& context) {
  std::vector<owl3::AnswerForm> forms;
  if (auto format = read_openai_format(fields, "response_format", context)) {
    forms.push_back(std::move(*format));
  }
  if (fields.find("guided_grammar") != nullptr) refuse_field(fields, "guided_grammar", kNoForm);
  read_guided(fields, "guided_", context, forms);
  if (const Json* given = fields.object("structured_outputs")) {
    const Fields outputs(*given, "structured_outputs.");
    for (const char* name : {"grammar", "json_object", "structural_tag"}) {
      if (outputs.find(name) != nullptr) refuse_field(outputs, name, kNoForm);
    }
    read_guided(outputs, "", context, forms);
  }
  if (forms.empty()) return std::nullopt;
  if (forms.size() == 1) return std::move(forms.front());
  throw RequestError(400, "an answer has one form, but several are asked for", "response_format");
}

std::optional<owl3::AnswerForm> read_ollama_format(const Fields& fields,
                                                   const RequestContext& context) {
  const Json* format = fields.find("format");
  if (format == nullptr || *format == "") return std::nullopt;
  if (*format == "json") return any_object();
  if (!format->is_object()) fields.fail("format", "must be \"json\" or a JSON Schema");
  return form_of(*format, fields.place_of("format"), context);
}

}  // namespace owl3::server
