#include "batch/file_items.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

class FileItems : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a/2.jpg", "a/10.jpg", "a/.hidden/3.jpg", "b/c/1.png", "b/x.txt",
                             "b/film.mp4", ".trash/9.jpg"}) {
      std::filesystem::create_directories((folder_ / name).parent_path());
      folder_.write(name, "x");
    }
  }

  std::vector<std::string> names(const std::string& pattern) {
    std::vector<std::string> names;
    for (const MediaFile& file : find_files_of_batch({(folder_ / pattern).string()}).files) {
      names.push_back(file.path.lexically_relative(folder_.path()).string());
    }
    return names;
  }

  ScratchFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(FileItems, TwoStarsAreAllFoldersInNaturalOrder) {
  EXPECT_EQ(names("**"), (Names{"a/2.jpg", "a/10.jpg", "b/c/1.png", "b/film.mp4"}));
}

TEST_F(FileItems, WhatStandsBehindTwoStarsIsAPattern) {
  EXPECT_EQ(names("**/*.jpg"), (Names{"a/2.jpg", "a/10.jpg"}));
  EXPECT_EQ(names("**/c/*"), Names{"b/c/1.png"});
  EXPECT_EQ(names("a/**"), (Names{"a/2.jpg", "a/10.jpg"}));
}

TEST_F(FileItems, WhatIsLeftOutIsCounted) {
  const MediaFiles found = find_files_of_batch({(folder_ / "b/**").string()});
  ASSERT_EQ(found.left_out.size(), 1U);
  EXPECT_EQ(found.left_out[0].reason, "1 file is no image or film");
}

TEST_F(FileItems, APatternThatFitsNothingIsRefused) {
  message_of<InputError>([&] { names("**/*.gif"); });
  message_of<InputError>([&] { names("nowhere/**"); });
  message_of<InputError>([&] { names("*/**"); });
  message_of<InputError>([&] { names("a**"); });
}

TEST_F(FileItems, AreGroupedByFolderOrNumberInOrder) {
  const auto files = find_files_of_batch({(folder_ / "**").string()}).files;
  const auto folders = items_of(files, {.by_folder = true});
  ASSERT_EQ(folders->size(), 3);
  EXPECT_EQ(folders->item(0).media.size(), 2U);
  EXPECT_TRUE(folders->item(0).name.is_array());
  EXPECT_TRUE(folders->item(2).media[0].is_video);
  const auto pairs = items_of(files, {.files = 3});
  ASSERT_EQ(pairs->size(), 2);
  EXPECT_EQ(pairs->item(1).media.size(), 1U);
  EXPECT_EQ(pairs->item(1).name, Json((folder_ / "b/film.mp4").string()));
}

TEST_F(FileItems, OthersHaveAnotherChecksum) {
  const auto files = find_files_of_batch({(folder_ / "**").string()}).files;
  const auto fewer = find_files_of_batch({(folder_ / "a/**").string()}).files;
  EXPECT_EQ(items_of(files, {})->checksum(), items_of(files, {})->checksum());
  EXPECT_NE(items_of(files, {})->checksum(), items_of(fewer, {})->checksum());
  EXPECT_NE(items_of(files, {})->checksum(), items_of(files, {.files = 2})->checksum());
}

}  // namespace
}  // namespace owl3
