#include "server/openai/chat_form.h"

#include <cmath>

#include "api/likelihood_json.h"

namespace owl3::server {

namespace {

using Json = OrderedJson;

/// Of a choice: null where nobody asked.
Json logprobs_field(bool wanted, std::span<const ScoredToken> tokens) {
  if (!wanted) return nullptr;
  return {{"content", logprobs_of(tokens)}, {"refusal", nullptr}};
}

}  // namespace

ChatForm::Json ChatForm::head(const char* object) const {
  return {{"id", head_.id},
          {"object", object},
          {"created", head_.created},
          {"model", head_.model},
          {"system_fingerprint", "owl3-" OWL3_VERSION}};
}

ChatForm::Json ChatForm::chunk(int64_t choice, Json delta, Json reason, Json logprobs) const {
  Json of_choice = {{"index", choice}};
  of_choice["delta"] = std::move(delta);
  of_choice["logprobs"] = std::move(logprobs);
  of_choice["finish_reason"] = std::move(reason);
  Json json = head("chat.completion.chunk");
  json["choices"] = Json::array();
  json["choices"].push_back(std::move(of_choice));
  return json;
}

void ChatForm::add_evidence(const Answer& answer, const MediaReport& media, Json& choice) const {
  if (!options_.evidence || !answer.evidence) return;
  choice["attribution"] = evidence_json(*answer.evidence, media.places, *options_.evidence);
}

http::Response ChatForm::whole(std::span<const Answer> answers, const MediaReport& media) const {
  Json json = head("chat.completion");
  json["choices"] = Json::array();
  for (const Answer& answer : answers) {
    Json choice = {{"index", json["choices"].size()}};
    choice["message"] = {{"role", "assistant"}, {"content", answer.text}, {"refusal", nullptr}};
    choice["logprobs"] = logprobs_field(options_.logprobs, answer.likelihoods);
    choice["finish_reason"] = finish_reason(answer.stop_reason);
    add_evidence(answer, media, choice);
    json["choices"].push_back(std::move(choice));
  }
  json["usage"] = usage_of(answers, answers.size());
  json["timings"] = timings_of(answers, media);
  add_warnings(media, json);
  return {200, "application/json", written(json), {}};
}

http::Response ChatForm::failure(const RequestError& error) const {
  return error_response(error);
}

http::Response ChatForm::stream_head(int64_t choices) const {
  http::Response response{200, "text/event-stream", {}, {}};
  for (int64_t choice = 0; choice < choices; ++choice) {
    response.body +=
        event_of(chunk(choice, {{"role", "assistant"}, {"content", nullptr}}, nullptr));
  }
  response.ping = ": ping\n\n";
  return response;
}

std::string ChatForm::progress(int64_t choice, const ReadingProgress& progress) const {
  if (!options_.progress) return {};
  // With a delta that adds nothing, which clients take as a sign of life.
  Json json = chunk(choice, {{"role", "assistant"}, {"content", nullptr}}, nullptr);
  const int64_t milliseconds = std::llround(1e3 * progress.seconds);
  if (progress.stage.empty()) {
    json["prompt_progress"] = {{"total", progress.total},
                               {"cache", progress.cached},
                               {"processed", progress.done},
                               {"time_ms", milliseconds}};
  } else {
    json["media_progress"] = {{"stage", progress.stage},
                              {"total", progress.total},
                              {"processed", progress.done},
                              {"time_ms", milliseconds}};
  }
  return event_of(json);
}

std::string ChatForm::text(int64_t choice, const AnswerPiece& piece) {
  Json delta = Json::object();
  delta["content"] = piece.text;
  return event_of(
      chunk(choice, std::move(delta), nullptr, logprobs_field(options_.logprobs, piece.tokens)));
}

std::string ChatForm::stream_end(std::span<const Answer> answers, const MediaReport& media) {
  std::string events;
  for (size_t i = 0; i < answers.size(); ++i) {
    Json last =
        chunk(static_cast<int64_t>(i), Json::object(), finish_reason(answers[i].stop_reason));
    add_evidence(answers[i], media, last["choices"][0]);
    if (i == 0) add_warnings(media, last);
    events += event_of(last);
  }
  if (options_.include_usage) {
    Json json = head("chat.completion.chunk");
    json["choices"] = Json::array();
    json["usage"] = usage_of(answers, answers.size());
    json["timings"] = timings_of(answers, media);
    events += event_of(json);
  }
  return events + "data: [DONE]\n\n";
}

std::string ChatForm::stream_failure(const RequestError& error) {
  return event_of(error_json(error));
}

}  // namespace owl3::server
