#include "server/openai/responses_form.h"

#include "api/likelihood_json.h"

namespace owl3::server {

namespace {

constexpr int64_t kHeadEvents = 4;

std::string numbered_event(OrderedJson json, int64_t number) {
  const std::string type = json["type"];
  json["sequence_number"] = number;
  return "event: " + type + "\n" + event_of(json);
}

bool is_whole(const Answer& answer) {
  return answer.stop_reason != StopReason::kLength;
}

const char* status_of(const Answer& answer) {
  return is_whole(answer) ? "completed" : "incomplete";
}

OrderedJson empty_part() {
  return {{"type", "output_text"},
          {"text", ""},
          {"annotations", OrderedJson::array()},
          {"logprobs", OrderedJson::array()}};
}

}  // namespace

ResponsesForm::ResponsesForm(ChatHead head, ResponsesFormOptions options)
    : head_(std::move(head)),
      options_(std::move(options)),
      message_id_("msg_" + head_.id.substr(head_.id.find('_') + 1)),
      next_number_(kHeadEvents) {}

OrderedJson ResponsesForm::response(const char* status) const {
  OrderedJson json = {{"id", head_.id},
                      {"object", "response"},
                      {"created_at", head_.created},
                      {"status", status},
                      {"background", false},
                      {"error", nullptr},
                      {"incomplete_details", nullptr}};
  json["instructions"] =
      options_.instructions ? OrderedJson(*options_.instructions) : OrderedJson();
  json["max_output_tokens"] = options_.max_output_tokens;
  json["model"] = head_.model;
  json["output"] = OrderedJson::array();
  json["parallel_tool_calls"] = false;
  json["previous_response_id"] = nullptr;
  json["store"] = false;
  json["temperature"] = options_.temperature;
  json["text"] = {{"format", options_.format}};
  json["tool_choice"] = "none";
  json["tools"] = OrderedJson::array();
  json["top_p"] = options_.top_p;
  json["truncation"] = "disabled";
  json["usage"] = nullptr;
  json["metadata"] = options_.metadata;
  return json;
}

OrderedJson ResponsesForm::message(const char* status) const {
  return {{"type", "message"},
          {"id", message_id_},
          {"status", status},
          {"role", "assistant"},
          {"content", OrderedJson::array()}};
}

OrderedJson ResponsesForm::part(const Answer& answer) const {
  OrderedJson json = empty_part();
  json["text"] = answer.text;
  if (options_.logprobs) json["logprobs"] = logprobs_of(answer.likelihoods);
  return json;
}

OrderedJson ResponsesForm::ended(const Answer& answer, const MediaReport& media) const {
  OrderedJson json = response(status_of(answer));
  if (!is_whole(answer)) json["incomplete_details"] = {{"reason", "max_output_tokens"}};
  OrderedJson said = message(status_of(answer));
  said["content"].push_back(part(answer));
  json["output"].push_back(std::move(said));
  json["usage"] = {
      {"input_tokens", answer.prompt_tokens},
      {"input_tokens_details", {{"cached_tokens", answer.prompt_tokens - answer.prefilled_tokens}}},
      {"output_tokens", answer.new_tokens},
      {"output_tokens_details", {{"reasoning_tokens", 0}}},
      {"total_tokens", answer.prompt_tokens + answer.new_tokens}};
  json["timings"] = timings_of({&answer, 1}, media);
  add_warnings(media, json);
  return json;
}

/// What events about the answer's text begin with.
OrderedJson ResponsesForm::in_message(const char* type) const {
  return {{"type", type}, {"item_id", message_id_}, {"output_index", 0}, {"content_index", 0}};
}

std::string ResponsesForm::event(OrderedJson json) {
  return numbered_event(std::move(json), next_number_++);
}

http::Response ResponsesForm::whole(std::span<const Answer> answers,
                                    const MediaReport& media) const {
  return {200, "application/json", written(ended(answers.front(), media)), {}};
}

http::Response ResponsesForm::failure(const RequestError& error) const {
  return error_response(error);
}

http::Response ResponsesForm::stream_head(int64_t) const {
  http::Response head{200, "text/event-stream", {}, {}};
  const OrderedJson begun = response("in_progress");
  OrderedJson part = in_message("response.content_part.added");
  part["part"] = empty_part();
  const OrderedJson events[kHeadEvents] = {{{"type", "response.created"}, {"response", begun}},
                                           {{"type", "response.in_progress"}, {"response", begun}},
                                           {{"type", "response.output_item.added"},
                                            {"output_index", 0},
                                            {"item", message("in_progress")}},
                                           std::move(part)};
  for (int64_t i = 0; i < kHeadEvents; ++i) head.body += numbered_event(events[i], i);
  head.ping = ": ping\n\n";
  return head;
}

std::string ResponsesForm::text(int64_t, const AnswerPiece& piece) {
  OrderedJson json = in_message("response.output_text.delta");
  json["delta"] = piece.text;
  json["logprobs"] = logprobs_of(piece.tokens);
  return event(std::move(json));
}

std::string ResponsesForm::stream_end(std::span<const Answer> answers, const MediaReport& media) {
  const Answer& answer = answers.front();
  const OrderedJson last = ended(answer, media);
  OrderedJson text = in_message("response.output_text.done");
  text["text"] = answer.text;
  text["logprobs"] = last["output"][0]["content"][0]["logprobs"];
  OrderedJson part = in_message("response.content_part.done");
  part["part"] = last["output"][0]["content"][0];
  std::string events = event(std::move(text));  // one after the other: they are numbered
  events += event(std::move(part));
  events += event(
      {{"type", "response.output_item.done"}, {"output_index", 0}, {"item", last["output"][0]}});
  events += event({{"type", is_whole(answer) ? "response.completed" : "response.incomplete"},
                   {"response", last}});
  return events;
}

std::string ResponsesForm::stream_failure(const RequestError& error) {
  const OrderedJson inner = error_json(error)["error"];
  return event({{"type", "error"},
                {"code", inner["code"]},
                {"message", inner["message"]},
                {"param", inner["param"]}});
}

}  // namespace owl3::server
