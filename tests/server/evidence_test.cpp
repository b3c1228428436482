// What an answer was read from, told over HTTP.
#include <numeric>
#include <string>

#include "shared_server.h"

namespace owl3::test {

namespace {

struct OfEvidence {};
using ServeEvidence = SharedServer<OfEvidence>;

double sum_of_shares(const Json& images) {
  double sum = 0;
  for (const Json& image : images) sum += image["share"].get<double>();
  return sum;
}

Json two_pictures() {
  return question(std::vector<Json>{image_part(), image_part(bytes_of(kOtherPicture)),
                                    text_part("Which has a crab?")});
}

TEST_F(ServeEvidence, TellsHowMuchOfItEachImageIs) {
  Json body = two_pictures();
  const HttpReply without = chat(port(), body);
  EXPECT_FALSE(without.json()["choices"][0].contains("attribution"));
  body["attribution"] = true;
  const HttpReply reply = chat(port(), body);
  EXPECT_EQ(answer_of(reply), answer_of(without));  // it changes nothing
  const Json evidence = reply.json()["choices"][0]["attribution"];
  ASSERT_EQ(evidence["images"].size(), 2U) << reply.body;
  EXPECT_NEAR(sum_of_shares(evidence["images"]), 1, 1e-4);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(evidence["images"][i]["number"], i + 1);
    EXPECT_EQ(evidence["images"][i]["part"], "messages[0].content[" + std::to_string(i) + "]");
    EXPECT_FALSE(evidence["images"][i].contains("seconds"));
  }
  const size_t first = evidence["leading"][0].get<size_t>() - 1;
  EXPECT_GE(evidence["images"][first]["share"], evidence["images"][1 - first]["share"]);
  EXPECT_FALSE(evidence.contains("tokens"));
  EXPECT_FALSE(evidence.contains("grid"));
}

TEST_F(ServeEvidence, IsTheSameInAStream) {
  Json body = two_pictures();
  body["attribution"] = {{"tokens", true}, {"heat_maps", 1}};
  const Json whole = chat(port(), body).json()["choices"][0]["attribution"];
  body["stream"] = true;
  Json streamed;
  for (const Json& event : json_events(chat(port(), body).body)) {
    for (const Json& choice : event["choices"]) {
      if (!choice.contains("attribution")) continue;
      EXPECT_TRUE(streamed.is_null());
      EXPECT_FALSE(choice["finish_reason"].is_null());
      streamed = choice["attribution"];
    }
  }
  EXPECT_EQ(streamed, whole);
}

TEST_F(ServeEvidence, HasTokensAndHeatMapsWhereTheyAreWanted) {
  Json body = two_pictures();
  body["attribution"] = {{"tokens", true}, {"heat_maps", 1}};
  const Json json = chat(port(), body).json();
  const Json& evidence = json["choices"][0]["attribution"];
  std::string text;
  for (const Json& token : evidence["tokens"]) {
    text += token["text"].get<std::string>();
    EXPECT_EQ(token["shares"].size(), 2U);
  }
  EXPECT_EQ(text, json["choices"][0]["message"]["content"]);
  const size_t first = evidence["leading"][0].get<size_t>() - 1;
  const Json& map = evidence["images"][first]["heat_map"];
  EXPECT_EQ(map.size(), evidence["grid"][0].get<size_t>() * evidence["grid"][1].get<size_t>());
  EXPECT_FALSE(evidence["images"][1 - first].contains("heat_map"));
}

TEST_F(ServeEvidence, SaysWhenInAFilm) {
  const std::string film = bytes_of(OWL3_SOURCE_DIR "/demo/ball.mp4");
  Json body = question(std::vector<Json>{video_part("data:video/mp4;base64," + base64(film)),
                                         text_part("What happens?")});
  body["attribution"] = true;
  const Json evidence = chat(port(), body).json()["choices"][0]["attribution"];
  ASSERT_GT(evidence["images"].size(), 1U);
  double last = -1;
  for (const Json& image : evidence["images"]) {
    EXPECT_EQ(image["part"], "messages[0].content[0]");
    EXPECT_GT(image["seconds"].get<double>(), last);
    last = image["seconds"];
  }
  EXPECT_NEAR(sum_of_shares(evidence["images"]), 1, 1e-3);
}

TEST_F(ServeEvidence, IsEachChoicesOwn) {
  Json body = two_pictures();
  body["attribution"] = true;
  body["n"] = 2;
  body["temperature"] = 1;
  const Json json = chat(port(), body).json();
  for (const Json& choice : json["choices"]) {
    EXPECT_EQ(choice["attribution"]["images"].size(), 2U);
  }
}

TEST_F(ServeEvidence, OfATextAloneHasNoImages) {
  Json body = question("Who are you?");
  body["attribution"] = true;
  const Json evidence = chat(port(), body).json()["choices"][0]["attribution"];
  EXPECT_TRUE(evidence["images"].empty());
}

TEST_F(ServeEvidence, IsNotKeptOfMoreThanIsBounded) {
  Json body = two_pictures();
  body["attribution"] = true;
  body["max_tokens"] = 100'000;
  expect_refused(chat(port(), body), "max_tokens");
  body["attribution"] = "yes";
  expect_refused(chat(port(), body), "attribution");
  body["attribution"] = {{"heat_maps", 17}};
  expect_refused(chat(port(), body), "attribution.heat_maps");
}

}  // namespace

}  // namespace owl3::test
