#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "core/error.h"
#include "core/mapped_file.h"
#include "qwen.h"
#include "text/bpe.h"
#include "text/nfc.h"
#include "text/tokenizer_file.h"
#include "text/utf8.h"

namespace owl3 {
namespace {

using Ids = std::vector<int32_t>;

std::string random_text(std::mt19937& random, size_t characters) {
  const std::pair<char32_t, char32_t> ranges[] = {
      {0x20, 0x7E},   {0x61, 0x7A},   {0x09, 0x0D},     {0xA0, 0x24F},      {0x300, 0x36F},
      {0x400, 0x4FF}, {0x600, 0x6FF}, {0x4E00, 0x4F00}, {0x1F300, 0x1F6FF}, {0, 0x10FFFF}};
  std::string text;
  while (characters-- > 0) {
    const auto [low, high] = ranges[random() % std::size(ranges)];
    const char32_t character = low + static_cast<char32_t>(random() % (high - low + 1));
    if (character < 0xD800 || character > 0xDFFF) append_utf8(text, character);
  }
  return text;
}

/// Every byte sequence of `ids`, joined: what was encoded.
std::string joined(const Tokenizer& tokenizer, const Ids& ids) {
  std::string bytes;
  for (const int32_t id : ids) bytes.append(tokenizer.bytes_of(id));
  return bytes;
}

double seconds_to_encode(const std::string& text) {
  const auto begin = std::chrono::steady_clock::now();
  const Ids ids = test::qwen().encode(text);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(joined(test::qwen(), ids), text);
  return taken.count();
}

TEST(Tokenizer, EncodesEveryGoldenCaseExactly) {
  for (const auto& golden : test::read_json_lines(test::data("tokenizer/cases.jsonl"))) {
    ASSERT_EQ(test::qwen().encode(golden["text"].get<std::string>()), golden["ids"].get<Ids>())
        << golden["text"];
  }
}

TEST(Tokenizer, DecodesEveryGoldenCaseExactly) {
  for (const auto& golden : test::read_json_lines(test::data("tokenizer/cases.jsonl"))) {
    ASSERT_EQ(test::qwen().decode(golden["ids"].get<Ids>()), golden["decoded"].get<std::string>());
  }
}

TEST(Tokenizer, GivesTheSameIdsInsideALongText) {
  // The golden texts in one, on a line each: long enough for the cache of pieces to be used.
  std::string text;
  Ids expected;
  for (const auto& golden : test::read_json_lines(test::data("tokenizer/cases.jsonl"))) {
    const auto one = golden["text"].get<std::string>();
    // The added token keeps the cases apart.
    text += one + "<|endoftext|>";
    for (const int32_t id : golden["ids"]) expected.push_back(id);
    expected.push_back(*test::qwen().id_of_added_token("<|endoftext|>"));
  }
  EXPECT_EQ(test::qwen().encode(text), expected);
  EXPECT_GT(text.size(), 20'000u);
}

TEST(Tokenizer, ComesBackToTheTextInFormC) {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, random() % 80);
    ASSERT_EQ(test::qwen().decode(test::qwen().encode(text)), to_nfc(text));
  }
}

/// Byte-pair encoding as it is defined, on strings: join the neighbours whose merge is listed
/// first, until there are none.
std::vector<std::string> merge_plainly(
    const std::map<std::pair<std::string, std::string>, size_t>& ranks, std::string_view word) {
  std::vector<std::string> symbols;
  for (const char byte : word) symbols.emplace_back(1, byte);
  while (true) {
    size_t best = symbols.size(), best_rank = SIZE_MAX;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = ranks.find({symbols[i], symbols[i + 1]});
      if (found == ranks.end() || found->second >= best_rank) continue;
      best = i;
      best_rank = found->second;
    }
    if (best == symbols.size()) return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, MergesShortAndLongPiecesAsDefined) {
  const auto mapped = MappedFile::open(test::qwen_tokenizer_path());
  TokenizerFile file = read_tokenizer_file(
      {reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size()},
      std::nullopt);
  std::map<std::pair<std::string, std::string>, size_t> ranks;
  size_t offset = 0;
  for (const auto& [left, right] : file.merges.lengths) {
    ranks[{file.merges.bytes.substr(offset, left),
           file.merges.bytes.substr(offset + left, right)}] = ranks.size();
    offset += left + right;
  }
  const Bpe bpe(std::move(file.vocabulary), file.merges, /*ignore_merges=*/false);

  std::mt19937 random(5);
  for (int round = 0; round < 600; ++round) {
    const std::string_view letters = round % 3 == 0 ? "aab" : "etaoin shrdlucm";
    std::string word;
    for (size_t i = 1 + random() % 150; i > 0; --i)
      word.push_back(letters[random() % letters.size()]);
    if (round % 5 == 0) word = random_text(random, 1 + random() % 60);
    if (word.empty()) continue;
    Bpe::Workspace workspace(word.size());
    Ids ids;
    bpe.encode(word, workspace, ids);
    std::vector<std::string> symbols;
    for (const int32_t id : ids) symbols.emplace_back(bpe.vocabulary().bytes_of(id));
    ASSERT_EQ(symbols, merge_plainly(ranks, word)) << word;
  }
}

TEST(Bpe, TakesAMoreImportantMergeAsSoonAsItIsPossible) {
  // A trained file lists a merge after those that make its parts; here it comes before them.
  nlohmann::json json = test::small_tokenizer_json();
  json["model"]["vocab"].update({{"aba", 260}, {"abab", 261}});
  json["model"]["merges"] = {"ab a", "aba b", "a b"};
  const Tokenizer tokenizer = Tokenizer::from_json(json.dump(), "t.json");
  EXPECT_EQ(tokenizer.encode("ababab"), (Ids{261, 256}));
  std::string word;
  Ids expected;
  for (int i = 0; i < 100'000; ++i) {
    word += "abab";
    expected.push_back(261);
  }
  EXPECT_EQ(tokenizer.encode(word), expected);
}

TEST(Tokenizer, EncodesAMillionCharactersOfTextFast) {
  const std::string sentence =
      "The quick brown fox, having jumped over 12 lazy dogs, didn't stop; it ran on to the "
      "river.\n";
  std::string text;
  while (text.size() < 1'000'000) text += sentence;
  EXPECT_LT(seconds_to_encode(text), 2.0);
}

TEST(Tokenizer, TakesNoQuadraticTimeForPiecesWithoutAnEnd) {
  EXPECT_LT(seconds_to_encode(std::string(1'000'000, 'a')), 5.0);
  EXPECT_LT(seconds_to_encode(std::string(1'000'000, ' ')), 5.0);
  EXPECT_LT(seconds_to_encode(std::string(1'000'000, '\n')), 5.0);
  EXPECT_LT(seconds_to_encode(std::string(1'000'000, '<')), 5.0);
  EXPECT_LT(seconds_to_encode(std::string(999'999, ' ') + "x"), 5.0);
  std::mt19937 random(6);
  std::string word;
  while (word.size() < 1'000'000) word.push_back(static_cast<char>('a' + random() % 26));
  EXPECT_LT(seconds_to_encode(word), 5.0);
  std::string ideographs;
  while (ideographs.size() < 1'000'000)
    append_utf8(ideographs, static_cast<char32_t>(0x4E00 + random() % 0x5000));
  EXPECT_LT(seconds_to_encode(ideographs), 5.0);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  for (const char* text : {"\xFF", "ab\xC3", "\xED\xA0\x80", "\xC0\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_THROW(test::qwen().encode(text), InputError);
  }
}

TEST(Tokenizer, TakesTextWithZeroBytes) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(test::qwen().decode(test::qwen().encode(text)), text);
  EXPECT_TRUE(test::qwen().encode("").empty());
  EXPECT_EQ(test::qwen().decode({}), "");
}

TEST(Tokenizer, KnowsItsAddedTokens) {
  EXPECT_EQ(test::owl().id_of_added_token("<|image|>"), 151646);
  EXPECT_EQ(test::owl().id_of_added_token("the"), std::nullopt);
  EXPECT_TRUE(test::owl().is_special(151645));
  EXPECT_FALSE(test::owl().is_special(0));
  EXPECT_EQ(test::owl().bytes_of(151645), "<|im_end|>");
  EXPECT_EQ(test::owl().vocab_size(), 151651);
  EXPECT_FALSE(test::qwen().is_special(151657));
  EXPECT_EQ(test::qwen().encode("<tool_call>"), Ids{151657});
}

TEST(Tokenizer, HasNothingForIdsWithoutAToken) {
  for (const int32_t id : {-1, INT32_MIN, INT32_MAX, 151651}) {
    EXPECT_EQ(test::owl().bytes_of(id), "");
    EXPECT_FALSE(test::owl().is_special(id));
  }
  EXPECT_EQ(test::owl().decode(Ids{-1, 9707, 1 << 30}), "Hello");
}

TEST(Tokenizer, TurnsBytesThatAreNoTextIntoReplacements) {
  const Ids private_use = test::qwen().encode("\U000F1234");
  ASSERT_GT(private_use.size(), 1u);
  EXPECT_EQ(test::qwen().decode(std::span(private_use).first(1)), "\uFFFD");
  EXPECT_EQ(test::qwen().decode(private_use), "\U000F1234");
}

TEST(Tokenizer, ServesSeveralThreadsAtOnce) {
  const auto goldens = test::read_json_lines(test::data("tokenizer/cases.jsonl"));
  std::vector<std::thread> threads;
  std::vector<int> wrong(3, 0);
  const Tokenizer& tokenizer = test::qwen();
  for (size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      for (const auto& golden : goldens) {
        wrong[i] += tokenizer.encode(golden["text"].get<std::string>()) != golden["ids"].get<Ids>();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::vector<int>{0, 0, 0}));
}

TEST(Tokenizer, LoadsWithinAFractionOfASecond) {
  const auto path = test::qwen_tokenizer_path();
  const auto begin = std::chrono::steady_clock::now();
  const Tokenizer tokenizer = Tokenizer::from_file(path);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(taken.count(), 5.0);  // 0.2 s on an idle machine; sanitizers and company take more
  EXPECT_EQ(tokenizer.vocab_size(), 151669);
}

}  // namespace
}  // namespace owl3
