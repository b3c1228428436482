#include "api/likelihood_json.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

Json likely_token(const LikelyToken& token) {
  Json bytes = Json::array();
  for (const char byte : token.bytes) bytes.push_back(static_cast<unsigned char>(byte));
  Json json = {{"token", token.bytes}, {"logprob", token.logprob}};
  json["bytes"] = std::move(bytes);
  return json;
}

}  // namespace

Json logprobs_of(std::span<const ScoredToken> tokens) {
  Json list = Json::array();
  for (const ScoredToken& token : tokens) {
    Json json = likely_token(token.written);
    json["top_logprobs"] = Json::array();
    for (const LikelyToken& other : token.likeliest) {
      json["top_logprobs"].push_back(likely_token(other));
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json probabilities_of(std::span<const ScoredText> texts) {
  Json json = Json::object();
  for (const ScoredText& text : texts) json[text.text] = text.probability;
  return json;
}

Json text_logprobs_of(std::span<const ScoredText> texts) {
  Json json = Json::object();
  for (const ScoredText& text : texts) json[text.text] = text.logprob;
  return json;
}

}  // namespace owl3
