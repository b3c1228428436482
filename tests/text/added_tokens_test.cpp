#include "text/added_tokens.h"

#include <gtest/gtest.h>

namespace owl3 {
namespace {

AddedToken token(int32_t id, std::string content) {
  AddedToken made;
  made.id = id;
  made.content = std::move(content);
  return made;
}

std::vector<std::pair<std::string, int32_t>> split(const std::vector<AddedToken>& tokens,
                                                   std::string_view text) {
  std::vector<std::pair<std::string, int32_t>> segments;
  for (const Segment& segment : AddedTokenMatcher(tokens).split(text)) {
    segments.emplace_back(segment.text, segment.id);
  }
  return segments;
}
using Segments = std::vector<std::pair<std::string, int32_t>>;

TEST(AddedTokens, AreCutOutOfTheText) {
  EXPECT_EQ(split({token(7, "<a>")}, "x<a><a>y<a"),
            (Segments{{"x", -1}, {"<a>", 7}, {"<a>", 7}, {"y<a", -1}}));
  EXPECT_EQ(split({token(7, "<a>")}, ""), Segments{});
  EXPECT_EQ(split({}, "text"), (Segments{{"text", -1}}));
}

TEST(AddedTokens, MatchTheLongestOfThoseThatBeginFirst) {
  EXPECT_EQ(split({token(1, "ab"), token(2, "abc"), token(3, "bcd")}, "abcd"),
            (Segments{{"abc", 2}, {"d", -1}}));
  EXPECT_EQ(split({token(1, "ab"), token(2, "abcd")}, "abce"), (Segments{{"ab", 1}, {"ce", -1}}));
  EXPECT_EQ(split({token(1, "<<a>")}, "<<<a>"), (Segments{{"<", -1}, {"<<a>", 1}}));
}

TEST(AddedTokens, TakeWhiteSpaceAlongWhenTheyStrip) {
  AddedToken left = token(1, "<l>");
  left.lstrip = true;
  AddedToken right = token(2, "<r>");
  right.rstrip = true;
  EXPECT_EQ(split({left, right}, "a \u3000<l> b"),
            (Segments{{"a", -1}, {" \u3000<l>", 1}, {" b", -1}}));
  EXPECT_EQ(split({left, right}, "a <r> \n b"), (Segments{{"a ", -1}, {"<r> \n ", 2}, {"b", -1}}));
  EXPECT_EQ(split({left, right}, "<r>  <l>"), (Segments{{"<r>  ", 2}, {"<l>", 1}}));
}

TEST(AddedTokens, StandAloneWhenTheyAreSingleWords) {
  AddedToken word = token(1, "owl");
  word.single_word = true;
  EXPECT_EQ(split({word}, "owl owls _owl \u00E9owl owl."),
            (Segments{{"owl", 1}, {" owls _owl \u00E9owl ", -1}, {"owl", 1}, {".", -1}}));
}

}  // namespace
}  // namespace owl3
