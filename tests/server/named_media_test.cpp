// Media that are asked about by a name: how many of them a request may have, and what is told of
// those that could be read in part.
#include <chrono>
#include <string>

#include "run_program.h"
#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfNames {};
using ServeNames = SharedServer<OfNames>;

Json named(const std::string& name) {
  return {{"type", "media"}, {"media", name}};
}

/// A memory file of three pictures.
std::string memory_of_three() {
  const std::string file = (scratch_folder() / "three.owlmem").string();
  const std::string demo = OWL3_SOURCE_DIR "/demo/";
  const Outcome made =
      run_owl3({"index", demo + "crab.jpg", demo + "sign.png", kPicture, "-o", file, "-t", "1"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return file;
}

std::string cut_film() {
  return bytes_of(OWL3_SOURCE_DIR "/demo/ball.mp4").substr(0, 15'000);
}

TEST(ServeMaxImages, CountsThoseOfNamesAndTheirFrames) {
  ServeProcess server({"--max-images", "4", "--memory", "three=" + memory_of_three()});
  const auto about = [&](const std::vector<Json>& parts) {
    return chat(server.port(), question(parts));
  };
  EXPECT_EQ(about({named("three"), image_part(), text_part("x")}).status, 200);
  const HttpReply reply = about({named("three"), named("three"), text_part("x")});
  expect_refused(reply, "messages[0].content[1]");
  EXPECT_NE(reply.body.find("more than 4 images"), std::string::npos) << reply.body;
  const std::string film = bytes_of(OWL3_SOURCE_DIR "/demo/ball.mp4");
  const auto sent = [&](const std::string& frames) {
    return ask(server.port(), upload("/v1/media?num_frames=" + frames, "video/mp4", film))
        .json()["id"]
        .get<std::string>();
  };
  EXPECT_EQ(about({named(sent("4")), text_part("x")}).status, 200);
  expect_refused(about({named(sent("5")), text_part("x")}), "messages[0].content[0]");
}

TEST(ServeMaxImages, WhatIsFarTooMuchIsRefusedAtOnce) {
  ServeProcess server({"--max-images", "1000000", "--memory", "three=" + memory_of_three()});
  std::vector<Json> parts(1300, named("three"));  // fit almost, by their number
  parts.push_back(text_part("x"));
  const auto begin = std::chrono::steady_clock::now();
  const HttpReply almost = chat(server.port(), question(parts));
  EXPECT_EQ(almost.json()["error"]["code"], "context_length_exceeded") << almost.body;
  parts.insert(parts.begin(), 20'000, named("three"));
  const HttpReply reply = chat(server.port(), question(parts));
  EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded") << reply.body;
  EXPECT_EQ(reply.json()["error"]["param"], "messages") << reply.body;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(ServeNames, AFilmThatBreaksOffIsToldInTheAnswer) {
  const std::string told = "messages[0].content[0]: the film breaks off";
  const auto expect_told = [&](const Json& json) {
    ASSERT_TRUE(json.contains("warnings")) << json;
    EXPECT_TRUE(json["warnings"][0].get<std::string>().starts_with(told)) << json;
  };
  Json body = question(std::vector<Json>{video_part("data:video/mp4;base64," + base64(cut_film())),
                                         text_part("What happens?")});
  expect_told(chat(port(), body).json());
  body["stream"] = true;
  expect_told(json_events(chat(port(), body).body).back());
  const Json sent = ask(port(), upload("/v1/media", "video/mp4", cut_film())).json();
  EXPECT_TRUE(sent["warning"].get<std::string>().starts_with("the film breaks off")) << sent;
  expect_told(chat(port(), question(std::vector<Json>{named(sent["id"]), text_part("x")})).json());
  const Json ollama = {{"model", "owlet"},
                       {"stream", false},
                       {"prompt", "What happens?"},
                       {"videos", {base64(cut_film())}}};
  EXPECT_TRUE(ask_at("/api/generate", ollama).json().contains("warnings"));
  EXPECT_FALSE(chat(port(), one_picture_question()).json().contains("warnings"));
}

}  // namespace

}  // namespace owl3::test
