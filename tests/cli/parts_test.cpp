// Parts of the command line that need no process: words, progress lines, text for terminals.
#include <gtest/gtest.h>

#include "cli/chat/chat_commands.h"
#include "cli/chat/chat_options.h"
#include "core/byte_text.h"
#include "core/colour.h"
#include "owl3/error.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Words = std::vector<std::string>;

TEST(SplitWords, KeepsWhatIsQuotedOrEscaped) {
  EXPECT_EQ(split_words("a.jpg  b.jpg"), (Words{"a.jpg", "b.jpg"}));
  EXPECT_EQ(split_words("\"my photo.jpg\" 'it''s' a\\ b"), (Words{"my photo.jpg", "its", "a b"}));
  EXPECT_EQ(split_words("''"), (Words{""}));
  EXPECT_EQ(split_words("  "), Words{});
  EXPECT_THROW(split_words("'open"), UsageError);
}

TEST(Colours, AreNamesOrNumbers) {
  EXPECT_EQ(parse_colour("White"), (Colour{255, 255, 255}));
  EXPECT_EQ(parse_colour("#0a0"), (Colour{0, 170, 0}));
  EXPECT_EQ(parse_colour("#12aBff"), (Colour{0x12, 0xab, 0xff}));
  for (const char* wrong : {"", "#", "whit", "#12", "#12345", "#12345g", "12abff", "#1234567"}) {
    EXPECT_FALSE(parse_colour(wrong)) << wrong;
  }
  EXPECT_EQ(colour_text({1, 2, 254}), "#0102fe");
}

TEST(ProgressLine, ShowsRateAndTimeLeftAndFitsTheTerminal) {
  const std::string line = progress_line("encoding images", 10, 30, 2, 80);
  EXPECT_NE(line.find("10/30"), std::string::npos) << line;
  EXPECT_NE(line.find("5 images/s"), std::string::npos) << line;
  EXPECT_NE(line.find("ETA 0:04"), std::string::npos) << line;
  EXPECT_LT(progress_line("encoding images", 10, 30, 2, 30).size(), 30U);
  EXPECT_LT(progress_line("encoding images", 10, 30, 2, 8).size(), 8U);
  EXPECT_EQ(progress_line("encoding images", 3, 0, 0, 80), "encoding images 3");
}

TEST(Terminal, ShortensWordsThatNoNameIsAsLongAs) {
  const std::string line = one_line("a " + std::string(5000, 'x') + "  b");
  EXPECT_LT(line.size(), 200U);
  EXPECT_EQ(line.substr(0, 3), "a x");
  EXPECT_TRUE(line.ends_with("x  b"));
  EXPECT_EQ(one_line("/" + std::string(500, 'y')).size(), 501U);
  std::string story;
  while (story.size() < 20'000) story += "once upon a time ";
  EXPECT_LT(one_line(story).size(), 2000U);
}

TEST(ByteText, SaysSomethingOfSmallAmountsToo) {
  EXPECT_EQ(byte_text(0), "0 bytes");
  EXPECT_EQ(byte_text(1), "1 byte");
  EXPECT_EQ(byte_text(56'000), "56.0 kB");
  EXPECT_EQ(byte_text(999'999), "1.00 MB");
  EXPECT_EQ(byte_text(16'230'000'000.0), "16.23 GB");
}

TEST(Terminal, ShowsNoControlCharacters) {
  EXPECT_EQ(without_controls("a\x1b[31mb\n\tc\xC2\x9B"), "a[31mb\n\tc");
  EXPECT_EQ(without_controls("caf\xC3\xA9\xFF"), "caf\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(one_line("two\nlines\n"), "two lines");
}

TEST(GenerationChoices, LieOverTheDefaults) {
  GenerationOptions defaults;
  defaults.repetition_penalty = 1.3;
  GenerationChoices choices;
  choices.temperature = 0.2;
  EXPECT_DOUBLE_EQ(choices.over(defaults).temperature, 0.2);
  EXPECT_DOUBLE_EQ(choices.over(defaults).repetition_penalty, 1.3);
  choices.temperature = 0.0;
  EXPECT_FALSE(choices.over(defaults).do_sample);
  GenerationChoices beams;
  beams.num_beams = 4;
  EXPECT_FALSE(beams.over(defaults).do_sample);
  GenerationChoices none;
  EXPECT_EQ(none.over(generation_preset("eval")).max_new_tokens, 100);
}

}  // namespace

}  // namespace owl3::cli
