// Answers with a form, as clients of each API ask for them.
#include <set>
#include <string>

#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfFormats {};
using ServeFormats = SharedServer<OfFormats>;

const Json kSchema = Json::parse(R"({"type": "object", "properties": {
    "thing": {"enum": ["crab", "house", "sun"]}, "large": {"type": "boolean"}},
    "required": ["thing", "large"], "additionalProperties": false})");
const Json kUnsupported = Json::parse(R"({"type": "array", "uniqueItems": true})");

Json picture_question() {
  Json body =
      question(std::vector<Json>{image_part(bytes_of(kOtherPicture)), text_part("What is this?")});
  body["max_tokens"] = 64;
  return body;
}

Json json_schema(const Json& schema) {
  return {{"type", "json_schema"}, {"json_schema", {{"name", "thing"}, {"schema", schema}}}};
}

void expect_thing(const std::string& text) {
  ASSERT_TRUE(Json::accept(text)) << text;
  const Json json = Json::parse(text);
  EXPECT_EQ(json.size(), 2U) << text;
  const std::set<std::string> things = {"crab", "house", "sun"};
  EXPECT_TRUE(things.count(json.at("thing").get<std::string>())) << text;
  EXPECT_TRUE(json.at("large").is_boolean()) << text;
}

/// The keyword and the place are named.
void expect_refused_schema(const HttpReply& reply, const std::string& param) {
  expect_refused(reply, param);
  EXPECT_NE(reply.body.find("uniqueItems"), std::string::npos) << reply.body;
}

TEST_F(ServeFormats, AnswersInTheFormThatIsAskedFor) {
  Json body = picture_question();
  body["response_format"] = json_schema(kSchema);
  const HttpReply reply = chat(port(), body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  expect_thing(answer_of(reply));
  EXPECT_EQ(reply.json()["choices"][0]["finish_reason"], "stop");
  body["n"] = 3;
  const Json choices = chat(port(), body).json()["choices"];
  ASSERT_EQ(choices.size(), 3U);
  for (const Json& choice : choices) expect_thing(choice["message"]["content"]);
  body["n"] = 1;
  body["stream"] = true;
  std::string streamed;
  for (const Json& event : json_events(chat(port(), body).body)) {
    if (event["choices"].empty()) continue;
    const Json& content = event["choices"][0]["delta"].value("content", Json());
    if (content.is_string()) streamed += content.get<std::string>();
  }
  EXPECT_EQ(streamed, answer_of(reply));

  Json of_text = {{"prompt", "This is"}, {"seed", 3}, {"max_tokens", 64}};
  of_text["response_format"] = json_schema(kSchema);
  expect_thing(ask_at("/v1/completions", of_text).json()["choices"][0]["text"]);
}

TEST_F(ServeFormats, AnyJsonIsAnObject) {
  Json body = picture_question();
  body["response_format"] = {{"type", "json_object"}};
  body["max_tokens"] = 4;
  const std::string begun = answer_of(chat(port(), body));
  EXPECT_TRUE(begun.starts_with('{')) << begun;
  body["response_format"]["schema"] = kSchema;
  body["max_tokens"] = 64;
  expect_thing(answer_of(chat(port(), body)));
}

TEST_F(ServeFormats, AnAnswerThatIsCutShortSaysSo) {
  Json body = picture_question();
  body["response_format"] = json_schema(kSchema);
  body["max_tokens"] = 2;
  EXPECT_EQ(chat(port(), body).json()["choices"][0]["finish_reason"], "length");
}

TEST_F(ServeFormats, ResponsesHaveThemAndSayWhich) {
  Json body = {{"input", "What is this?"}, {"seed", 1}, {"max_output_tokens", 64}};
  body["text"]["format"] = {{"type", "json_schema"}, {"name", "thing"}, {"schema", kSchema}};
  const HttpReply reply = ask_at("/v1/responses", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  expect_thing(reply.json()["output"][0]["content"][0]["text"]);
  EXPECT_EQ(reply.json()["text"], body["text"]);
  body.erase("text");
  EXPECT_EQ(ask_at("/v1/responses", body).json()["text"]["format"]["type"], "text");
}

TEST_F(ServeFormats, OllamasClientsAskForThemAsTheyDo) {
  Json body = {{"model", "owlet"}, {"stream", false}, {"prompt", "What is this?"}};
  body["options"] = {{"seed", 1}, {"num_predict", 64}};
  body["format"] = kSchema;
  const HttpReply reply = ask_at("/api/generate", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  expect_thing(reply.json()["response"]);
  Json chats = {{"model", "owlet"}, {"stream", false}, {"options", body["options"]}};
  chats["messages"] = Json::array({user("What is this?")});
  chats["format"] = kSchema;
  expect_thing(ask_at("/api/chat", chats).json()["message"]["content"]);
  body["format"] = "json";
  const std::string any = ask_at("/api/generate", body).json()["response"];
  EXPECT_TRUE(any.starts_with('{') || any.starts_with('[')) << any;
  body["format"] = "";
  EXPECT_EQ(ask_at("/api/generate", body).status, 200);
  body["format"] = kUnsupported;
  const HttpReply refused = ask_at("/api/generate", body);
  EXPECT_EQ(refused.status, 400);
  const std::string error = refused.json()["error"];
  EXPECT_TRUE(error.starts_with("format: ")) << error;
  EXPECT_NE(error.find("uniqueItems"), std::string::npos) << error;
}

TEST_F(ServeFormats, WhatCannotBeKeptToIsRefusedWithItsPlace) {
  const auto with = [](const Json& format) {
    Json body = picture_question();
    body["response_format"] = format;
    return body;
  };
  expect_refused_schema(chat(port(), with(json_schema(kUnsupported))),
                        "response_format.json_schema.schema");
  expect_refused(chat(port(), with({{"type", "xml"}})), "response_format.type");
  expect_refused(chat(port(), with({{"type", "json_schema"}})), "response_format.schema");
  expect_refused(chat(port(), with({{"type", "json_schema"}, {"json_schema", {{"name", "x"}}}})),
                 "response_format.json_schema.schema");
  expect_refused(
      chat(port(), with(json_schema({{"type", "number"}, {"enum", Json::array({"a"})}}))),
      "response_format.json_schema.schema");
  Json body = {{"input", "What is this?"}};
  body["text"]["format"] = {{"type", "json_schema"}, {"name", "x"}, {"schema", kUnsupported}};
  expect_refused_schema(ask_at("/v1/responses", body), "text.format.schema");
}

}  // namespace

}  // namespace owl3::test
