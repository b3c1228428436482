// `owl3 serve`, the real program, asked by plain connections: what it answers.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "run_program.h"
#include "serve_process.h"
#include "serve_requests.h"

namespace owl3::test {

namespace {

/// A server with owlet that all tests of it share.
class Serve : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<ServeProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static uint16_t port() { return server_->port(); }

  void expect_refusal(const HttpReply& reply, int status, const std::string& part,
                      const std::string& param = {}) {
    EXPECT_EQ(reply.status, status) << reply.head << reply.body;
    const Json json = reply.json();
    ASSERT_TRUE(json.is_object() && json.contains("error")) << reply.body;
    EXPECT_NE(json["error"]["message"].get<std::string>().find(part), std::string::npos)
        << reply.body;
    EXPECT_TRUE(json["error"].contains("type"));
    if (!param.empty()) {
      EXPECT_EQ(json["error"]["param"], param) << reply.body;
    }
  }

  static std::unique_ptr<ServeProcess> server_;
};

std::unique_ptr<ServeProcess> Serve::server_;

TEST_F(Serve, TellsThatItIsThereAndWhatItHas) {
  const auto get = [](const std::string& path) {
    return ask(port(), "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  };
  EXPECT_EQ(get("/health").json()["status"], "ok");
  EXPECT_EQ(get("/ready").status, 200);
  EXPECT_FALSE(get("/version").json()["version"].get<std::string>().empty());
  for (const char* path : {"/v1/models", "/models"}) {
    EXPECT_EQ(get(path).json()["data"][0]["id"], "owlet");
  }
  EXPECT_EQ(get("/v1/models/owlet").json()["object"], "model");
  EXPECT_EQ(get("/v1/models/owlet").header("Content-Type"), "application/json");
  expect_refusal(get("/v1/models/gpt-4o"), 404, "this server has owlet");
  expect_refusal(get("/v1/nothing"), 404, "there is nothing here");
  expect_refusal(get("/v1/chat/completions"), 405, "only POST");
  EXPECT_EQ(get("/v1/chat/completions").header("Allow"), "POST");
  expect_refusal(ask(port(), post("/health", "{}")), 405, "only GET");
}

TEST_F(Serve, AnswersAsOwl3ChatDoes) {
  const Outcome said = run_owl3({"chat", "owlet", "--image", kPicture, "--json", "-t", "1", "-p",
                                 "What is this?", "--seed", "7", "--max-new-tokens", "32"});
  ASSERT_EQ(said.exit_code, 0) << said.err;
  Json body = question(std::vector<Json>{image_part(), text_part("What is this?")});
  body["seed"] = 7;
  body["max_tokens"] = 32;
  EXPECT_EQ(answer_of(chat(port(), body)), Json::parse(said.out).at("text").get<std::string>());
}

TEST_F(Serve, PlacesMediaAsOwl3ChatDoesWhereOneTextIsAsked) {
  const Outcome said =
      run_owl3({"chat", "owlet", "--image", kPicture, "--image", kOtherPicture, "--json", "-t", "1",
                "-p", "Which image shows a crab?", "--greedy"});
  ASSERT_EQ(said.exit_code, 0) << said.err;
  const Json expected = Json::parse(said.out);
  const Json first = image_part();
  const Json second = image_part(bytes_of(kOtherPicture));
  const Json text = text_part("Which image shows a crab?");
  for (const auto& parts :
       {std::vector<Json>{first, second, text}, std::vector<Json>{text, first, second},
        std::vector<Json>{first, text, second},
        std::vector<Json>{first, second, text_part("Which image "), text_part("shows a crab?")}}) {
    Json body = question(parts);
    body["temperature"] = 0;
    const Json reply = chat(port(), body).json();
    EXPECT_EQ(reply["choices"][0]["message"]["content"], expected["text"]) << reply;
    EXPECT_EQ(reply["usage"]["prompt_tokens"], expected["tokens"]["prompt"]) << reply;
  }
  // Between texts they stay where they are, without a number or a line end.
  Json body = question(std::vector<Json>{text_part("See "), first, text_part(" and "), second,
                                         text_part(": which shows a crab?")});
  body["temperature"] = 0;
  body["max_tokens"] = 20;
  const Outcome between = run_owl3(
      {"chat", "owlet", "--image", kPicture, "--image", kOtherPicture, "--json", "-t", "1", "-p",
       "See <image> and <image>: which shows a crab?", "--greedy", "--max-new-tokens", "20"});
  EXPECT_EQ(answer_of(chat(port(), body)), Json::parse(between.out).at("text").get<std::string>());
}

TEST_F(Serve, StreamsWhatItWouldSayAtOnce) {
  Json body = question(std::vector<Json>{image_part(), text_part("Describe it.")});
  const std::string whole = answer_of(chat(port(), body));
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const HttpReply reply = chat(port(), body);
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream");
  const std::vector<std::string> events = events_of(reply.body);
  ASSERT_GE(events.size(), 4U) << reply.body;
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_EQ(Json::parse(events[0])["choices"][0]["delta"]["role"], "assistant");
  std::string text;
  std::string reason;
  const std::string id = Json::parse(events[0])["id"];
  for (size_t i = 1; i + 1 < events.size(); ++i) {
    const Json event = Json::parse(events[i]);
    EXPECT_EQ(event["id"], id);
    if (event["choices"].empty()) {
      EXPECT_EQ(i + 2, events.size());
      EXPECT_GT(event["usage"]["completion_tokens"], 0);
      continue;
    }
    const Json& choice = event["choices"][0];
    if (choice["delta"].contains("content")) text += choice["delta"]["content"];
    if (!choice["finish_reason"].is_null()) reason = choice["finish_reason"];
  }
  EXPECT_EQ(text, whole);
  EXPECT_FALSE(reason.empty());
}

TEST_F(Serve, AConversationThatIsSentAgainPaysForItsNewTurn) {
  Json body = question(
      std::vector<Json>{image_part(), text_part("What is the one thing here? Say it, please.")});
  const HttpReply first = chat(port(), body);
  ASSERT_EQ(first.status, 200) << first.body;
  const int64_t asked = first.json()["usage"]["prompt_tokens"];
  body["messages"].push_back(message("assistant", answer_of(first)));
  body["messages"].push_back(user("Is it so?"));
  const Json usage = chat(port(), body).json()["usage"];
  EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"], asked);
  EXPECT_GT(usage["prompt_tokens"], asked);
}

TEST_F(Serve, HasTheChoicesAsked) {
  Json body = question();
  body["temperature"] = 5;
  body["top_k"] = 0;
  body["top_p"] = 1;
  body["n"] = 3;
  const Json several = chat(port(), body).json();
  ASSERT_EQ(several["choices"].size(), 3U) << several;
  body["n"] = 1;
  body["seed"] = 2;  // the second choice has the next seed
  EXPECT_EQ(answer_of(chat(port(), body)), several["choices"][1]["message"]["content"]);
  EXPECT_EQ(several["choices"][2]["index"], 2);
}

TEST_F(Serve, EndsAnswersWhereItIsTold) {
  Json body = question("Who are you?");
  body["temperature"] = 0;
  const std::string whole = answer_of(chat(port(), body));
  ASSERT_GE(whole.size(), 5U);
  body["stop"] = whole.substr(2, 2);
  HttpReply reply = chat(port(), body);
  EXPECT_EQ(answer_of(reply), whole.substr(0, whole.find(whole.substr(2, 2))));
  EXPECT_EQ(reply.json()["choices"][0]["finish_reason"], "stop");
  body.erase("stop");
  body["max_tokens"] = 1;
  reply = chat(port(), body);
  EXPECT_EQ(reply.json()["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(reply.json()["usage"]["completion_tokens"], 1);
  body.erase("max_tokens");
  body["max_completion_tokens"] = 1;
  EXPECT_EQ(chat(port(), body).json()["usage"]["completion_tokens"], 1);
}

TEST_F(Serve, RefusesByNameWhatItCannotDo) {
  const std::vector<std::pair<const char*, Json>> fields = {
      {"tools", {{{"type", "function"}}}},
      {"functions", {{{"name", "x"}}}},
      {"response_format", "json"},
      {"presence_penalty", 2.5},
      {"frequency_penalty", -3},
      {"logprobs", 1},
      {"top_logprobs", 3},
      {"logit_bias", {{"5", 1}}},
      {"temperature", -1},
      {"temperature", "warm"},
      {"top_p", 1.5},
      {"max_tokens", 0},
      {"max_tokens", 1.5},
      {"n", 0},
      {"n", 1000000},
      {"stop", {{{"a", 1}}}},
      {"stop", ""},
      {"stream", "yes"},
      {"seed", 1e300},
      {"messages", "Hello"},
      {"messages", Json::array()},
      {"repetition_penalty", 0},
  };
  for (const auto& [name, value] : fields) {
    Json body = question();
    body[name] = value;
    SCOPED_TRACE(body.dump());
    expect_refusal(chat(port(), body), 400, name, name);
  }
  Json body = question();
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, Json>>{{"tools", Json::array()},
                                                 {"response_format", {{"type", "text"}}},
                                                 {"user", "me"},
                                                 {"presence_penalty", 0},
                                                 {"logprobs", false},
                                                 {"stop", nullptr},
                                                 {"n", nullptr},
                                                 {"never_heard_of", {1, 2}}}) {
    body[name] = value;
  }
  EXPECT_EQ(chat(port(), body).status, 200);
}

TEST_F(Serve, SaysWhereAMessageIsWrong) {
  const auto messages = [](const std::vector<Json>& list) {
    Json json = Json::object();
    json["messages"] = list;
    return json;
  };
  const auto parts = [&](const Json& part) { return messages({user(std::vector<Json>{part})}); };
  const auto refuse = [&](const Json& body, const char* part, const char* param = "") {
    SCOPED_TRACE(body.dump().substr(0, 200));
    expect_refusal(chat(port(), body), 400, part, param);
  };
  refuse(messages({Json(1)}), "messages[0] must be an object", "messages[0]");
  refuse(messages({message("user", nullptr)}), "content is missing", "messages[0].content");
  refuse(messages({message("queen", "x")}), "system, user or assistant");
  refuse(messages({message("tool", "x")}), "tool is not supported");
  refuse(messages({user("a"), message("system", "b")}), "at the beginning only");
  refuse(messages({user("a"), message("assistant", "b")}), "must be the user's");
  refuse(messages({user("<|image|>")}), "<|image|>");
  refuse(parts({{"type", "input_audio"}}), "input_audio", "messages[0].content[0].type");
  const auto url = [&](const std::string& text) {
    return parts({{"type", "image_url"}, {"image_url", {{"url", text}}}});
  };
  refuse(url("https://example.com/a.png"), "fetches nothing", "messages[0].content[0]");
  refuse(url("file:///etc/passwd"), "no file of the server's");
  refuse(url("data:image/png;base64,###"), "not base64");
  refuse(url("data:image/png,abc"), "not base64");
  refuse(url("data:image/png;base64,"), "empty");
  refuse(url("data:image/png;base64," + base64("not an image at all")), "messages[0].content[0]",
         "messages[0].content[0]");
  const std::string picture = bytes_of(kPicture);
  refuse(messages({user(
             std::vector<Json>{image_part(), image_part(picture.substr(0, picture.size() / 3))})}),
         "messages[0].content[1]", "messages[0].content[1]");
  Json unknown = question();
  unknown["model"] = "gpt-4o";
  expect_refusal(chat(port(), unknown), 404, "this server has owlet", "model");
}

TEST_F(Serve, TakesImagesInEveryFormClientsWrite) {
  const std::string data = "data:image/jpeg;base64," + base64(bytes_of(kPicture));
  const std::vector<Json> parts = {
      {{"type", "image_url"}, {"image_url", {{"url", data}, {"detail", "auto"}}}},
      {{"type", "image_url"}, {"image_url", data}},
      {{"type", "input_image"}, {"image_url", data}},
      {{"type", "image_url"}, {"image_url", {{"url", base64(bytes_of(kPicture))}}}}};
  std::string first;
  for (const Json& part : parts) {
    const HttpReply reply =
        chat(port(), question(std::vector<Json>{part, text_part("What is this?")}));
    const std::string answer = answer_of(reply);
    if (first.empty()) first = answer;
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(answer, first);
  }
  Json many = Json::array();
  for (int i = 0; i < 64; ++i) many.push_back(parts[0]);
  many.push_back(text_part("How many?"));
  const Json reply = chat(port(), question(many)).json();
  EXPECT_EQ(reply["timings"]["media"]["images"], 64) << reply;
}

TEST_F(Serve, SeesFilmsAsOwl3ChatDoes) {
  const std::string film = OWL3_SOURCE_DIR "/demo/ball.mp4";
  const std::string data = base64(bytes_of(film));
  const Outcome said = run_owl3({"chat", "owlet", "--video", film, "--json", "-t", "1", "-p",
                                 "What happens?", "--seed", "1", "--max-new-tokens", "16"});
  const std::string answer = Json::parse(said.out).at("text");
  const auto ask_about = [&](const Json& part) {
    return chat(port(), question(std::vector<Json>{part, text_part("What happens?")}));
  };
  const std::vector<Json> dialects = {
      video_part("data:video/mp4;base64," + data),
      {{"type", "video_url"}, {"video_url", data}},
      {{"type", "input_video"}, {"input_video", {{"data", data}, {"format", "mp4"}}}},
      {{"type", "video"}, {"video", "data:video/mp4;base64," + data}}};
  for (const Json& part : dialects) EXPECT_EQ(answer_of(ask_about(part)), answer);

  const auto frames_with = [&](const char* field, const Json& value) {
    Json body = question(std::vector<Json>{dialects[0], text_part("What happens?")});
    body[field] = value;
    return chat(port(), body).json()["timings"]["media"]["images"];
  };
  Json part = dialects[0];
  part["num_frames"] = 3;
  EXPECT_EQ(ask_about(part).json()["timings"]["media"]["images"], 3);
  EXPECT_EQ(frames_with("mm_processor_kwargs", {{"fps", 100}, {"max_frames", 2}}), 2);
  EXPECT_EQ(frames_with("media_io_kwargs", {{"video", {{"num_frames", 4}}}}), 4);
  part["end"] = 1;
  part["start"] = 2;
  expect_refusal(ask_about(part), 400, "end must be behind start", "messages[0].content[0].end");
  part = dialects[0];
  part["max_frames"] = 1'000'000;
  expect_refusal(ask_about(part), 400, "max_frames must be a whole number, 1 to 1024");
  for (const std::string& bytes : {std::string("no film"), bytes_of(film).substr(0, 300)}) {
    const HttpReply reply = ask_about(video_part("data:video/mp4;base64," + base64(bytes)));
    expect_refusal(reply, 400, "messages[0].content[0]", "messages[0].content[0]");
    EXPECT_EQ(reply.body.find("/proc"), std::string::npos) << reply.body;
  }
  expect_refusal(ask_about(video_part("file:///etc/passwd")), 400, "no file of the server");
}

TEST_F(Serve, TakesTheFramesOfAFilmAsImages) {
  const std::string one = base64(bytes_of(kPicture));
  const std::string two = base64(bytes_of(OWL3_SOURCE_DIR "/demo/crab.jpg"));
  const std::string url = "data:image/jpeg;base64,";
  const std::vector<Json> dialects = {
      video_part("data:video/jpeg;base64," + one + "," + two + "," + one),
      video_part({url + one, url + two, url + one}),
      {{"type", "video"}, {"video", {url + one, url + two, url + one}}}};
  std::string first;
  for (const Json& part : dialects) {
    const HttpReply reply =
        chat(port(), question(std::vector<Json>{part, text_part("What happens?")}));
    if (first.empty()) first = answer_of(reply);
    EXPECT_EQ(answer_of(reply), first);
    EXPECT_EQ(reply.json()["timings"]["media"]["images"], 3) << reply.body;
  }
  expect_refusal(chat(port(), question({video_part(url + one), video_part({url + one, 1})})), 400,
                 "no URL");
  // Films, pictures and words in any order of one message.
  const HttpReply mixed = chat(
      port(), question({text_part("First "), image_part(), text_part(" and then "), dialects[0],
                        text_part(" and "), dialects[0], text_part(": what is new?")}));
  EXPECT_EQ(mixed.json()["timings"]["media"]["images"], 7) << mixed.body;
}

TEST_F(Serve, KeepsMediaThatAreAskedAboutLater) {
  const auto about = [&](const Json& part) {
    return chat(port(), question(std::vector<Json>{part, text_part("What is this?")}));
  };
  const std::string answer = answer_of(about(image_part()));
  const Json sent = ask(port(), upload("/v1/media", "image/jpeg", bytes_of(kPicture))).json();
  const std::string id = sent["id"];
  EXPECT_EQ(sent["images"], 1) << sent;
  EXPECT_EQ(ask(port(), post("/v1/media", image_part().dump())).json()["id"], id);
  const std::vector<Json> references = {
      {{"type", "image_url"}, {"image_url", {{"url", "media:" + id}}}},
      {{"type", "media"}, {"media", id}},
      {{"type", "media"}, {"media", {{"id", id}}}}};
  for (const Json& part : references) EXPECT_EQ(answer_of(about(part)), answer);

  const std::string film = bytes_of(OWL3_SOURCE_DIR "/demo/ball.mp4");
  const Json shot = ask(port(), upload("/v1/media?num_frames=3", "video/mp4", film)).json();
  EXPECT_EQ(shot["images"], 3) << shot;
  EXPECT_EQ(about(video_part(shot["url"])).json()["timings"]["media"]["images"], 3);

  const auto at = [&](const std::string& method, const std::string& name) {
    return ask(port(), method + " /v1/media" + name + " HTTP/1.1\r\nHost: x\r\n\r\n");
  };
  EXPECT_EQ(at("GET", "").json()["data"].size(), 2U);
  EXPECT_EQ(at("GET", "/" + id).json()["kind"], "image");
  EXPECT_EQ(at("DELETE", "/" + id).json()["deleted"], true);
  expect_refusal(at("DELETE", "/" + id), 404, "no media of that name");
  const HttpReply gone = about(references[0]);
  expect_refusal(gone, 400, "no media of that name", "messages[0].content[0]");
  EXPECT_EQ(gone.json()["error"]["code"], "media_not_found");
  expect_refusal(at("PUT", "/" + id), 405, "GET, HEAD, DELETE");
  expect_refusal(ask(port(), upload("/v1/media", "image/png", "no image")), 400, "the body");
  expect_refusal(ask(port(), upload("/v1/media", "video/mp4", "no film")), 400, "the body");
  expect_refusal(ask(port(), upload("/v1/media?fps=x", "video/mp4", film)), 400, "fps");
  expect_refusal(ask(port(), post("/v1/media", text_part("Hello").dump())), 400, "image or film");
}

TEST(ServeMedia, AreSeenByTheKeyThatSentThemAlone) {
  ServeProcess server({"--api-key", "first", "--api-key", "second"});
  const auto with = [&](const std::string& key, std::string request) {
    request.insert(request.find("\r\n") + 2, "Authorization: Bearer " + key + "\r\n");
    return ask(server.port(), request);
  };
  const std::string sending = upload("/v1/media", "image/jpeg", bytes_of(kPicture));
  const std::string id = with("first", sending).json()["id"];
  const std::string asking =
      post(kPath, question(std::vector<Json>{{{"type", "media"}, {"media", id}}}).dump());
  const std::string listing = "GET /v1/media HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(with("first", asking).status, 200);
  EXPECT_EQ(with("second", asking).json()["error"]["code"], "media_not_found");
  EXPECT_EQ(with("first", listing).json()["data"].size(), 1U);
  EXPECT_EQ(with("second", listing).json()["data"].size(), 0U);
  const std::string dropping = "DELETE /v1/media/" + id + " HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(with("second", dropping).status, 404);
  EXPECT_EQ(with("first", dropping).status, 200);
}

TEST(ServeMedia, MemoryFilesAreAskedAboutByName) {
  const std::string file = (scratch_folder() / "serve.owlmem").string();
  const std::string crab = OWL3_SOURCE_DIR "/demo/crab.jpg";
  ASSERT_EQ(run_owl3({"index", crab, kPicture, "-o", file, "-t", "1"}).exit_code, 0);
  const Outcome said = run_owl3({"chat", "owlet", "--memory", file, "--json", "-t", "1", "-p",
                                 "What are these?", "--seed", "1", "--max-new-tokens", "16"});
  ASSERT_EQ(said.exit_code, 0) << said.err;
  ServeProcess server({"--memory", "album=" + file});
  const Json part = {{"type", "media"}, {"media", "album"}};
  const HttpReply reply =
      chat(server.port(), question(std::vector<Json>{part, text_part("What are these?")}));
  EXPECT_EQ(answer_of(reply), Json::parse(said.out).at("text").get<std::string>());
  EXPECT_EQ(reply.json()["timings"]["media"]["images"], 2);
  EXPECT_EQ(run_owl3({"serve", "--port", "0", "--memory", file}).exit_code, 2);
  EXPECT_EQ(run_owl3({"serve", "--port", "0", "--memory", "album=/no/such"}).exit_code, 1);
}

TEST_F(Serve, CountsTokensBeforeItAnswers) {
  const Json body = question(std::vector<Json>{image_part(), text_part("What is this?")});
  const Json size = ask(port(), post(kPath + "/input_tokens", body.dump())).json();
  EXPECT_EQ(size["input_tokens"], chat(port(), body).json()["usage"]["prompt_tokens"]) << size;
  EXPECT_EQ(size["images"], 1);
  expect_refusal(ask(port(), post(kPath + "/input_tokens", "{}")), 400, "messages", "messages");
}

TEST_F(Serve, TellsTokensAndTheirText) {
  const std::string words = "Grüße, <|im_end|> 你好";
  const Json tokens = ask(port(), post("/tokenize", Json{{"content", words}}.dump())).json();
  ASSERT_GT(tokens["tokens"].size(), 4U) << tokens;
  const auto text_of = [&](const Json& list) {
    return ask(port(), post("/detokenize", Json{{"tokens", list}}.dump()));
  };
  EXPECT_EQ(text_of(tokens["tokens"]).json()["content"], words);
  expect_refusal(text_of({1, -1}), 400, "tokens");
  expect_refusal(text_of({2'000'000'000}), 400, "there is no token 2000000000");
  expect_refusal(text_of({9'000'000'000'000}), 400, "tokens");
  expect_refusal(ask(port(), post("/tokenize", "{}")), 400, "content is missing", "content");
}

TEST_F(Serve, TellsHowFarAPromptIsRead) {
  std::string words;
  for (int i = 0; i < 400; ++i) words += "word " + std::to_string(i) + " ";
  Json body = question(std::vector<Json>{image_part(), text_part(words)});
  body["stream"] = true;
  body["return_progress"] = true;
  std::vector<Json> told;
  Json media;
  for (const std::string& event : events_of(chat(port(), body).body)) {
    const Json json = Json::parse(event, nullptr, false);
    if (json.contains("media_progress")) media = json["media_progress"];
    if (!json.contains("prompt_progress")) continue;
    EXPECT_TRUE(json["choices"][0]["delta"]["content"].is_null());
    told.push_back(json["prompt_progress"]);
  }
  ASSERT_GE(told.size(), 2U);
  EXPECT_EQ(told.back()["processed"], told.back()["total"]);
  EXPECT_LT(told.front()["processed"], told.front()["total"]);
  EXPECT_EQ(media["total"], 1) << media;
}

TEST_F(Serve, SaysHowMuchIsTooMuch) {
  std::string words;
  for (int i = 0; i < 200'000; ++i) words += "word ";
  expect_refusal(chat(port(), question(words)), 400, "context holds");
}

TEST_F(Serve, NotHttpIsRefusedAndTheConnectionEnds) {
  for (const std::string bytes :
       {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "POST /v1/models HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/models HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    Connection connection(port());
    connection.send(bytes);
    const HttpReply reply = connection.receive(20);
    EXPECT_EQ(reply.status, 400) << bytes << reply.head;
    EXPECT_TRUE(connection.ends(10));
  }
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string("nonsense"), std::string("\xff\xfe"),
        std::string("{}\0{", 4), std::string(100'000, '['), std::string("{\"messages\":\"\xff\"}"),
        std::string()}) {
    expect_refusal(ask(port(), post(kPath, body)), 400, "JSON");
  }
}

TEST_F(Serve, KeepsConnectionsAndOrder) {
  Connection connection(port());
  std::string two = post(kPath, question("One").dump()) + post(kPath, question("Two").dump());
  ASSERT_TRUE(connection.send(two));
  const std::string one = answer_of(connection.receive());
  const std::string other = answer_of(connection.receive());
  EXPECT_EQ(one, answer_of(chat(port(), question("One"))));
  EXPECT_EQ(other, answer_of(chat(port(), question("Two"))));
  const HttpReply old = ask(port(), "GET /health HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.status, 200);
  EXPECT_EQ(old.header("Connection"), "");  // which means close
}

TEST_F(Serve, StreamsToOldClientsUntilTheConnectionEnds) {
  Json body = question();
  body["stream"] = true;
  const std::string text = body.dump();
  const HttpReply reply =
      ask(port(), "POST " + kPath + " HTTP/1.0\r\nContent-Length: " + std::to_string(text.size()) +
                      "\r\n\r\n" + text);
  EXPECT_EQ(reply.header("Transfer-Encoding"), "");
  EXPECT_EQ(events_of(reply.body).back(), "[DONE]") << reply.body;
}

TEST_F(Serve, AsksForTheBodyOfWhoWaitsToBeAsked) {
  Connection connection(port());
  const std::string body = question().dump();
  connection.send("POST " + kPath + " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" +
                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(connection.receive(10).status, 100);
  connection.send(body);
  EXPECT_EQ(connection.receive().status, 200);
}

TEST_F(Serve, TakesNoRequestsOfOtherWebPages) {
  expect_refusal(ask(port(), post(kPath, question().dump(), {"Origin: https://evil.example"})), 403,
                 "web pages");
}

TEST_F(Serve, TakesThoseOfItsOwnPage) {
  const auto from = [](const std::string& host, const std::string& origin) {
    const std::string body = question().dump();
    const std::string head = "POST " + kPath + " HTTP/1.1\r\nHost: " + host +
                             "\r\nOrigin: " + origin +
                             "\r\nContent-Length: " + std::to_string(body.size());
    return ask(port(), head + "\r\n\r\n" + body);
  };
  EXPECT_EQ(from("127.0.0.1:8080", "http://127.0.0.1:8080").status, 200);
  EXPECT_EQ(from("localhost", "https://localhost").status, 200);
  EXPECT_EQ(from("[::1]:8080", "http://[::1]:8080").status, 200);
  expect_refusal(from("127.0.0.1:8080", "http://127.0.0.1:8081"), 403, "other web pages");
  expect_refusal(from("127.0.0.1:8080", "null"), 403, "other web pages");
  // A name that a stranger's name server says is this machine.
  expect_refusal(from("evil.example:8080", "http://evil.example:8080"), 403, "--api-key");
}

TEST_F(Serve, ShowsBrowsersThePage) {
  const auto get = [](const std::string& path, const std::string& headers) {
    return ask(port(), "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  };
  const HttpReply page = get("/", "Accept: text/html,*/*\r\n");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(page.body.starts_with("<!doctype html>")) << page.body;
  EXPECT_NE(page.header("Content-Security-Policy").find("script-src 'self'"), std::string::npos);
  EXPECT_EQ(get("/", "Accept: */*\r\n").body, "owl3 is running");
  const HttpReply script = get("/page.js", "");
  const HttpReply zipped = get("/page.js", "Accept-Encoding: gzip, br\r\n");
  EXPECT_EQ(zipped.header("Content-Encoding"), "gzip");
  EXPECT_LT(zipped.body.size(), script.body.size() / 2);
  const std::string tag = zipped.header("ETag");
  EXPECT_NE(tag, script.header("ETag"));
  const HttpReply again =
      get("/page.js", "Accept-Encoding: gzip\r\nIf-None-Match: " + tag + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(get("/v1/icon.svg", "").header("Content-Type"), "image/svg+xml");
  EXPECT_EQ(get("/page.map", "").status, 404);
}

TEST_F(Serve, TellsWhatWasEncodedForARequest) {
  const std::string bytes = bytes_of(kOtherPicture);
  const Json first = ask(port(), upload("/v1/media", "image/jpeg", bytes)).json();
  const Json second = ask(port(), upload("/v1/media", "image/jpeg", bytes)).json();
  EXPECT_EQ(second["encoded"], 0) << second;
  EXPECT_EQ(first["images"], 1) << first;
  const Json about = chat(port(), question({image_part(bytes), text_part("What is this?")})).json();
  EXPECT_EQ(about["timings"]["media"]["images"], 1) << about;
  EXPECT_EQ(about["timings"]["media"]["encoded"], 0) << about;
}

TEST_F(Serve, SpeaksOllamas) {
  const auto call = [](const std::string& path, Json body) {
    return ask(port(), post(path, body.dump()));
  };
  Json body = {{"model", "owlet"}, {"options", {{"seed", 7}, {"num_predict", 32}}}};
  body["messages"] = Json::array({user("What is this?")});
  body["messages"][0]["images"] = {base64(bytes_of(kPicture))};
  body["stream"] = false;
  const Outcome said = run_owl3({"chat", "owlet", "--image", kPicture, "--json", "-t", "1", "-p",
                                 "What is this?", "--seed", "7", "--max-new-tokens", "32"});
  const Json answer = call("/api/chat", body).json();
  EXPECT_EQ(answer["message"]["content"], Json::parse(said.out).at("text")) << answer;
  body["messages"][0]["images"].push_back(base64("no image"));
  HttpReply reply = call("/api/chat", body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.json()["error"].get<std::string>().find("messages[0].images[1]"),
            std::string::npos)
      << reply.body;
  for (const auto& [name, value] : std::vector<std::pair<const char*, Json>>{
           {"format", "xml"}, {"tools", {{{"type", "function"}}}}, {"think", true}}) {
    Json refused = body;
    refused[name] = value;
    reply = call("/api/chat", refused);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.json()["error"].get<std::string>().find(name), 0U) << reply.body;
  }
  EXPECT_EQ(call("/api/generate", Json::object()).status, 400);
  EXPECT_EQ(call("/api/show", {{"model", "llava"}}).status, 404);
  EXPECT_EQ(call("/api/chat", {{"model", "owlet"}}).json()["done_reason"], "load");
  EXPECT_EQ(call("/api/chat", {{"model", "owlet"}, {"keep_alive", 0}}).json()["done_reason"],
            "unload");
  reply = ask(port(), "GET /api/chat HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(reply.status, 405);
  EXPECT_TRUE(reply.json()["error"].is_string());
}

}  // namespace

}  // namespace owl3::test
