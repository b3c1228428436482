// The server as clients from npm ask it.
#include <string>

#include "run_program.h"
#include "shared_server.h"

namespace owl3::test {

namespace {

/// What a script of tests/server writes; null where there is no node.
Json run_client(const std::string& script, const ServeProcess& server) {
  RunOptions options;
  options.program = "/usr/bin/env";
  const Outcome outcome = run_owl3(
      {"node", OWL3_SOURCE_DIR "/tests/server/" + script, server.address(), kPicture}, options);
  if (outcome.exit_code == 127) return {};
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err << "\nis a package missing? Run `npm ci`";
  return Json::parse(outcome.out, nullptr, false);
}

TEST(ServeClients, NpmsAiWorksWithItsOpenAiCompatibleProvider) {
  ServeProcess server({"--api-key", "secret"});
  const Json result = run_client("ai_client.mjs", server);
  if (result.is_null()) GTEST_SKIP() << "no node on this machine";
  ASSERT_TRUE(result.is_object());
  EXPECT_FALSE(result["whole"]["text"].get<std::string>().empty());
  EXPECT_EQ(result["text"], result["whole"]["text"]);
  EXPECT_EQ(result["reason"], result["whole"]["reason"]);
  EXPECT_EQ(result["usage"]["outputTokens"], result["whole"]["usage"]["outputTokens"]);
  EXPECT_EQ(result["further"]["cachedInputTokens"], result["whole"]["usage"]["inputTokens"]);
  EXPECT_GT(result["completion"]["usage"]["inputTokens"], 0);
  EXPECT_EQ(result["unknown"]["status"], 404) << result["unknown"];
}

TEST(ServeClients, NpmsOpenAiKnowsItsOtherPathsToo) {
  ServeProcess server({"--api-key", "secret"});
  const Json result = run_client("openai_paths.mjs", server);
  if (result.is_null()) GTEST_SKIP() << "no node on this machine";
  ASSERT_TRUE(result.is_object());
  const Json& chat = result["chat"]["choices"][0];
  EXPECT_EQ(result["output_text"], chat["message"]["content"]);
  EXPECT_EQ(std::ssize(chat["logprobs"]["content"]), result["chat"]["usage"]["completion_tokens"]);
  EXPECT_EQ(result["streamed"], result["plain"]);
  EXPECT_EQ(result["events"].front(), "response.created");
  EXPECT_EQ(result["texts"][0], result["text"]["choices"][0]["text"]);
  EXPECT_EQ(result["texts"][1], result["text"]["choices"][1]["text"]);
  EXPECT_EQ(result["refused"]["name"], "BadRequestError");
  EXPECT_EQ(result["refused"]["param"], "previous_response_id");
}

}  // namespace

}  // namespace owl3::test
