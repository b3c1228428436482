#include "text/user_marks.h"

#include <gtest/gtest.h>

namespace owl3 {
namespace {

/// The segments of a text, each as its text and, in brackets, its mark.
std::string segments_of(std::string_view text) {
  std::string shown;
  for (const UserSegment& segment : user_segments(text)) {
    shown.append(segment.text).append("[").append(segment.mark).append("]");
  }
  return shown;
}

TEST(UserSegments, EndWhereAMediumStands) {
  EXPECT_EQ(segments_of(""), "[]");
  EXPECT_EQ(segments_of("no mark < here"), "no mark < here[]");
  EXPECT_EQ(segments_of("<image>"), "[<image>][]");
  EXPECT_EQ(segments_of("a<image><video>b"), "a[<image>][<video>]b[]");
}

TEST(UserSegments, HoldMarksBehindABackslashAsText) {
  EXPECT_EQ(segments_of(R"(write \<image>, then <image>.)"), "write <image>, then [<image>].[]");
  EXPECT_EQ(segments_of(R"(C:\\<video>)"), R"(C:\[<video>][])");
  EXPECT_EQ(segments_of(R"(a\b\\)"), R"(a\b\\[])");  // without a mark they are what they are
}

}  // namespace
}  // namespace owl3
