#include "text/stream.h"

#include <gtest/gtest.h>

#include <random>

#include "core/error.h"
#include "qwen.h"
#include "text/utf8.h"

namespace owl3 {
namespace {

TEST(Utf8Stream, NeverEmitsPartOfACharacter) {
  const std::string text = "a\u00E9\u4E16\U0001F989z";
  Utf8Stream stream;
  std::string whole;
  for (const char byte : text) {
    const std::string shown = stream.push({&byte, 1});
    EXPECT_EQ(find_invalid_utf8(shown), std::string::npos);
    whole += shown;
  }
  EXPECT_EQ(whole + stream.finish(), text);
}

TEST(Utf8Stream, TurnsAnUnfinishedCharacterIntoOneReplacement) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F\xA6"), "a");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, ReplacesWhatCanNeverBecomeACharacter) {
  // Overlong, surrogate, above U+10FFFF, lone continuation: one replacement for each longest
  // beginning that is possible (Unicode standard, table 3-8).
  EXPECT_EQ(with_replacements("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(with_replacements("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(with_replacements("\xF4\x91\x92\x93\xFF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(with_replacements("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFDA");
}

TEST(Utf8Stream, GivesTheSameTextHoweverBytesAreCutUp) {
  std::mt19937 random(1);
  const std::string alphabet = "aZ\x80\xBF\xC3\xA9\xE4\xB8\x96\xF0\x9F\xA6\x89\xFF\xED\xA0";
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    while (random() % 24 != 0) bytes.push_back(alphabet[random() % alphabet.size()]);
    Utf8Stream stream;
    std::string text;
    for (size_t i = 0; i < bytes.size();) {
      const size_t count = std::min<size_t>(random() % 5, bytes.size() - i);
      text += stream.push(std::string_view(bytes).substr(i, count));
      i += count;
    }
    ASSERT_EQ(text + stream.finish(), with_replacements(bytes));
  }
}

TEST(Utf8Stream, DecodesTokenByTokenWhatDecodeGivesAtOnce) {
  for (const auto& golden : test::read_json_lines(test::data("tokenizer/cases.jsonl"))) {
    Utf8Stream stream;
    std::string text;
    for (const int32_t id : golden["ids"]) text += stream.push(test::qwen().bytes_of(id));
    ASSERT_EQ(text + stream.finish(), golden["decoded"].get<std::string>());
  }
}

/// The text shown when `text` comes in chunks of the given size, and whether it was stopped.
std::pair<std::string, bool> shown(const std::vector<std::string>& stops, std::string_view text,
                                   size_t chunk) {
  StopStrings watcher(stops);
  std::string out;
  for (size_t i = 0; i < text.size(); i += chunk) out += watcher.push(text.substr(i, chunk));
  out += watcher.finish();
  return {out, watcher.stopped()};
}

TEST(StopStrings, AreFoundWhereverTheTextIsCut) {
  const std::string text = "The owl says STOP and goes on";
  for (size_t chunk = 1; chunk <= text.size(); ++chunk) {
    EXPECT_EQ(shown({"STOP"}, text, chunk), (std::pair<std::string, bool>("The owl says ", true)));
  }
  for (size_t split = 0; split <= text.size(); ++split) {
    StopStrings watcher({"STOP"});
    std::string out = watcher.push(std::string_view(text).substr(0, split));
    out += watcher.push(std::string_view(text).substr(split));
    EXPECT_EQ(out + watcher.finish(), "The owl says ");
    EXPECT_TRUE(watcher.stopped());
  }
}

TEST(StopStrings, GiveTheSameTextForEveryChunkSize) {
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> stops(1 + random() % 3);
    for (std::string& stop : stops) {
      for (size_t i = 1 + random() % 4; i > 0; --i) stop.push_back("abc"[random() % 3]);
    }
    std::string text;
    for (int i = 0; i < 30; ++i) text.push_back("abcd"[random() % 4]);
    const auto whole = shown(stops, text, text.size());
    for (size_t chunk = 1; chunk < 6; ++chunk) ASSERT_EQ(shown(stops, text, chunk), whole);
    ASSERT_TRUE(text.starts_with(whole.first));
    ASSERT_EQ(whole.second, whole.first != text);
    for (const std::string& stop : stops) ASSERT_EQ(whole.first.find(stop), std::string::npos);
  }
}

TEST(StopStrings, HoldBackNoMoreThanMayBeAStop) {
  StopStrings watcher({"\n\n"});
  EXPECT_EQ(watcher.push("line\n"), "line");
  EXPECT_EQ(watcher.push("next"), "\nnext");
  EXPECT_EQ(watcher.push("\n"), "");
  EXPECT_EQ(watcher.finish(), "\n");
  EXPECT_FALSE(watcher.stopped());
}

TEST(StopStrings, ShowNothingAfterAStop) {
  StopStrings watcher({"end"});
  EXPECT_EQ(watcher.push("the end of it"), "the ");
  EXPECT_EQ(watcher.push("more"), "");
  EXPECT_EQ(watcher.finish(), "");
}

TEST(StopStrings, MustNotBeEmpty) {
  EXPECT_THROW(StopStrings({"a", ""}), UsageError);
}

}  // namespace
}  // namespace owl3
