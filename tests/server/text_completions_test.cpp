// /v1/completions: texts that are gone on with.
#include <string>

#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfTexts {};
using ServeTexts = SharedServer<OfTexts>;

const std::string kTexts = "/v1/completions";

Json text_question(const Json& prompt) {
  return {{"prompt", prompt}, {"seed", 3}, {"max_tokens", 12}};
}

TEST_F(ServeTexts, GoOnWithAText) {
  const HttpReply reply = ask_at(kTexts, text_question("The picture shows"));
  const Json json = reply.json();
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(json["object"], "text_completion");
  EXPECT_TRUE(json["id"].get<std::string>().starts_with("cmpl-"));
  EXPECT_EQ(json["choices"][0]["index"], 0);
  EXPECT_TRUE(json["choices"][0]["logprobs"].is_null());
  const Json tokens =
      ask(port(), post("/tokenize", R"({"content": "The picture shows"})")).json()["tokens"];
  EXPECT_EQ(json["usage"]["prompt_tokens"], tokens.size());  // nothing around it
  // As its tokens, it is the same.
  const Json of_tokens = ask_at(kTexts, text_question(tokens)).json();
  EXPECT_EQ(of_tokens["choices"][0]["text"], json["choices"][0]["text"]);
}

TEST_F(ServeTexts, WriteSixteenTokensUnlessTold) {
  Json body = text_question("go go go go");
  body.erase("max_tokens");
  EXPECT_LE(ask_at(kTexts, body).json()["usage"]["completion_tokens"], 16);
}

TEST_F(ServeTexts, AnswerSeveralPromptsSeveralTimes) {
  Json body = text_question(std::vector<std::string>{"One", "Two", "Three"});
  body["n"] = 2;
  const Json json = ask_at(kTexts, body).json();
  ASSERT_EQ(json["choices"].size(), 6U) << json;
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(json["choices"][i]["index"], i);
    Json alone = text_question(body["prompt"][i / 2]);
    alone["seed"] = 3 + i % 2;
    EXPECT_EQ(ask_at(kTexts, alone).json()["choices"][0]["text"], json["choices"][i]["text"]);
  }
  int64_t tokens = 0;
  for (const Json& prompt : body["prompt"]) {
    tokens += ask_at(kTexts, text_question(prompt)).json()["usage"]["prompt_tokens"].get<int64_t>();
  }
  EXPECT_EQ(json["usage"]["prompt_tokens"], tokens);
}

TEST_F(ServeTexts, StreamWhatTheyWouldSayAtOnce) {
  Json body = text_question(std::vector<std::string>{"One", "Two"});
  body["logprobs"] = 2;
  const Json whole = ask_at(kTexts, body).json();
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const std::string stream = ask_at(kTexts, body).body;
  std::string texts[2];
  Json logprobs[2];
  Json usage;
  for (const Json& event : json_events(stream)) {
    EXPECT_EQ(event["object"], "text_completion");
    if (event.contains("usage")) usage = event["usage"];
    for (const Json& choice : event["choices"]) {
      const size_t index = choice["index"];
      texts[index] += choice["text"].get<std::string>();
      if (choice["logprobs"].is_null()) continue;
      for (const auto& [name, list] : choice["logprobs"].items()) {
        for (const Json& entry : list) logprobs[index][name].push_back(entry);
      }
    }
  }
  EXPECT_EQ(events_of(stream).back(), "[DONE]");
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(texts[i], whole["choices"][i]["text"]);
    EXPECT_EQ(logprobs[i], whole["choices"][i]["logprobs"]);
  }
  // What was asked before isn't read again.
  EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"], usage["prompt_tokens"]);
  usage.erase("prompt_tokens_details");
  Json asked = whole["usage"];
  asked.erase("prompt_tokens_details");
  EXPECT_EQ(usage, asked);
}

TEST_F(ServeTexts, TellHowLikelyTokensWereAsListsOfThem) {
  Json body = text_question("The picture shows");
  body["logprobs"] = 2;
  const Json choice = ask_at(kTexts, body).json()["choices"][0];
  const Json& logprobs = choice["logprobs"];
  std::string text;
  for (size_t i = 0; i < logprobs["tokens"].size(); ++i) {
    EXPECT_EQ(logprobs["text_offset"][i], text.size());
    text += logprobs["tokens"][i].get<std::string>();
    EXPECT_LE(logprobs["token_logprobs"][i], 0);
    EXPECT_LE(logprobs["top_logprobs"][i].size(), 2U);
  }
  EXPECT_EQ(text, choice["text"]);
}

TEST_F(ServeTexts, SayTheirPromptsAgainWhereTold) {
  const Json plain = ask_at(kTexts, text_question("The picture")).json();
  Json body = text_question("The picture");
  body["echo"] = true;
  const std::string echoed = ask_at(kTexts, body).json()["choices"][0]["text"];
  EXPECT_EQ(echoed, "The picture" + plain["choices"][0]["text"].get<std::string>());
  body["stream"] = true;
  std::string streamed;
  for (const Json& event : json_events(ask_at(kTexts, body).body)) {
    streamed += event["choices"][0]["text"].get<std::string>();
  }
  EXPECT_EQ(streamed, echoed);
}

TEST_F(ServeTexts, RefuseByNameWhatTheyCannotDo) {
  const auto with = [](const char* name, const Json& value) {
    Json body = text_question("x");
    body[name] = value;
    return body;
  };
  expect_refused(ask_at(kTexts, Json::object()), "prompt");
  for (const Json& prompt :
       {Json(""), Json(Json::array()), Json(5), Json({{"a", 1}}), Json({"a", 1}), Json({1, "a"}),
        Json({-1}), Json(std::vector<Json>{Json::array()}), Json(std::vector<Json>{nullptr})}) {
    expect_refused(ask_at(kTexts, text_question(prompt)), "prompt");
  }
  expect_refused(ask_at(kTexts, with("suffix", "end")), "suffix");
  expect_refused(ask_at(kTexts, with("best_of", 3)), "best_of");
  expect_refused(ask_at(kTexts, with("logprobs", 6)), "logprobs");
  Json echo = with("logprobs", 1);
  echo["echo"] = true;
  expect_refused(ask_at(kTexts, echo), "logprobs");
  expect_refused(ask_at(kTexts, with("prompt", std::vector<std::string>(200, "x"))), "prompt");
  EXPECT_EQ(ask_at(kTexts, text_question(std::vector<int>{2'000'000'000})).status, 400);
  EXPECT_EQ(ask_at(kTexts, text_question("<|image|>")).status, 400);
}

}  // namespace

}  // namespace owl3::test
