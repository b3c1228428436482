// Masks over the real vocabulary, and answers of random tokens, which must have their form.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "constraint/constrained_answer.h"
#include "qwen.h"

namespace owl3 {
namespace {

std::shared_ptr<const TokenTrie> trie() {
  static const auto made = std::make_shared<const TokenTrie>(test::qwen());
  return made;
}

AnswerForm schema(const std::string& text) {
  AnswerForm form;
  form.schema = text;
  return form;
}

const std::vector<std::string>& schemas() {
  static const std::vector<std::string> all = {
      R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer",)"
      R"("minimum":0,"maximum":150},"tags":{"type":"array","items":{"type":"string","maxLength":8},)"
      R"("maxItems":3}},"required":["name","age","tags"],"additionalProperties":false})",
      R"({"type":"string","minLength":3,"maxLength":40,"pattern":"^[A-ZÄÖÜ]"})",
      R"({"type":"object","additionalProperties":{"type":["number","null"]},"maxProperties":4})",
      R"({"oneOf":[{"properties":{"kind":{"const":"cat"},"lives":{"type":"integer"}},)"
      R"("required":["kind","lives"],"additionalProperties":false},{"properties":{"kind":)"
      R"({"const":"dog"},"good":{"type":"boolean"}},"required":["kind"],)"
      R"("additionalProperties":false}],"type":"object"})",
      R"({"type":"array","prefixItems":[{"enum":["äöü","日本語",3]}],"items":{"type":"string",)"
      R"("format":"date"},"minItems":2,"maxItems":3})",
      R"({"type":"array","items":{"type":"integer"},"contains":{"const":7},"maxItems":4})",
      R"({"type":"object","not":{"required":["a"]},"minProperties":1,"maxProperties":2,)"
      R"("additionalProperties":{"type":"number","multipleOf":0.25}})",
  };
  return all;
}

/// All tokens that go on from the state, one by one.
std::vector<int32_t> tokens_by_bytes(AnswerGrammar& grammar, const WalkState& state) {
  std::vector<int32_t> tokens;
  for (int32_t id = 0; id < static_cast<int32_t>(trie()->vocab_size()); ++id) {
    const std::string& bytes = trie()->bytes_of(id);
    if (bytes.empty()) continue;
    WalkState next = state;
    for (size_t i = 0; i < bytes.size() && !next.empty(); ++i) {
      next = grammar.walk().next(next, static_cast<unsigned char>(bytes[i]));
    }
    if (!next.empty()) tokens.push_back(id);
  }
  return tokens;
}

TEST(TokenMasks, HaveJustTheTokensWhoseBytesGoOn) {
  const std::pair<size_t, std::string> places[] = {
      {0, ""},         {0, "{\"name\":\"an"}, {0, "{\"age\":1"}, {0, "{\"tags\":[\"\\"},
      {1, "\"Ab"},     {2, "{\"x\":1,\"x"},   {2, "{\"q"},       {4, "[\"\xC3"},
      {4, "[3, \"20"}, {5, "[1,2"},
  };
  for (const auto& [number, begun] : places) {
    AnswerGrammar grammar(schema(schemas()[number]));
    TokenMasks masks(grammar.walk(), trie());
    WalkState state = grammar.begin();
    for (const char byte : begun) {
      state = grammar.walk().next(state, static_cast<unsigned char>(byte));
    }
    ASSERT_FALSE(state.empty()) << begun;
    const TokenMask mask = masks.tokens(state);
    const std::vector<int32_t> expected = tokens_by_bytes(grammar, state);
    EXPECT_EQ(mask.count(), expected.size()) << number << " " << begun;
    for (const int32_t token : expected) {
      ASSERT_TRUE(mask.has(token)) << number << " " << begun << " + " << trie()->bytes_of(token);
    }
  }
}

/// Tokens at random; towards the end those that close something. Empty where that didn't help.
std::string random_answer(const std::shared_ptr<AnswerConstraint>& constraint, uint32_t seed) {
  std::mt19937 random(seed);
  ConstrainedAnswer answer(constraint);
  std::string text;
  for (int step = 0; step < 300; ++step) {
    if (answer.ended() || (answer.complete() && random() % 2 == 0)) return text;
    const TokenMask mask = answer.allowed();
    std::vector<int32_t> tokens;
    std::vector<int32_t> closing;
    for (int32_t id = 0; id < static_cast<int32_t>(trie()->vocab_size()); ++id) {
      if (!mask.has(id)) continue;
      tokens.push_back(id);
      const std::string& bytes = trie()->bytes_of(id);
      if (bytes == "\"" || bytes == "]" || bytes == "}" || bytes == "\"]" || bytes == "\"}") {
        closing.push_back(id);
      }
    }
    EXPECT_FALSE(tokens.empty()) << "nothing can follow " << text;
    if (tokens.empty()) return {};
    const std::vector<int32_t>& from = step > 12 && !closing.empty() ? closing : tokens;
    const int32_t token = from[random() % from.size()];
    answer.accept(token);
    text += trie()->bytes_of(token);
  }
  return {};
}

TEST(TokenMasks, AnswersOfRandomTokensHaveTheirForm) {
  size_t whole = 0;
  for (const std::string& text : schemas()) {
    const auto constraint = std::make_shared<AnswerConstraint>(schema(text), test::qwen(), trie());
    AnswerGrammar grammar(schema(text));
    for (uint32_t seed = 0; seed < 2; ++seed) {
      const std::string answer = random_answer(constraint, seed);
      if (answer.empty()) continue;
      ++whole;
      EXPECT_TRUE(nlohmann::json::accept(answer)) << answer;
      EXPECT_TRUE(grammar.accepts(answer)) << text << " " << answer;
    }
  }
  EXPECT_GT(whole, schemas().size());
}

TEST(ConstrainedAnswer, TextThatIsForcedComesAsTheTokenizerCutsIt) {
  const auto constraint = std::make_shared<AnswerConstraint>(
      schema(R"({"const":{"temperature":"warm","place":null}})"), test::qwen(), trie());
  ConstrainedAnswer answer(constraint);
  std::string text;
  size_t forced = 0;
  size_t steps = 0;
  for (; !answer.ended(); ++steps) {
    const TokenMask mask = answer.allowed();
    forced += mask.count() == 1 ? 1 : 0;
    text += trie()->bytes_of(mask.first());
    answer.accept(mask.first());
    ASSERT_LT(steps, 1000u);
  }
  EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  EXPECT_GT(forced, 0u);
}

TEST(ConstrainedAnswer, EndsWhereItIsComplete) {
  AnswerForm form;
  form.choices = {"yes", "yes, but", "no"};
  const auto constraint = std::make_shared<AnswerConstraint>(form, test::qwen(), trie());
  ConstrainedAnswer yes(constraint);
  EXPECT_FALSE(yes.complete());
  yes.accept(test::qwen().encode("yes").front());
  EXPECT_TRUE(yes.complete());
  EXPECT_FALSE(yes.ended());
  ConstrainedAnswer no(constraint);
  no.accept(test::qwen().encode("no").front());
  EXPECT_TRUE(no.ended());
}

}  // namespace
}  // namespace owl3
