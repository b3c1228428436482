#include "core/atomic_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "core/unwritable.h"

namespace owl3 {
namespace {

TEST(AtomicFile, AppearsWithItsWholeContentOnCommit) {
  const ScratchFolder folder;
  AtomicFile file(folder / "a");
  file.write("one ");
  file.write("two");
  file.write(std::string_view());
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  file.commit();
  EXPECT_EQ(read_text(folder / "a"), "one two");
  EXPECT_EQ(folder.file_count(), 1u);
}

TEST(AtomicFile, LeavesNothingBehindWithoutCommit) {
  const ScratchFolder folder;
  { AtomicFile(folder / "a").write("half"); }
  EXPECT_EQ(folder.file_count(), 0u);
}

TEST(AtomicFile, KeepsTheOldFileWhenTheNewOneIsAbandoned) {
  const ScratchFolder folder;
  folder.write("a", "old");
  { AtomicFile(folder / "a").write("new"); }
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(folder.file_count(), 1u);
}

TEST(AtomicFile, ReplacesTheOldFile) {
  const ScratchFolder folder;
  folder.write("a", "old and longer");
  AtomicFile file(folder / "a");
  file.write("new");
  file.commit();
  EXPECT_EQ(read_text(folder / "a"), "new");
}

TEST(AtomicFile, NamesTheFileItCannotCreate) {
  const ScratchFolder folder;
  const auto path = folder / "missing" / "a";
  const std::string message = message_of<InputError>([&] { AtomicFile file(path); });
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
}

TEST(AtomicFile, OnlyAFullDiskIsNoRoomLeft) {
  EXPECT_THROW(throw_unwritable("a", ENOSPC), NoRoomLeft);
  EXPECT_THROW(throw_unwritable("a", EDQUOT), NoRoomLeft);
  try {
    throw_unwritable("a", EACCES);
  } catch (const NoRoomLeft&) {
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "a: cannot be written: Permission denied");
  }
}

TEST(AtomicFile, RefusesToReplaceWhatIsNoFile) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "a");
  ASSERT_EQ(::mkfifo((folder / "b").c_str(), S_IRUSR | S_IWUSR), 0);
  for (const char* name : {"a", "b"}) {
    const std::string message = message_of<InputError>([&] { AtomicFile file(folder / name); });
    EXPECT_NE(message.find("not a regular file"), std::string::npos) << message;
  }
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "b"));
  EXPECT_EQ(folder.file_count(), 2u);
}

TEST(AtomicFile, AsNewTakesNobodysPlace) {
  const ScratchFolder folder;
  AtomicFile first(folder / "a");
  first.write("one");
  EXPECT_TRUE(first.commit_as_new());
  EXPECT_EQ(read_text(folder / "a"), "one");
  EXPECT_EQ(folder.file_count(), 1u);
  {
    AtomicFile second(folder / "a");
    AtomicFile third(folder / "b");
    std::filesystem::create_symlink("nowhere", folder / "b");  // after it was looked at
    EXPECT_FALSE(second.commit_as_new());
    EXPECT_FALSE(third.commit_as_new());
  }
  EXPECT_EQ(read_text(folder / "a"), "one");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "b"));
  EXPECT_EQ(folder.file_count(), 2u);
}

TEST(AtomicFile, WritesThroughALink) {
  const ScratchFolder folder;
  folder.write("a", "old");
  std::filesystem::create_symlink("a", folder / "link");
  AtomicFile file(folder / "link");
  file.write("new");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_text(folder / "a"), "new");
  EXPECT_EQ(folder.file_count(), 2u);
}

}  // namespace
}  // namespace owl3
