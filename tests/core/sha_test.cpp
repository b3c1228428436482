#include "core/sha.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace owl3 {
namespace {

template <typename Sha>
std::string hash_of(const std::string& text, size_t step = std::string::npos) {
  Sha sha;
  for (size_t at = 0; at < text.size(); at += std::min(step, text.size() - at)) {
    const std::string part = text.substr(at, step);
    sha.add(std::as_bytes(std::span(part)));
  }
  return hex_text(sha.finish());
}

TEST(Sha1, GivesTheStandardsExamples) {
  EXPECT_EQ(hash_of<Sha1>("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hash_of<Sha1>(std::string(1'000'000, 'a'), 4096),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Sha256, GivesTheStandardsExamples) {
  EXPECT_EQ(hash_of<Sha256>(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of<Sha256>("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of<Sha256>("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash_of<Sha256>(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha, DoesNotDependOnHowTheBytesAreCut) {
  for (const size_t length : {55, 56, 63, 64, 65, 119, 120, 128, 1000}) {
    const std::string text(length, 'x');
    for (const size_t step : {1, 7, 63, 64, 65}) {
      EXPECT_EQ(hash_of<Sha1>(text, step), hash_of<Sha1>(text)) << length << " bytes, " << step;
      EXPECT_EQ(hash_of<Sha256>(text, step), hash_of<Sha256>(text)) << length << " bytes, " << step;
    }
  }
}

}  // namespace
}  // namespace owl3
