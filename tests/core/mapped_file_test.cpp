#include "core/mapped_file.h"

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/atomic_file.h"
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

TEST(MappedFile, NamesWhereALinkLeadsThatLeadsNowhere) {
  const ScratchFolder folder;
  std::filesystem::create_symlink("blobs/abc", folder / "link");
  const std::string message = message_of<InputError>([&] { MappedFile::open(folder / "link"); });
  EXPECT_NE(message.find("link: a link to blobs/abc, which is not there"), std::string::npos)
      << message;
}

constexpr size_t kTwoPages = 8192;

/// Reads the second page of a file that was cut down to the first.
char read_what_is_gone(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  std::filesystem::resize_file(path, 1);
  return static_cast<char>(file->bytes()[kTwoPages - 1]);
}

TEST(BusErrorDeathTest, AFileCutShortWhileInUseEndsTheProgramWithItsName) {
  const ScratchFolder folder;
  const auto path = folder.write("weights\n.bin", std::string(kTwoPages, 'x'));
  EXPECT_EXIT(
      {
        end_with_message_on_bus_errors();
        AtomicFile unfinished(folder / "unfinished");
        unfinished.write("half");
        std::_Exit(read_what_is_gone(path));
      },
      testing::ExitedWithCode(1), "^owl3: [^\n]*weights[?].bin: cut short while in use[^\n]*\n$");
  EXPECT_EQ(folder.file_count(), 1u);  // nothing unfinished stays
}

TEST(BusErrorDeathTest, TheRightFileOfManyIsNamed) {
  const ScratchFolder folder;
  EXPECT_EXIT(
      {
        end_with_message_on_bus_errors();
        const auto before = MappedFile::open(folder.write("before", std::string(kTwoPages, 'x')));
        { MappedFile::open(folder.write("closed", std::string(kTwoPages, 'x'))); }
        const auto wrong = MappedFile::open(folder.write("other", std::string(kTwoPages, 'x')));
        std::_Exit(read_what_is_gone(folder.write("this", std::string(kTwoPages, 'x'))));
      },
      testing::ExitedWithCode(1), "/this: cut short");
}

TEST(BusErrorDeathTest, WithoutLeaveTheHostsHandlerIsNotTouched) {
  const ScratchFolder folder;
  const auto path = folder.write("a", std::string(kTwoPages, 'x'));
  const auto of_host = [] { std::signal(SIGBUS, [](int) { std::_Exit(7); }); };
  EXPECT_EXIT(
      {
        of_host();
        std::_Exit(read_what_is_gone(path));
      },
      testing::ExitedWithCode(7), "");
  EXPECT_EXIT(  // and what is no file of ours goes to it
      {
        of_host();
        end_with_message_on_bus_errors();
        std::raise(SIGBUS);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace owl3
