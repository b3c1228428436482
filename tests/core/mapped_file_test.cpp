#include "core/mapped_file.h"

#include <cstring>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

TEST(MappedFile, ShowsTheFilesBytes) {
  const ScratchFolder folder;
  const auto file = MappedFile::open(folder.write("a", std::string("a\0b", 3)));
  ASSERT_EQ(file->bytes().size(), 3u);
  EXPECT_EQ(std::memcmp(file->bytes().data(), "a\0b", 3), 0);
}

TEST(MappedFile, AnEmptyFileIsAnEmptySpan) {
  const ScratchFolder folder;
  EXPECT_TRUE(MappedFile::open(folder.write("a", ""))->bytes().empty());
}

TEST(MappedFile, OutlivesTheNameOfItsFile) {
  const ScratchFolder folder;
  const auto file = MappedFile::open(folder.write("a", "still here"));
  std::filesystem::remove(folder / "a");
  EXPECT_EQ(std::memcmp(file->bytes().data(), "still here", 10), 0);
}

TEST(MappedFile, NamesAMissingFile) {
  const ScratchFolder folder;
  const std::string message = message_of<InputError>([&] { MappedFile::open(folder / "missing"); });
  EXPECT_NE(message.find("missing: No such file"), std::string::npos) << message;
}

TEST(MappedFile, RefusesAFolder) {
  const ScratchFolder folder;
  const std::string message = message_of<InputError>([&] { MappedFile::open(folder.path()); });
  EXPECT_NE(message.find("not a regular file"), std::string::npos) << message;
}

}  // namespace
}  // namespace owl3
