#include "text/nfc.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>

#include "text/utf8.h"

namespace owl3 {
namespace {

/// What the library's own one-call normaliser gives.
std::string reference(const std::string& text) {
  utf8proc_uint8_t* result = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &result,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, std::free);
  return std::string(reinterpret_cast<const char*>(result), static_cast<size_t>(length));
}

TEST(Nfc, JoinsLettersAndMarks) {
  EXPECT_EQ(to_nfc("Cafe\u0301"), "Caf\u00E9");
  EXPECT_EQ(to_nfc("plain"), "plain");
  EXPECT_EQ(to_nfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(to_nfc("\u212B"), "\u00C5");
  EXPECT_EQ(to_nfc(""), "");
}

TEST(Nfc, AgreesWithTheLibraryOnEveryCharacterAloneAndBetweenOthers) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string alone, between = "a";
    append_utf8(alone, c);
    append_utf8(between, c);
    between += "\u0301\u3099";
    ASSERT_EQ(to_nfc(between), reference(between)) << static_cast<uint32_t>(c);
    if (is_plainly_nfc(alone)) {
      // Plain: unchanged alone, and after any character that could join with something.
      ASSERT_EQ(reference(alone), alone) << static_cast<uint32_t>(c);
      ASSERT_EQ(reference("a" + alone), "a" + alone) << static_cast<uint32_t>(c);
      ASSERT_EQ(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class, 0);
    }
  }
}

TEST(Nfc, AgreesWithTheLibraryOnRandomText) {
  std::mt19937 random(3);
  const std::pair<char32_t, char32_t> ranges[] = {
      {0x20, 0x7E},     {0xA0, 0x24F},    {0x300, 0x345}, {0x1100, 0x11FF},
      {0xAC00, 0xAC60}, {0x3040, 0x309F}, {0x900, 0x9FF}, {0x1E00, 0x1FFF}};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    while (random() % 20 != 0) {
      const auto [low, high] = ranges[random() % std::size(ranges)];
      append_utf8(text, low + static_cast<char32_t>(random() % (high - low + 1)));
    }
    ASSERT_EQ(to_nfc(text), reference(text));
  }
}

TEST(Nfc, TakesNoQuadraticTimeForAMillionMarks) {
  std::string text = "a";
  for (int i = 0; i < 500'000; ++i) text += "\u0301\u0316";  // above, below: out of order
  const auto begin = std::chrono::steady_clock::now();
  const std::string normalised = to_nfc(text);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(to_nfc(normalised), normalised);
}

}  // namespace
}  // namespace owl3
