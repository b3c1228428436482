#include "text/tokenizer_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "qwen.h"
#include "text/utf8.h"

namespace owl3 {

nlohmann::json test::small_tokenizer_json() {
  nlohmann::json vocabulary = nlohmann::json::object();
  int32_t next_shifted = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself =
        (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    std::string letter;
    append_utf8(letter, static_cast<char32_t>(itself ? byte : next_shifted++));
    vocabulary[letter] = byte;
  }
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  vocabulary["bc"] = 258;
  vocabulary["unreachable"] = 259;
  return {
      {"added_tokens", {{{"id", 300}, {"content", "<x>"}, {"special", true}}}},
      {"normalizer", {{"type", "NFC"}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"a b", "ab c", "b c"}}}}};
}

namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

Tokenizer load(const Json& json) {
  return Tokenizer::from_json(json.dump(), "t.json");
}

/// The message with which a file is refused; empty when it is not.
std::string refusal(const std::string& json) {
  try {
    Tokenizer::from_json(json, "t.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}
std::string refusal(const Json& json) {
  return refusal(json.dump());
}

/// Checks that a change to the small file is refused with a line that has `part` in it.
template <typename Change>
void expect_refusal(const char* part, Change change) {
  Json json = test::small_tokenizer_json();
  change(json);
  const std::string message = refusal(json);
  EXPECT_TRUE(message.starts_with("t.json: ")) << part;
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(TokenizerFile, ReadsMergesInBothForms) {
  Json json = test::small_tokenizer_json();
  EXPECT_EQ(load(json).encode("abcbc"), (Ids{257, 258}));
  json["model"]["merges"] = Json::parse(R"([["a", "b"], ["ab", "c"], ["b", "c"]])");
  EXPECT_EQ(load(json).encode("abcbc"), (Ids{257, 258}));
}

TEST(TokenizerFile, AppliesMergesInTheirOrder) {
  Json json = test::small_tokenizer_json();
  json["model"]["merges"] = {"b c", "a b", "ab c"};
  EXPECT_EQ(load(json).encode("abc"), (Ids{'a', 258}));
}

TEST(TokenizerFile, TakesWholeTokensWhenMergesAreIgnored) {
  Json json = test::small_tokenizer_json();
  EXPECT_NE(load(json).encode("unreachable"), Ids{259});
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(load(json).encode("unreachable"), Ids{259});
  EXPECT_EQ(load(json).encode("abcbc"), (Ids{257, 258}));
}

TEST(TokenizerFile, TakesMembersInAnyOrder) {
  const Json json = test::small_tokenizer_json();
  const std::string reordered = R"({"model":{"merges":)" + json["model"]["merges"].dump() +
                                R"(,"vocab":)" + json["model"]["vocab"].dump() +
                                R"(,"type":"BPE"},"pre_tokenizer":)" +
                                json["pre_tokenizer"].dump() + "}";
  EXPECT_EQ(Tokenizer::from_json(reordered, "t.json").encode("abc"), Ids{257});
}

TEST(TokenizerFile, MayCutByATextOfItsOwn) {
  Json json = test::small_tokenizer_json();
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"String", "b"}}}, {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  EXPECT_EQ(load(json).encode("abc"), (Ids{'a', 'b', 'c'}));
  // A match of nothing cuts as well.
  json["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", "(?=c)"}};
  EXPECT_EQ(load(json).encode("abcabc"), (Ids{256, 'c', 256, 'c'}));
}

TEST(TokenizerFile, FindsNormalizedAddedTokensAfterNormalising) {
  Json json = test::small_tokenizer_json();
  json["added_tokens"] = {{{"id", 300}, {"content", "\u00E9!"}, {"normalized", true}},
                          {{"id", 301}, {"content", "\u00E8!"}, {"normalized", false}}};
  const Tokenizer tokenizer = load(json);
  EXPECT_EQ(tokenizer.encode("e\u0301!"), Ids{300});
  EXPECT_NE(tokenizer.encode("e\u0300!"), Ids{301});
  EXPECT_EQ(tokenizer.encode("\u00E8!"), Ids{301});
  EXPECT_EQ(tokenizer.decode(Ids{300, 301}), "\u00E9!\u00E8!");
  EXPECT_FALSE(tokenizer.is_special(300));
  EXPECT_EQ(tokenizer.vocab_size(), 302);
}

TEST(TokenizerFile, KeepsTokensThatAreNotBytesForDecodingOnly) {
  Json json = test::small_tokenizer_json();
  json["model"]["vocab"]["\u4E16"] = 260;
  EXPECT_EQ(load(json).decode(Ids{260}), "\u4E16");
  EXPECT_EQ(load(json).encode("\u4E16").size(), 3u);
}

TEST(TokenizerFile, RefusesWhatIsNotWholeJson) {
  EXPECT_NE(refusal(std::string()).find("empty"), std::string::npos);
  for (const char* broken : {"{", "[]", "null", "7", "\"x\"", "{}", "{\"model\":[]}", "\xFF", "{]",
                             "{\"model\":{\"vocab\":{\"a\":0}"}) {
    EXPECT_FALSE(refusal(std::string(broken)).empty()) << broken;
  }
  EXPECT_FALSE(refusal(std::string(1 << 20, '[')).empty());
  EXPECT_FALSE(refusal("{\"a\":" + std::string(1 << 20, '[')).empty());
  const std::string whole = test::small_tokenizer_json().dump();
  for (size_t length = 0; length < whole.size(); length += 7) {
    EXPECT_FALSE(refusal(whole.substr(0, length)).empty()) << length;
  }
}

TEST(TokenizerFile, RefusesIdsThatCannotBe) {
  for (const Json& id :
       {Json(2147483648u), Json(-1), Json(1.5), Json("1"), Json(nullptr), Json(true), Json::array(),
        Json::object(), Json(18446744073709551615u), Json(kMaxTokenId + 1)}) {
    expect_refusal("model.vocab", [&](Json& json) { json["model"]["vocab"]["new"] = id; });
    expect_refusal("added_tokens[0]", [&](Json& json) { json["added_tokens"][0]["id"] = id; });
  }
  expect_refusal("two tokens have the id 0", [](Json& json) { json["model"]["vocab"]["new"] = 0; });
  expect_refusal("added_tokens[0]", [](Json& json) { json["added_tokens"][0]["id"] = 5; });
  expect_refusal("id 300", [](Json& json) {
    json["added_tokens"].push_back({{"id", 300}, {"content", "<y>"}});
  });
  expect_refusal("listed twice", [](Json& json) {
    json["added_tokens"].push_back({{"id", 301}, {"content", "<x>"}});
  });
}

TEST(TokenizerFile, RefusesATokenListedTwice) {
  std::string json = test::small_tokenizer_json().dump();
  json.insert(json.find("\"abc\":257"), "\"abc\":290,");
  EXPECT_NE(refusal(json).find("listed twice"), std::string::npos);
}

TEST(TokenizerFile, RefusesMergesThatCannotBe) {
  for (const Json& merge :
       {Json("ab"), Json(""), Json("a "), Json(" b"), Json("a b c"), Json("a  b"), Json(3),
        Json(nullptr), Json::object(), Json::array({"a"}), Json::array({"a", "b", "c"}),
        Json::array(), Json::array({"a", 3}), Json::array({"a", Json::array()}),
        Json("\u4E16 a")}) {
    expect_refusal("model.merges", [&](Json& json) { json["model"]["merges"].push_back(merge); });
  }
  expect_refusal("merge 3", [](Json& json) { json["model"]["merges"].push_back("zz a"); });
  expect_refusal("merge 3", [](Json& json) { json["model"]["merges"].push_back("z z"); });
}

TEST(TokenizerFile, RefusesAVocabularyWithoutAllBytes) {
  expect_refusal("byte 0x61", [](Json& json) { json["model"]["vocab"].erase("a"); });
}

TEST(TokenizerFile, RefusesKindsItDoesNotKnow) {
  expect_refusal("WordPiece", [](Json& json) { json["model"]["type"] = "WordPiece"; });
  expect_refusal("list", [](Json& json) { json["model"]["vocab"] = Json::array({"a"}); });
  expect_refusal("vocab", [](Json& json) { json["model"].erase("vocab"); });
  expect_refusal("merges", [](Json& json) { json["model"].erase("merges"); });
  expect_refusal("dropout", [](Json& json) { json["model"]["dropout"] = 0.1; });
  expect_refusal("end_of_word", [](Json& json) { json["model"]["end_of_word_suffix"] = "</w>"; });
  expect_refusal("NFKC", [](Json& json) { json["normalizer"]["type"] = "NFKC"; });
  expect_refusal("normalizer", [](Json& json) { json["normalizer"] = 3; });
  expect_refusal("Metaspace", [](Json& json) { json["pre_tokenizer"]["type"] = "Metaspace"; });
  expect_refusal("missing", [](Json& json) { json.erase("pre_tokenizer"); });
  expect_refusal("prefix", [](Json& json) { json["pre_tokenizer"]["add_prefix_space"] = true; });
  expect_refusal("WordPiece", [](Json& json) { json["decoder"]["type"] = "WordPiece"; });
  expect_refusal("added_tokens", [](Json& json) { json["added_tokens"] = "x"; });
  expect_refusal("content", [](Json& json) { json["added_tokens"][0]["content"] = ""; });
  expect_refusal("content", [](Json& json) { json["added_tokens"][0].erase("content"); });
  expect_refusal("lstrip", [](Json& json) { json["added_tokens"][0]["lstrip"] = "yes"; });
  const auto split = [](Json pattern, const char* behavior) {
    return Json{{"type", "Sequence"},
                {"pretokenizers",
                 {{{"type", "Split"}, {"pattern", std::move(pattern)}, {"behavior", behavior}},
                  {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  };
  const auto regex = [](const std::string& text) { return Json{{"Regex", text}}; };
  expect_refusal("Isolated",
                 [&](Json& json) { json["pre_tokenizer"] = split(regex("a"), "Removed"); });
  expect_refusal("pattern",
                 [&](Json& json) { json["pre_tokenizer"] = split(regex("("), "Isolated"); });
  expect_refusal("pattern",
                 [&](Json& json) { json["pre_tokenizer"] = split(regex("\\C"), "Isolated"); });
  expect_refusal("pattern",
                 [&](Json& json) { json["pre_tokenizer"] = split(regex(""), "Isolated"); });
  expect_refusal("pattern", [&](Json& json) { json["pre_tokenizer"] = split("a", "Isolated"); });
}

TEST(TokenizerFile, RefusesAnAnswerFromARunawayPattern) {
  Json json = test::small_tokenizer_json();
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"},
         {"pattern", {{"Regex", "(*LIMIT_MATCH=100000)(a+)+(a+)+(a+)+[!?]"}}},
         {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  EXPECT_THROW(load(json).encode(std::string(200, 'a')), InputError);
}

TEST(TokenizerFile, NamesFilesThatCannotBeRead) {
  EXPECT_THROW(Tokenizer::from_file("/nonexistent/tokenizer.json"), InputError);
  EXPECT_THROW(Tokenizer::from_file("/"), InputError);
  EXPECT_THROW(Tokenizer::from_file("/dev/null"), InputError);
  EXPECT_THROW(Tokenizer::from_file(test::qwen_tokenizer_path(), test::data("prompts/cases.jsonl")),
               InputError);
}

}  // namespace
}  // namespace owl3
