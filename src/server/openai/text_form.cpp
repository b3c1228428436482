#include "server/openai/text_form.h"

namespace owl3::server {

namespace {

/// Four lists, an entry a token. `behind`: bytes of the choice's text before it.
OrderedJson text_logprobs(std::span<const ScoredToken> tokens, size_t behind) {
  OrderedJson json = {{"tokens", OrderedJson::array()},
                      {"token_logprobs", OrderedJson::array()},
                      {"top_logprobs", OrderedJson::array()},
                      {"text_offset", OrderedJson::array()}};
  for (const ScoredToken& token : tokens) {
    json["tokens"].push_back(token.written.bytes);
    json["token_logprobs"].push_back(token.written.logprob);
    OrderedJson likeliest = OrderedJson::object();
    for (const LikelyToken& other : token.likeliest) likeliest[other.bytes] = other.logprob;
    json["top_logprobs"].push_back(std::move(likeliest));
    json["text_offset"].push_back(behind);
    behind += token.written.bytes.size();
  }
  return json;
}

size_t bytes_in(std::span<const ScoredToken> tokens) {
  size_t bytes = 0;
  for (const ScoredToken& token : tokens) bytes += token.written.bytes.size();
  return bytes;
}

}  // namespace

TextForm::TextForm(ChatHead head, TextFormOptions options, std::vector<std::string> prompts)
    : head_(std::move(head)),
      options_(options),
      prompts_(std::move(prompts)),
      sent_(prompts_.size() * options_.choices) {}

OrderedJson TextForm::head() const {
  return {{"id", head_.id},
          {"object", "text_completion"},
          {"created", head_.created},
          {"model", head_.model},
          {"system_fingerprint", "owl3-" OWL3_VERSION},
          {"choices", OrderedJson::array()}};
}

OrderedJson TextForm::choice_json(int64_t choice, const AnswerPiece& piece, size_t behind,
                                  OrderedJson reason) const {
  OrderedJson json = {{"index", choice}, {"text", piece.text}};
  json["logprobs"] = options_.logprobs ? text_logprobs(piece.tokens, behind) : OrderedJson();
  json["finish_reason"] = std::move(reason);
  return json;
}

std::string TextForm::echo_of(int64_t choice) const {
  if (!options_.echo) return {};
  return prompts_[static_cast<size_t>(choice) / options_.choices];
}

http::Response TextForm::whole(std::span<const Answer> answers, const MediaReport& media) const {
  OrderedJson json = head();
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto choice = static_cast<int64_t>(i);
    const std::string text = echo_of(choice) + answers[i].text;
    json["choices"].push_back(choice_json(choice, {text, answers[i].likelihoods}, 0,
                                          finish_reason(answers[i].stop_reason)));
  }
  json["usage"] = usage_of(answers, options_.choices);
  json["timings"] = timings_of(answers, media);
  return {200, "application/json", written(json), {}};
}

http::Response TextForm::failure(const RequestError& error) const {
  return error_response(error);
}

http::Response TextForm::stream_head(int64_t choices) const {
  http::Response response{200, "text/event-stream", {}, {}};
  for (int64_t choice = 0; choice < choices && options_.echo; ++choice) {
    OrderedJson json = head();
    const std::string prompt = echo_of(choice);
    json["choices"].push_back(choice_json(choice, {prompt}, 0, nullptr));
    response.body += event_of(json);
  }
  response.ping = ": ping\n\n";
  return response;
}

std::string TextForm::text(int64_t choice, const AnswerPiece& piece) {
  size_t& behind = sent_[static_cast<size_t>(choice)];
  OrderedJson json = head();
  json["choices"].push_back(choice_json(choice, piece, behind, nullptr));
  behind += bytes_in(piece.tokens);
  return event_of(json);
}

std::string TextForm::stream_end(std::span<const Answer> answers, const MediaReport& media) {
  std::string events;
  for (size_t i = 0; i < answers.size(); ++i) {
    OrderedJson json = head();
    OrderedJson last = {{"index", i}, {"text", ""}, {"logprobs", nullptr}};
    last["finish_reason"] = finish_reason(answers[i].stop_reason);
    json["choices"].push_back(std::move(last));
    events += event_of(json);
  }
  if (options_.include_usage) {
    OrderedJson json = head();
    json["usage"] = usage_of(answers, options_.choices);
    json["timings"] = timings_of(answers, media);
    events += event_of(json);
  }
  return events + "data: [DONE]\n\n";
}

std::string TextForm::stream_failure(const RequestError& error) {
  return event_of(error_json(error));
}

}  // namespace owl3::server
