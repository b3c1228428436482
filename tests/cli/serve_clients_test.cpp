// `owl3 serve` as the clients that people have, its documentation and its metrics ask it.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "run_program.h"
#include "serve_process.h"
#include "serve_requests.h"

namespace owl3::test {

namespace {

TEST(ServeClients, NpmsOpenAiWorksWithItsBaseUrlAlone) {
  ServeProcess server({"--api-key", "secret"});
  RunOptions options;
  options.program = "/usr/bin/env";
  const Outcome outcome =
      run_owl3({"node", OWL3_SOURCE_DIR "/tests/cli/openai_client.mjs", server.address(), kPicture},
               options);
  if (outcome.exit_code == 127) GTEST_SKIP() << "no node on this machine";
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err << "\nis npm's openai missing? Run `npm ci`";
  const Json result = Json::parse(outcome.out);
  EXPECT_EQ(result["models"], Json::array({"owlet"}));
  EXPECT_EQ(result["model"], "owlet");
  const Json& whole = result["whole"]["choices"][0];
  EXPECT_EQ(whole["message"]["content"], result["text"]);
  EXPECT_EQ(whole["finish_reason"], result["reason"]);
  EXPECT_EQ(result["usage"]["completion_tokens"], result["whole"]["usage"]["completion_tokens"]);
  EXPECT_EQ(result["further"]["usage"]["prompt_tokens_details"]["cached_tokens"],
            result["whole"]["usage"]["prompt_tokens"]);
  EXPECT_EQ(result["several"]["choices"].size(), 3U);
  EXPECT_EQ(result["several"]["choices"][0]["message"]["content"], result["text"]);
  EXPECT_EQ(result["helper"]["choices"][0]["message"]["content"], result["text"]);
  EXPECT_EQ(result["tools"]["name"], "BadRequestError") << result["tools"];
  EXPECT_EQ(result["tools"]["param"], "tools");
  EXPECT_EQ(result["unknown"]["name"], "NotFoundError") << result["unknown"];
  EXPECT_EQ(result["stranger"]["name"], "AuthenticationError") << result["stranger"];
}

TEST(ServeClients, NpmsOllamaWorksWithItsHostAlone) {
  ServeProcess server;
  RunOptions options;
  options.program = "/usr/bin/env";
  const Outcome outcome =
      run_owl3({"node", OWL3_SOURCE_DIR "/tests/cli/ollama_client.mjs", server.address(), kPicture},
               options);
  if (outcome.exit_code == 127) GTEST_SKIP() << "no node on this machine";
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err << "\nis npm's ollama missing? Run `npm ci`";
  const Json result = Json::parse(outcome.out);
  EXPECT_EQ(result["tags"], Json::array({"owlet:latest"}));
  EXPECT_EQ(result["running"], Json::array({"owlet:latest"}));
  EXPECT_EQ(result["show"]["capabilities"], Json::array({"completion", "vision"}));
  const std::string text = result["chat"]["message"]["content"];
  EXPECT_FALSE(text.empty());
  EXPECT_GT(result["chat"]["eval_count"], 0);
  EXPECT_EQ(result["streamed"]["text"], text);
  EXPECT_EQ(result["streamed"]["last"]["done_reason"], result["chat"]["done_reason"]);
  EXPECT_EQ(result["streamed"]["last"]["model"], "owlet:latest");
  EXPECT_EQ(result["generate"]["response"], text);
  EXPECT_EQ(result["generated"]["text"], text);
  EXPECT_EQ(result["loaded"]["done_reason"], "load");
  EXPECT_EQ(result["unknown"]["status"], 404) << result["unknown"];
  EXPECT_NE(result["tools"]["message"].get<std::string>().find("tools"), std::string::npos);
}

/// Values of a page of metrics, by name and labels.
std::map<std::string, double> metrics_of(uint16_t port) {
  std::istringstream page(ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body);
  std::map<std::string, double> values;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) continue;
    const size_t space = line.rfind(' ');
    EXPECT_NE(space, line.npos) << line;
    EXPECT_TRUE(values.emplace(line.substr(0, space), std::stod(line.substr(space))).second)
        << line;
  }
  return values;
}

TEST(ServeMetrics, CountWhatWasAsked) {
  ServeProcess server;
  const Json body = question(std::vector<Json>{image_part(), text_part("What is this?")});
  const Json usage = chat(server.port(), body).json()["usage"];
  chat(server.port(), body);
  chat(server.port(), Json::object());
  ask(server.port(), "GET /made/up HTTP/1.1\r\nHost: x\r\n\r\n");
  std::map<std::string, double> values = metrics_of(server.port());
  const std::string requests = R"(owl3_requests_total{path="/chat/completions",status=)";
  EXPECT_EQ(values[requests + "\"200\"}"], 2);
  EXPECT_EQ(values[requests + "\"400\"}"], 1);
  EXPECT_EQ(values[R"(owl3_requests_total{path="other",status="404"})"], 1);
  EXPECT_EQ(values["owl3_e2e_request_latency_seconds_count"], 4);
  EXPECT_EQ(values["owl3_time_to_first_token_seconds_count"], 2);
  EXPECT_EQ(values["owl3_time_to_first_token_seconds_bucket{le=\"+Inf\"}"], 2);
  EXPECT_GT(values["owl3_time_to_first_token_seconds_sum"], 0);
  EXPECT_EQ(values["owl3_prompt_tokens_total"], 2 * usage["prompt_tokens"].get<double>());
  EXPECT_EQ(values["owl3_generation_tokens_total"], 2 * usage["completion_tokens"].get<double>());
  EXPECT_EQ(values["owl3_images_encoded_total"], 1);
  EXPECT_EQ(values["owl3_media_cache_hits_total"], 1);
  EXPECT_EQ(values["owl3_num_requests_running"], 0);
  EXPECT_GT(values["owl3_visual_memory_bytes"], 0);
  EXPECT_GT(values["owl3_prefix_cache_bytes"], 0);

  // The dashboard asks for nothing that isn't there, and the document tells of all.
  const std::string dashboard = bytes_of(OWL3_SOURCE_DIR "/packaging/grafana.json");
  ASSERT_TRUE(Json::accept(dashboard));
  const std::regex metric("owl3_[a-z0-9_]+");
  for (std::sregex_iterator at(dashboard.begin(), dashboard.end(), metric), end; at != end; ++at) {
    const auto known = values.lower_bound(at->str());
    EXPECT_TRUE(known != values.end() && known->first.starts_with(at->str())) << at->str();
  }
  const std::string document = bytes_of(OWL3_SOURCE_DIR "/docs/serve.md");
  for (const auto& [name, value] : values) {
    const std::string bare = name.substr(0, name.find('{'));
    const std::string family = std::regex_replace(bare, std::regex("_(bucket|sum|count)$"), "");
    EXPECT_NE(document.find(family), document.npos) << name;
  }
}

TEST(ServeDocumentation, EveryRequestInItIsAnswered) {
  ServeProcess server;
  std::ifstream document(OWL3_SOURCE_DIR "/docs/serve.md");
  int requests = 0;
  for (std::string line; std::getline(document, line);) {
    const size_t place = line.find("127.0.0.1:8080");
    if (line.find("curl ") == line.npos || place == line.npos || line.front() == '`') continue;
    line.replace(place, std::string("127.0.0.1:8080").size(), server.address().substr(7));
    const Outcome outcome =
        run_owl3({"-c", "cd " OWL3_SOURCE_DIR " && " + line}, {.program = "/bin/sh"});
    EXPECT_EQ(outcome.exit_code, 0) << line << outcome.err;
    const bool answered = outcome.out.find("\"choices\"") != std::string::npos ||
                          outcome.out.find("\"media:media-") != std::string::npos ||
                          outcome.out.find("\"object\":\"response\"") != std::string::npos ||
                          outcome.out.find("\"done\":true") != std::string::npos;
    EXPECT_TRUE(answered) << outcome.out;
    ++requests;
  }
  EXPECT_EQ(requests, 9);
}

}  // namespace

}  // namespace owl3::test
