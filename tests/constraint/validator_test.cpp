// Answers of random bytes under all schemas there are, held against an independent validator.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "constraint/answer_form.h"
#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  std::FILE* const pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return {};
  std::string text;
  for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) {
    text += static_cast<char>(byte);
  }
  pclose(pipe);
  return text;
}

/// Bytes at random, towards the end those that close something; nothing where that didn't help.
std::string random_answer(AnswerGrammar& grammar, uint32_t seed) {
  constexpr size_t kWild = 40;
  constexpr size_t kMost = 1200;
  std::mt19937 random(seed);
  AnswerWalk& walk = grammar.walk();
  grammar.refill();
  WalkState state = grammar.begin();
  std::string text;
  while (text.size() < kMost) {
    const std::string bytes = walk.next_bytes(state);
    if (walk.complete(state) && (bytes.empty() || text.size() > kWild || random() % 2 == 0)) {
      return text;
    }
    EXPECT_FALSE(bytes.empty()) << "nothing can follow " << text;
    if (bytes.empty()) return {};
    std::string from = bytes;
    if (text.size() > kWild + seed * 10) {
      for (const char* closing : {"}", "]", "\"", "\\", "n", "0", "tf", ",:", "ae"}) {
        std::string some;
        for (const char byte : bytes) {
          if (std::string_view(closing).find(byte) != std::string_view::npos) some += byte;
        }
        if (some.empty() || some == "\\") continue;
        from = some;
        break;
      }
    }
    const char byte = from[random() % from.size()];
    state = walk.next(state, static_cast<unsigned char>(byte));
    text += byte;
  }
  return {};
}

std::vector<Json> all_schemas() {
  std::vector<Json> schemas = {
      Json::parse(
          R"({"type":"object","properties":{"when":{"format":"date-time"},"mail":{"format":)"
          R"("email"},"at":{"format":"ipv6"},"site":{"format":"uri"},"id":{"format":"uuid"}},)"
          R"("additionalProperties":false})"),
      Json::parse(R"({"type":"number","minimum":-2.5,"exclusiveMaximum":1e3})"),
      Json::parse(R"({"type":"integer","multipleOf":7,"minimum":100,"maximum":100000})"),
      Json::parse(
          R"({"type":"array","items":{"type":"string","minLength":1,"maxLength":3},)"
          R"("contains":{"pattern":"^[xy]"},"minContains":2,"maxContains":3,"maxItems":6})"),
      Json::parse(
          R"({"oneOf":[{"type":"object","required":["a"]},{"type":"object","required":["b"]}]})"),
      Json::parse(
          R"({"if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"required":["x"]},)"
          R"("else":{"required":["y"]},"type":"object","propertyNames":{"pattern":"^[kxyz]+$"}})"),
  };
  const fs::path real =
      fs::path(OWL3_SOURCE_DIR).parent_path() / "shared" / "json-schema" / "real" / "schemas.jsonl";
  std::ifstream stream(real);
  const size_t each = std::getenv("OWL3_ALL_SCHEMAS") != nullptr ? 1 : 20;  // all take minutes
  size_t row = 0;
  for (std::string line; std::getline(stream, line);) {
    if (row++ % each != 0) continue;
    schemas.push_back(Json::parse(line)["schema"]);
  }
  return schemas;
}

TEST(Validator, FindsEveryAnswerValid) {
  if (output_of("node --version").empty()) {
    GTEST_SKIP() << "no node on this machine: ANSWERS WERE NOT HELD AGAINST ANOTHER VALIDATOR";
  }
  constexpr uint32_t kSeeds = 3;
  const ScratchFolder folder;
  const fs::path file = folder.path() / "answers.jsonl";
  size_t written = 0;
  {
    std::ofstream stream(file);
    for (const Json& schema : all_schemas()) {
      AnswerForm form;
      form.schema = schema.dump();
      std::vector<std::string> answers;
      try {
        AnswerGrammar grammar(form);
        for (uint32_t seed = 0; seed < kSeeds; ++seed) {
          std::string answer = random_answer(grammar, seed);
          if (!answer.empty()) answers.push_back(std::move(answer));
        }
      } catch (const InputError&) {
        continue;  // not supported
      }
      written += answers.size();
      stream << Json{{"schema", schema}, {"answers", answers}}.dump() << "\n";
    }
  }
  const std::string output =
      output_of("cd " OWL3_SOURCE_DIR " && node tests/constraint/validate.mjs " + file.string());
  std::istringstream lines(output);
  std::string last;
  size_t invalid = 0;
  for (std::string line; std::getline(lines, line); last = line) {
    if (line.starts_with("{\"schema\"")) {
      ++invalid;
      if (invalid < 30) ADD_FAILURE() << line.substr(0, 1500);
    }
  }
  std::cout << written << " answers; " << last << "\n";
  ASSERT_TRUE(last.starts_with("{\"answers\"")) << "the validator failed: npm ci?";
  EXPECT_EQ(invalid, 0u);
}

}  // namespace
}  // namespace owl3
