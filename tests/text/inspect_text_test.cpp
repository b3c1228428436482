#include "cli/inspect/inspect_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/error.h"
#include "qwen.h"

namespace owl3 {
namespace {

using nlohmann::json;

std::string tokenize(const std::string& lines) {
  std::istringstream in(lines);
  std::ostringstream out;
  cli::tokenize_cases(test::qwen(), in, "cases.jsonl", out);
  return out.str();
}

std::string prompt(const std::string& lines, std::optional<Variant> variant = std::nullopt) {
  std::istringstream in(lines);
  std::ostringstream out;
  cli::prompt_cases(test::owl(), variant, in, "cases.jsonl", out);
  return out.str();
}

template <typename Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::vector<json> parse_lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

TEST(InspectTokenize, WritesTheGoldenLines) {
  const auto goldens = test::read_json_lines(test::data("tokenizer/cases.jsonl"));
  std::string in;
  for (const json& golden : goldens) in += json{{"text", golden["text"]}}.dump() + "\n";
  const std::vector<json> out = parse_lines(tokenize(in));
  ASSERT_EQ(out.size(), goldens.size());
  for (size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(out[i], (json{{"ids", goldens[i]["ids"]}, {"decoded", goldens[i]["decoded"]}}));
  }
}

TEST(InspectTokenize, WritesIdsFirst) {
  EXPECT_EQ(tokenize("{\"text\":\"Hello\"}"), "{\"ids\":[9707],\"decoded\":\"Hello\"}\n");
}

TEST(InspectTokenize, NamesTheWrongLine) {
  EXPECT_EQ(error_of([] { tokenize("{\"text\":\"a\"}\n\n{\"text\":3}\n"); }),
            "cases.jsonl:3: \"text\" is not a string");
  EXPECT_EQ(error_of([] { tokenize("{"); }), "cases.jsonl:1: not a JSON object");
  EXPECT_EQ(error_of([] { tokenize("[]"); }), "cases.jsonl:1: not a JSON object");
  EXPECT_EQ(error_of([] { tokenize("{\"text\":\"\xFF\"}"); }), "cases.jsonl:1: not a JSON object");
  EXPECT_EQ(error_of([] { tokenize("{}"); }), "cases.jsonl:1: \"text\" is missing");
}

TEST(InspectPrompt, WritesTheGoldenLines) {
  const auto goldens = test::read_json_lines(test::data("prompts/cases.jsonl"));
  std::string in;
  for (json golden : goldens) {
    for (const char* key : {"ids", "pieces", "media_positions"}) golden.erase(key);
    in += golden.dump() + "\n";
  }
  const std::vector<json> out = parse_lines(prompt(in));
  ASSERT_EQ(out.size(), goldens.size());
  for (size_t i = 0; i < out.size(); ++i) {
    for (const char* key : {"ids", "pieces", "media_positions"}) {
      ASSERT_EQ(out[i].at(key), goldens[i].at(key));
    }
  }
}

TEST(InspectPrompt, LetsTheOptionDecideOnTheVariant) {
  const std::string line =
      R"({"variant":"gated","messages":[{"role":"user","content":"<|video|>"}],)"
      R"("media":[{"type":"video","frames":2}]})";
  EXPECT_NE(prompt(line), prompt(line, Variant::kUnified));
  EXPECT_EQ(prompt(line), prompt(line, Variant::kGated));
}

TEST(InspectPrompt, NamesTheWrongLine) {
  const auto wrong = [](const std::string& members) {
    return error_of([&] { prompt("{" + members + "}", Variant::kGated); });
  };
  EXPECT_EQ(wrong(""), "cases.jsonl:1: \"messages\" is missing");
  EXPECT_EQ(wrong(R"("messages":3)"), "cases.jsonl:1: \"messages\" is not a list");
  EXPECT_EQ(wrong(R"("messages":[3])"), "cases.jsonl:1: an entry of \"messages\" is not an object");
  for (const char* members :
       {R"("messages":[{"role":"owl","content":""}])", R"("messages":[{"role":"user"}])",
        R"("messages":[],"media":3)", R"("messages":[],"media":[3])",
        R"("messages":[],"media":[{"type":"sound"}])",
        R"("messages":[],"media":[{"type":"image","grid":[1]}])",
        R"("messages":[],"media":[{"type":"image","grid":[1,-2]}])",
        R"("messages":[],"media":[{"type":"image","grid":[1,4294967297]}])",
        R"("messages":[],"media":[{"type":"video","frames":1e9}])",
        R"("messages":[],"media":[{"type":"video","frames":9223372036854775808}])",
        R"("messages":[],"media":[{"type":"image"}])",
        R"("messages":[{"role":"user","content":"<|video|>"}],)"
        R"("media":[{"type":"video","frames":2147483647}])"}) {
    EXPECT_TRUE(wrong(members).starts_with("cases.jsonl:1: ")) << members;
  }
  EXPECT_EQ(error_of([] { prompt(R"({"messages":[]})"); }),
            "cases.jsonl:1: \"variant\" is missing");
}

}  // namespace
}  // namespace owl3
