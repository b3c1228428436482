// How likely the tokens of an answer were, as a server tells it, and penalties for what was said.
#include <cmath>
#include <set>
#include <string>

#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfLogprobs {};
using ServeLogprobs = SharedServer<OfLogprobs>;

Json greedy() {
  Json body = one_picture_question();
  body["temperature"] = 0;
  body["repetition_penalty"] = 1;
  body["logprobs"] = true;
  body["top_logprobs"] = 3;
  return body;
}

std::string text_of(const Json& tokens) {
  std::string text;
  for (const Json& token : tokens) {
    for (const Json& byte : token["bytes"]) text += static_cast<char>(byte.get<int>());
  }
  return text;
}

TEST_F(ServeLogprobs, AreTheModelsOwnForEachTokenOfTheAnswer) {
  const Json json = chat(port(), greedy()).json();
  const Json& choice = json["choices"][0];
  const Json& tokens = choice["logprobs"]["content"];
  ASSERT_EQ(std::ssize(tokens), json["usage"]["completion_tokens"]) << json;
  EXPECT_EQ(text_of(tokens), choice["message"]["content"]);
  for (const Json& token : tokens) {
    EXPECT_LE(token["logprob"], 0);
    const Json& top = token["top_logprobs"];
    ASSERT_EQ(top.size(), 3U);
    EXPECT_EQ(top[0]["token"], token["token"]);  // greedy
    EXPECT_EQ(top[0]["logprob"], token["logprob"]);
    double sum = 0;
    for (size_t i = 0; i < top.size(); ++i) {
      if (i > 0) {
        EXPECT_LE(top[i]["logprob"], top[i - 1]["logprob"]);
      }
      sum += std::exp(top[i]["logprob"].get<double>());
    }
    EXPECT_LE(sum, 1 + 1e-9);
  }
}

TEST_F(ServeLogprobs, DependOnNoOptionOfSampling) {
  const Json first = chat(port(), greedy()).json()["choices"][0]["logprobs"]["content"][0];
  Json body = greedy();
  body["temperature"] = 5;
  body["top_k"] = 1;
  body["repetition_penalty"] = 1.5;
  body["presence_penalty"] = 1;
  const Json other = chat(port(), body).json()["choices"][0]["logprobs"]["content"][0];
  EXPECT_EQ(other["top_logprobs"], first["top_logprobs"]);
}

TEST_F(ServeLogprobs, ChangeNoAnswer) {
  Json body = one_picture_question();
  body["temperature"] = 1;
  const std::string without = answer_of(chat(port(), body));
  body["logprobs"] = true;
  EXPECT_EQ(answer_of(chat(port(), body)), without);
}

TEST_F(ServeLogprobs, AreTheSameInAStream) {
  for (const bool stops : {false, true}) {
    Json body = greedy();
    const Json whole = chat(port(), body).json()["choices"][0];
    const std::string text = whole["message"]["content"];
    if (stops) body["stop"] = text.substr(text.size() / 2, 3);
    const Json cut = chat(port(), body).json()["choices"][0];
    body["stream"] = true;
    Json streamed = Json::array();
    std::string said;
    for (const Json& event : json_events(chat(port(), body).body)) {
      const Json& choice = event["choices"][0];
      if (choice["logprobs"].is_object()) {
        for (const Json& token : choice["logprobs"]["content"]) streamed.push_back(token);
      }
      const Json piece = choice["delta"].value("content", Json());
      if (piece.is_string()) said += piece.get<std::string>();
    }
    EXPECT_EQ(streamed, cut["logprobs"]["content"]);
    EXPECT_EQ(said, cut["message"]["content"]);
  }
}

TEST_F(ServeLogprobs, AreRefusedWhereTheyMakeNoSense) {
  Json body = question();
  body["top_logprobs"] = 2;
  expect_refused(chat(port(), body), "top_logprobs");
  body["logprobs"] = true;
  body["top_logprobs"] = 21;
  expect_refused(chat(port(), body), "top_logprobs");
}

TEST_F(ServeLogprobs, PenaltiesKeepAnAnswerFromRepeatingItself) {
  Json body = question("go go go go go go go go");
  body["temperature"] = 0;
  body["repetition_penalty"] = 1;
  body["max_tokens"] = 40;
  body["frequency_penalty"] = -2;  // say it again
  const auto different_tokens = [&] {
    body["logprobs"] = true;
    const Json tokens = chat(port(), body).json()["choices"][0]["logprobs"]["content"];
    std::set<std::string> different;
    for (const Json& token : tokens) different.insert(token["bytes"].dump());
    return static_cast<double>(different.size()) / static_cast<double>(tokens.size());
  };
  const double repeating = different_tokens();
  body["frequency_penalty"] = 2;
  body["presence_penalty"] = 2;
  EXPECT_GE(different_tokens(), repeating);
  body["presence_penalty"] = 2.1;
  expect_refused(chat(port(), body), "presence_penalty");
}

}  // namespace

}  // namespace owl3::test
