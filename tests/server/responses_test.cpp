// /v1/responses: what of it is a conversation.
#include <string>

#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfResponses {};
using ServeResponses = SharedServer<OfResponses>;

const std::string kResponses = "/v1/responses";

Json response_question(const Json& input) {
  return {{"input", input}, {"seed", 1}, {"max_output_tokens", 16}};
}

Json picture_input() {
  const Json image = {
      {"type", "input_image"}, {"detail", "auto"}, {"image_url", image_part()["image_url"]["url"]}};
  const Json text = {{"type", "input_text"}, {"text", "What is this?"}};
  Json item = user(std::vector<Json>{image, text});
  item["type"] = "message";
  return Json::array({item});
}

std::string text_of(const Json& response) {
  return response["output"][0]["content"][0]["text"];
}

TEST_F(ServeResponses, AnswerAsChatCompletionsDo) {
  const HttpReply reply = ask_at(kResponses, response_question(picture_input()));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  const HttpReply same = chat(port(), one_picture_question());
  EXPECT_EQ(text_of(json), answer_of(same));
  EXPECT_EQ(json["object"], "response");
  EXPECT_TRUE(json["id"].get<std::string>().starts_with("resp_"));
  EXPECT_EQ(json["output"][0]["role"], "assistant");
  EXPECT_EQ(json["output"][0]["content"][0]["type"], "output_text");
  EXPECT_EQ(json["usage"]["input_tokens"], same.json()["usage"]["prompt_tokens"]);
  EXPECT_EQ(json["usage"]["output_tokens"], same.json()["usage"]["completion_tokens"]);

  Json body = response_question("Who are you?");
  body["instructions"] = "Be brief.";
  Json chats = question("Who are you?");
  chats["messages"] = Json::array({message("system", "Be brief."), user("Who are you?")});
  EXPECT_EQ(text_of(ask_at(kResponses, body).json()), answer_of(chat(port(), chats)));
}

TEST_F(ServeResponses, SayWhereTheyWereCut) {
  Json body = response_question("go go go go go go");
  EXPECT_EQ(ask_at(kResponses, response_question("Who are you?")).json()["incomplete_details"],
            nullptr);
  body["max_output_tokens"] = 1;
  const Json cut = ask_at(kResponses, body).json();
  EXPECT_EQ(cut["status"], "incomplete");
  EXPECT_EQ(cut["incomplete_details"]["reason"], "max_output_tokens");
}

TEST_F(ServeResponses, StreamEventsInOpenAisNamesAndOrder) {
  Json body = response_question(picture_input());
  body["include"] = Json::array({"message.output_text.logprobs"});
  const Json whole = ask_at(kResponses, body).json();
  body["stream"] = true;
  const HttpReply reply = ask_at(kResponses, body);
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream");
  std::vector<std::string> names;
  std::vector<Json> events;
  for (size_t at = 0; at < reply.body.size();) {
    const size_t line = reply.body.find('\n', at);
    const size_t end = reply.body.find("\n\n", at);
    ASSERT_NE(end, std::string::npos) << reply.body.substr(at);
    ASSERT_EQ(reply.body.compare(at, 7, "event: "), 0) << reply.body.substr(at);
    names.push_back(reply.body.substr(at + 7, line - at - 7));
    events.push_back(Json::parse(reply.body.substr(line + 7, end - line - 7)));
    at = end + 2;
  }
  std::string text;
  Json logprobs = Json::array();
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["type"], names[i]);
    EXPECT_EQ(events[i]["sequence_number"], i);
    if (names[i] != "response.output_text.delta") continue;
    text += events[i]["delta"].get<std::string>();
    for (const Json& token : events[i]["logprobs"]) logprobs.push_back(token);
  }
  EXPECT_EQ(text, text_of(whole));
  EXPECT_EQ(logprobs, whole["output"][0]["content"][0]["logprobs"]);
  EXPECT_FALSE(logprobs.empty());
  std::erase(names, "response.output_text.delta");
  const std::vector<std::string> order = {
      "response.created",           "response.in_progress",
      "response.output_item.added", "response.content_part.added",
      "response.output_text.done",  "response.content_part.done",
      "response.output_item.done",  "response." + whole["status"].get<std::string>()};
  EXPECT_EQ(names, order);
  EXPECT_EQ(text_of(events.back()["response"]), text);
  EXPECT_EQ(events.back()["response"]["usage"]["output_tokens"], whole["usage"]["output_tokens"]);
}

TEST_F(ServeResponses, RefuseByNameWhatTheyCannotDo) {
  const auto with = [](const char* name, const Json& value) {
    Json body = response_question("x");
    body[name] = value;
    return body;
  };
  const std::pair<const char*, Json> refused[] = {
      {"previous_response_id", "resp_1"},
      {"conversation", "conv_1"},
      {"background", true},
      {"prompt", {{"id", "x"}}},
      {"tools", Json::array({{{"type", "web_search"}}})},
      {"input", Json::array()},
      {"input", 5},
      {"metadata", {{"x", std::string(1000, 'y')}}},
      {"max_output_tokens", 0}};
  for (const auto& [name, value] : refused) {
    expect_refused(ask_at(kResponses, with(name, value)), name);
  }
  expect_refused(ask_at(kResponses, with("text", {{"format", {{"type", "xml"}}}})),
                 "text.format.type");
  expect_refused(
      ask_at(kResponses, response_question(Json::array({{{"type", "function_call_output"}}}))),
      "input[0].type");
  EXPECT_EQ(ask_at(kResponses, with("text", {{"format", {{"type", "text"}}}})).status, 200);
  EXPECT_EQ(ask_at(kResponses, with("store", true)).status, 200);
}

}  // namespace

}  // namespace owl3::test
