#include "text/media_lines.h"

#include <gtest/gtest.h>

#include "text/prompt.h"

namespace owl3 {
namespace {

/// With I for an image's mark, V for a film's.
std::string marked(std::string_view text) {
  std::string content;
  for (const char c : text) {
    if (c == 'I') {
      content += kImageMark;
    } else if (c == 'V') {
      content += kVideoMark;
    } else {
      content += c;
    }
  }
  return content;
}

TEST(MediaLines, TellWhatFollowsMediaThatStandFirst) {
  const auto lines = [](const char* text) { return media_lines(marked(text)); };
  for (const char* text : {"I\nwho?", "I\nI\nwho?", "V\nI\nwho?", "I1I2\nwho?", "I3\nV\nwho?"}) {
    EXPECT_EQ(lines(text), MediaLines::kAsChat) << text;
  }
  for (const char* text :
       {"Iwho?", "I who?", "IIwho?", "II\nwho?", "I\nIwho?", "I3 of them", "II"}) {
    EXPECT_EQ(lines(text), MediaLines::kJoined) << text;
  }
  for (const char* text : {"I\n\nwho?", "I\nI\n\nwho?"}) {
    EXPECT_EQ(lines(text), MediaLines::kEmptyLine) << text;
  }
  for (const char* text : {"", "who?", "I", "is I it?", "\nIwho?"}) {
    EXPECT_EQ(lines(text), MediaLines::kNone) << text;
  }
}

TEST(MediaLines, ArePutWhereThereAreNone) {
  const auto put = [](const char* text) { return with_media_lines(marked(text)); };
  EXPECT_EQ(put("Iwho?"), marked("I\nwho?"));
  EXPECT_EQ(put("IVwho?"), marked("I\nV\nwho?"));
  EXPECT_EQ(put("I3 of them?"), marked("I\n3 of them?"));
  for (const char* text : {"", "I", "I\nwho?", "I\n\nwho?", "I1I2\nwho?", "is I it?"}) {
    EXPECT_EQ(put(text), marked(text)) << text;
  }
}

TEST(MediaLines, AreNotedWhereASetHasThemOtherThanChat) {
  EXPECT_EQ(media_lines_note({0, 0, 0}), "");
  EXPECT_EQ(media_lines_note({20, 0, 0}), "");
  EXPECT_EQ(media_lines_note({20, 10, 0}), "") << "both forms are learnt";
  const std::string joined = media_lines_note({20, 19, 0});
  EXPECT_TRUE(joined.starts_with("19 of 20 rows")) << joined;
  EXPECT_NE(joined.find("no newline behind <image>"), std::string::npos) << joined;
  EXPECT_NE(media_lines_note({3, 0, 3}).find("more than one newline"), std::string::npos);
}

}  // namespace
}  // namespace owl3
