// The training of byte-level BPE.
#include "text/bpe_trainer.h"

#include <gtest/gtest.h>

#include <set>

#include "core/error.h"

namespace owl3::test {

namespace {

constexpr const char* kPattern = R"( ?\p{L}+|\p{N}|\s+)";

std::map<std::string, int64_t> pieces_of(const std::string& text) {
  PieceCounter counter(kPattern);
  counter.add(text);
  return counter.counts();
}

TEST(PieceCounter, CutsByThePatternAndKeepsWhatItLeaves) {
  const std::map<std::string, int64_t> expected = {{"an", 1}, {" owl", 2}, {" an", 1},
                                                   {"4", 1},  {"2", 1},    {"..", 1}};
  EXPECT_EQ(pieces_of("an owl an owl..42"), expected);
  EXPECT_EQ(pieces_of(""), (std::map<std::string, int64_t>()));
}

TEST(PieceCounter, RefusesWhatIsNoUtf8) {
  PieceCounter counter(kPattern);
  EXPECT_THROW(counter.add("a\xff"), InputError);
  EXPECT_THROW(PieceCounter("("), InputError);
}

TEST(TrainBpe, MergesTheMostFrequentPairFirst) {
  const auto merges = train_bpe({{"abab", 3}, {"bc", 5}}, {}, 10);
  const std::vector<BytePair> expected = {{"a", "b"}, {"b", "c"}, {"ab", "ab"}};
  EXPECT_EQ(merges, expected);
}

TEST(TrainBpe, OfEqualPairsTakesTheFirstByBytes) {
  const auto merges = train_bpe({{"xy", 2}, {"pq", 2}}, {}, 1);
  EXPECT_EQ(merges, (std::vector<BytePair>{{"p", "q"}}));
}

TEST(TrainBpe, BeginsWithTheMergesGiven) {
  const auto merges = train_bpe({{"123", 9}}, {{"2", "3"}}, 5);
  EXPECT_EQ(merges, (std::vector<BytePair>{{"2", "3"}, {"1", "23"}}));
}

TEST(TrainBpe, MakesNoTokenTwice) {
  // "aaa" could come of a+aa and of aa+a.
  const auto merges = train_bpe({{"aaa", 4}, {"baaa", 4}, {"aab", 9}, {"caaab", 5}}, {}, 50);
  std::set<std::string> tokens;
  for (const auto& [left, right] : merges) {
    EXPECT_TRUE(tokens.insert(left + right).second) << left + right;
  }
}

TEST(TrainBpe, StopsWhenNothingOccursTwice) {
  EXPECT_TRUE(train_bpe({{"abc", 1}}, {}, 10).empty());
}

}  // namespace

}  // namespace owl3::test
