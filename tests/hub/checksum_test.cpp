#include "hub/checksum.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/scratch_folder.h"

namespace owl3::test {

namespace {

template <typename Hash>
std::string hash_of(const std::string& text, size_t step) {
  Hash hash;
  for (size_t at = 0; at < text.size(); at += step) {
    hash.add(std::as_bytes(std::span(text).subspan(at, std::min(step, text.size() - at))));
  }
  return hash.hex();
}

}  // namespace

// FIPS 180-4's examples.
TEST(Checksum, IsThatOfTheStandard) {
  EXPECT_EQ(hash_of<Sha1>("abc", 64), "a9993e364706816aba3e25717850c26c9cd0d89d");
  const std::string million(1000000, 'a');
  EXPECT_EQ(hash_of<Sha1>(million, 4096), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Checksum, DoesNotDependOnHowTheBytesCome) {
  for (size_t size = 0; size < 200; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7);
    for (const size_t step : {1, 3, 55, 64, 65}) {
      EXPECT_EQ(hash_of<Sha1>(text, step), hash_of<Sha1>(text, 1000)) << size;
    }
  }
}

TEST(Checksum, OfFortyDigitsIsThatOfGitsBlob) {
  const ScratchFolder folder;
  std::ofstream(folder / "hello") << "hello\n";
  const auto goes_on = [](uint64_t) { return true; };
  // git hash-object hello
  EXPECT_EQ(checksum_of(folder / "hello", std::string(40, '0'), 6, goes_on),
            "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(checksum_of(folder / "hello", std::string(64, '0'), 6, goes_on),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  EXPECT_EQ(checksum_of(folder / "hello", std::string(64, '0'), 6, [](uint64_t) { return false; }),
            "");
}

}  // namespace owl3::test
