// What is wrong with a request, as its client is told: the field, a word that programs know, and a
// line that helps.
#include <string>

#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfRefusals {};
using ServeRefusals = SharedServer<OfRefusals>;

Json error_of(const HttpReply& reply) {
  const Json json = reply.json();
  return json.is_object() && json.contains("error") ? json["error"] : Json(reply.body);
}

std::string words() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "word ";
  return text;
}

Json picture_at(const std::string& url) {
  return {{"type", "image_url"}, {"image_url", {{"url", url}}}};
}

void expect_message(const HttpReply& reply, const std::string& part) {
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_NE(reply.body.find(part), std::string::npos) << reply.body;
}

TEST_F(ServeRefusals, HaveAWordForACodeOrNone) {
  EXPECT_TRUE(error_of(ask_at(kPath, Json::array()))["code"].is_null());
  EXPECT_TRUE(error_of(ask_at("/health", Json::object()))["code"].is_null());
  EXPECT_EQ(error_of(ask_at("/v1/nothing", Json::object()))["code"], "not_found");
}

TEST_F(ServeRefusals, SayThatTheContextIsTooSmallAndForWhat) {
  const std::string text = words();
  const std::vector<std::pair<std::string, Json>> requests = {
      {"messages", question(text)}, {"input", {{"input", text}}}, {"prompt", {{"prompt", text}}}};
  const std::vector<std::string> paths = {kPath, "/v1/responses", "/v1/completions"};
  for (size_t i = 0; i < paths.size(); ++i) {
    const HttpReply reply = ask_at(paths[i], requests[i].second);
    expect_refused(reply, requests[i].first);
    EXPECT_EQ(error_of(reply)["code"], "context_length_exceeded") << reply.body;
  }
}

TEST_F(ServeRefusals, NameFieldsOfOthersThatCannotBeHad) {
  const std::vector<std::pair<const char*, Json>> fields = {{"guided_grammar", "root ::= x"},
                                                            {"function_call", {{"name", "f"}}},
                                                            {"best_of", 2},
                                                            {"use_beam_search", true},
                                                            {"guided_json", 1},
                                                            {"guided_choice", Json::array()},
                                                            {"guided_regex", "("}};
  for (const auto& [name, value] : fields) {
    Json body = question();
    body[name] = value;
    expect_refused(chat(port(), body), name);
  }
  Json body = question();
  body["structured_outputs"] = {{"grammar", "root ::= x"}};
  expect_refused(chat(port(), body), "structured_outputs.grammar");
  body["structured_outputs"] = {{"regex", "a"}};
  body["guided_choice"] = {"a"};
  expect_message(chat(port(), body), "one form");
  body = {{"input", "Hello"}, {"guided_choice", {"a"}}};
  expect_refused(ask_at("/v1/responses", body), "guided_choice");
}

TEST_F(ServeRefusals, AreNoneOfFormsThatOtherServersKnow) {
  const Json schema = {{"type", "object"},
                       {"properties", {{"n", {{"enum", {1, 2}}}}}},
                       {"required", {"n"}},
                       {"additionalProperties", false}};
  Json body = question();
  body["guided_json"] = schema;
  EXPECT_TRUE(Json::accept(answer_of(chat(port(), body))));
  body["guided_json"] = schema.dump();
  EXPECT_TRUE(Json::accept(answer_of(chat(port(), body))));
  body = question();
  body["guided_choice"] = {"a shell"};
  EXPECT_EQ(answer_of(chat(port(), body)), "a shell");
  body = question();
  body["structured_outputs"] = {{"regex", "x{3}"}};
  EXPECT_EQ(answer_of(chat(port(), body)), "xxx");
  body = {{"prompt", "It is"}, {"guided_regex", "y{2}"}};
  EXPECT_EQ(ask_at("/v1/completions", body).json()["choices"][0]["text"], "yy");
}

TEST_F(ServeRefusals, SayWhichUrlsAreTaken) {
  const auto about = [&](const Json& part) {
    return chat(port(), question(std::vector<Json>{part, text_part("What is this?")}));
  };
  expect_message(about(picture_at("HTTP://example.org/a.png")), "fetches nothing");
  expect_message(about(picture_at("FILE:///etc/passwd")), "no file of the server's is opened");
  EXPECT_EQ(about(picture_at("DATA:image/jpeg;BASE64," + base64(bytes_of(kPicture)))).status, 200);
  const std::string picture = "data:image/jpeg;base64," + base64(bytes_of(kPicture));
  const std::string broken = "data:image/jpeg;base64," + base64("no picture");
  for (const std::string& frame : {broken, std::string("data:image/jpeg;base64,###")}) {
    const HttpReply reply = about(video_part(Json{picture, frame}));
    expect_refused(reply, "messages[0].content[0]");
    EXPECT_NE(reply.body.find("frame 2"), std::string::npos) << reply.body;
  }
  Json image = picture_at(picture);
  image["image_url"]["detail"] = "ultra";
  expect_refused(about(image), "messages[0].content[0].image_url.detail");
}

TEST_F(ServeRefusals, SayWhatANumberOfABodyIs) {
  const HttpReply reply = ask(port(), post(kPath, R"({"temperature": 1e999, "messages": []})"));
  expect_message(reply, "a number that is too large");
}

TEST_F(ServeRefusals, AskForTheTypeOfWhatIsSent) {
  const std::string picture = bytes_of(kPicture);
  for (const char* type : {"application/x-www-form-urlencoded", "application/octet-stream"}) {
    expect_message(ask(port(), upload("/v1/media", type, picture)), "Content-Type: image/");
  }
  expect_refused(ask(port(), upload("/v1/media?detail=ultra", "image/jpeg", picture)), "detail");
  expect_refused(ask(port(), upload("/v1/media?detial=low", "image/jpeg", picture)), "detial");
  EXPECT_EQ(ask(port(), upload("/v1/media?detail=low", "image/jpeg", picture)).status, 200);
}

TEST_F(ServeRefusals, AreForHostsThatMayBeAStrangers) {
  const auto asked = [&](const std::string& what, const std::string& host) {
    return ask(port(), what + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\n\r\n");
  };
  for (const char* what : {"GET /v1/models", "GET /v1/media", "GET /", "POST /tokenize",
                           "DELETE /v1/media/x", "OPTIONS /v1/models"}) {
    EXPECT_EQ(asked(what, "evil.example:9310").status, 403) << what;
  }
  EXPECT_EQ(error_of(asked("GET /v1/models", "evil.example"))["code"], "host_not_allowed");
  for (const char* host : {"127.0.0.1:8080", "localhost", "LOCALHOST:80", "[::1]:8080",
                           "container:8080", "host.docker.internal"}) {
    EXPECT_EQ(asked("GET /v1/models", host).status, 200) << host;
  }
  EXPECT_EQ(asked("GET /health", "evil.example").status, 200);
}

TEST_F(ServeRefusals, EndConnectionsWhoseBodyHasNoCertainEnd) {
  const std::string smuggled = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string coding : {"gzip", "gzip, chunked", "identity"}) {
    Connection connection(port());
    connection.send("POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding +
                    "\r\n\r\n" + smuggled);
    EXPECT_EQ(connection.receive(10).status, 501) << coding;
    EXPECT_EQ(connection.receive(10).status, 0) << coding;
  }
  EXPECT_EQ(ask(port(),
                "POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
                "f\r\n{\"content\":\"x\"}\r\n0\r\n\r\n")
                .status,
            200);
}

}  // namespace

}  // namespace owl3::test
