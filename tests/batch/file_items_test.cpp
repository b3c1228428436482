#include "batch/file_items.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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

  std::vector<std::string> reasons(const std::string& pattern) {
    std::vector<std::string> reasons;
    for (const LeftOut& one : find_files_of_batch({(folder_ / pattern).string()}).left_out) {
      reasons.push_back(one.reason);
    }
    return reasons;
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
  EXPECT_EQ(reasons("b/**"), Names{"1 .txt file is not an image"});
  std::filesystem::create_symlink("nowhere.jpg", folder_ / "b/gone.jpg");
  std::filesystem::create_directory_symlink("..", folder_ / "b/c/round");
  ASSERT_EQ(::mkfifo((folder_ / "b/pipe.jpg").c_str(), 0600), 0);
  folder_.write("b/c/.2.png", "x");
  EXPECT_EQ(names("b/**"), (Names{"b/c/1.png", "b/film.mp4"}));
  EXPECT_EQ(reasons("b/**"), (Names{"1 .txt file is not an image", "1 link leads nowhere",
                                    "1 is a pipe, socket or device",
                                    "1 link to a folder is not followed", "1 file is hidden"}));
  // Of a pattern what fits it, and links to folders, in which more of that may lie.
  EXPECT_EQ(reasons("b/**/*.png"),
            (Names{"1 link to a folder is not followed", "1 file is hidden"}));
}

TEST_F(FileItems, ReasonsAreThoseOfAFolder) {
  std::filesystem::create_symlink("nowhere.jpg", folder_ / "a/gone.jpg");
  ASSERT_EQ(::mkfifo((folder_ / "a/pipe").c_str(), 0600), 0);
  folder_.write("a/notes", "x");
  std::filesystem::remove_all(folder_ / "a/.hidden");
  EXPECT_EQ(reasons("a/**"), reasons("a"));
  EXPECT_EQ(reasons("a/**").size(), 3U);
}

TEST_F(FileItems, AFolderThatCannotBeReadIsAnErrorThatNamesIt) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads anywhere";
  namespace fs = std::filesystem;
  for (const fs::perms perms : {fs::perms::none, fs::perms::owner_read}) {  // or not looked at
    fs::permissions(folder_ / "b/c", perms);
    for (const char* pattern : {"**", "b/**", "**/*.jpg", "b/c/**"}) {
      const std::string message = message_of<InputError>([&] { names(pattern); });
      EXPECT_NE(message.find("b/c"), std::string::npos) << message;
      EXPECT_NE(message.find("Permission denied"), std::string::npos) << message;
    }
    fs::permissions(folder_ / "b/c", fs::perms::owner_all);
  }
  fs::permissions(folder_ / ".trash", fs::perms::none);  // which is not looked into
  EXPECT_EQ(names("**").size(), 4U);
  fs::permissions(folder_ / ".trash", fs::perms::owner_all);
}

TEST_F(FileItems, AreFilmsByTheirBeginningWhereOthersHaveTheirName) {
  std::string stream(188 * 2, '\xFF');
  stream[0] = stream[188] = 0x47;
  folder_.write("b/recording.ts", stream);
  folder_.write("b/program.ts", "Get = 1;\n" + std::string(400, ' '));
  EXPECT_EQ(names("b/**"), (Names{"b/c/1.png", "b/film.mp4", "b/recording.ts"}));
  EXPECT_EQ(reasons("b/**"), (Names{"1 .ts file is not an image", "1 .txt file is not an image"}));
  EXPECT_TRUE(find_files_of_batch({(folder_ / "b/**").string()}).files.back().is_video);
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
