#include "hub/checksum.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/scratch_folder.h"

namespace owl3::test {

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
