// Masks held against the plain way, which steps through the grammar for each byte of the
// vocabulary's trie, at random places of random schemas.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "constraint/answer_form.h"
#include "core/error.h"
#include "qwen.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

std::shared_ptr<const TokenTrie> trie() {
  static const auto made = std::make_shared<const TokenTrie>(test::qwen());
  return made;
}

void go_on_plainly(AnswerWalk& walk, uint32_t node, const WalkState& state, TokenMask& mask) {
  const ByteTrie& nodes = trie()->nodes();
  for (uint32_t child = node + 1; child < nodes[node].end; child = nodes[child].end) {
    const WalkState next = walk.next(state, nodes[child].byte);
    if (next.empty()) continue;
    for (uint32_t text = nodes[child].first; text < nodes.texts_end(child); ++text) {
      mask.add(trie()->token(text));
    }
    go_on_plainly(walk, child, next, mask);
  }
}

class RandomSchemas {
 public:
  explicit RandomSchemas(uint32_t seed) : random_(seed) {}

  size_t below(size_t count) { return random_() % count; }
  bool one_in(size_t count) { return below(count) == 0; }

  Json object(int depth) {
    Json schema = {{"type", "object"}};
    // Names that begin with each other, that are written in several ways, and that others match.
    static const std::vector<std::string> kNames = {
        "n",   "na", "name", "names", "named", "näme", "nä",  "日",    "日本", "x",   "xa",
        "x\"", "",   "a b",  "id",    "idea",  "\n",   "x\\", "value", "ä",    "key", "\x7f"};
    const size_t count = one_in(2) ? below(4) : 8 + below(kNames.size() - 8);
    const size_t first = below(kNames.size());
    for (size_t i = 0; i < count; ++i) {
      const std::string& name = kNames[(first + i) % kNames.size()];
      if (!one_in(5)) schema["properties"][name] = value(depth + 1);
      if (one_in(3)) schema["required"].push_back(name);
    }
    if (!one_in(3)) schema["additionalProperties"] = other(depth + 1);
    static const std::vector<std::string> kPatterns = {"^x",       "^[aä]$",    "e$",
                                                       "^.{1,2}$", "^n[a-m]*$", "^(日|key)"};
    for (size_t i = below(3); i-- > 0;) {
      schema["patternProperties"][kPatterns[below(kPatterns.size())]] = value(depth + 1);
    }
    if (one_in(6)) schema["propertyNames"] = {{"pattern", kPatterns[below(kPatterns.size())]}};
    if (one_in(6)) schema["propertyNames"] = {{"maxLength", 1 + below(5)}};
    if (one_in(4)) schema["minProperties"] = below(4);
    if (one_in(4)) schema["maxProperties"] = 1 + below(5);
    if (one_in(6)) schema["dependentRequired"] = {{"n", {"name", "value"}}};
    if (one_in(6)) schema["not"] = {{"required", {"id"}}};
    return schema;
  }

  Json schema() {
    if (one_in(4)) return {{"anyOf", {object(0), object(0)}}};
    if (one_in(6)) return {{"allOf", {object(0), object(0)}}};
    return object(0);
  }

 private:
  Json other(int depth) { return one_in(4) ? Json(one_in(2)) : value(depth); }

  Json value(int depth) {
    switch (below(depth < 3 ? 12 : 9)) {
      case 0:
        return true;
      case 1:
        return {{"type", "integer"}};
      case 2:
        return {{"enum", {"", "n", "name", 7, nullptr}}};
      case 3:
        return {{"type", "string"}, {"maxLength", below(9)}};
      case 4:
        return {{"type", "string"}, {"minLength", 3}, {"pattern", "^[a-zä]+$"}};
      case 5:
        return {{"type", {"string", "null"}}};
      case 6:
        return {{"type", "string"}, {"minLength", 1 + below(3)}, {"maxLength", 4 + below(30)}};
      case 7:
        return {{"const", "日本"}};
      case 8:
        return {{"type", "string"}, {"format", "date"}};
      case 9:
        return {{"type", "array"}, {"items", object(depth)}};
      default:
        return object(depth);
    }
  }

  std::mt19937 random_;
};

/// Where an answer of random bytes is at last, mostly along names.
WalkState random_place(AnswerGrammar& grammar, RandomSchemas& random, std::string& begun) {
  WalkState state = grammar.begin();
  const size_t most = random.below(60);
  while (begun.size() < most) {
    const std::string bytes = grammar.walk().next_bytes(state);
    if (bytes.empty()) return state;
    std::string likely;
    for (const char byte : bytes) {
      if (std::string_view("\"{:,}ameä日1").find(byte) != std::string_view::npos) likely += byte;
    }
    const std::string& from = likely.empty() || random.one_in(4) ? bytes : likely;
    begun += from[random.below(from.size())];
    state = grammar.walk().next(state, static_cast<unsigned char>(begun.back()));
  }
  return state;
}

TEST(TokenMasks, AreJustWhatEachByteAllowsAtRandomPlacesOfRandomSchemas) {
  size_t places = 0;
  const char* const many = std::getenv("OWL3_RANDOM_SCHEMAS");
  const auto seeds = many != nullptr ? static_cast<uint32_t>(std::atoi(many)) : 16u;
  for (uint32_t seed = 0; seed < seeds; ++seed) {
    RandomSchemas random(seed);
    AnswerForm form;
    form.schema = random.schema().dump();
    std::unique_ptr<AnswerGrammar> grammar;
    try {
      grammar = std::make_unique<AnswerGrammar>(form);
    } catch (const InputError&) {
      continue;  // contradicts itself, or is too intricate
    }
    TokenMasks masks(grammar->walk(), trie());
    for (int i = 0; i < 3; ++i) {  // the later ones with what the earlier ones kept
      grammar->refill();
      std::string begun;
      const WalkState state = random_place(*grammar, random, begun);
      const TokenMask mask = masks.tokens(state);
      TokenMask plain(trie()->vocab_size());
      go_on_plainly(grammar->walk(), ByteTrie::kRoot, state, plain);
      ++places;
      for (int32_t id = 0; id < static_cast<int32_t>(trie()->vocab_size()); ++id) {
        ASSERT_EQ(mask.has(id), plain.has(id))
            << seed << ": " << form.schema << "\nbehind " << begun << ": "
            << nlohmann::json(trie()->bytes_of(id))
                   .dump(-1, ' ', false, Json::error_handler_t::replace);
      }
    }
  }
  EXPECT_GT(places, seeds);
}

}  // namespace
}  // namespace owl3
