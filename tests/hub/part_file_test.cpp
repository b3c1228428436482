#include "hub/part_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3::test {

namespace {

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string text_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST(PartFile, KnowsItsWholePiecesWhenItIsOpenedAgain) {
  const ScratchFolder folder;
  {
    PartFile part(folder / "part", 10, 4);
    part.write(4, bytes("4567"));
    part.set_whole(1);
    part.write(0, bytes("01"));  // of a piece that isn't whole
  }
  PartFile part(folder / "part", 10, 4);
  EXPECT_FALSE(part.is_whole(0));
  EXPECT_TRUE(part.is_whole(1));
  EXPECT_FALSE(part.is_whole(2));
  EXPECT_EQ(part.whole_bytes(), 4u);
  part.write(0, bytes("0123"));
  part.set_whole(0);
  part.write(8, bytes("89"));
  part.set_whole(2);
  ASSERT_TRUE(part.is_whole());
  part.finish(folder / "final");
  EXPECT_EQ(text_in(folder / "final"), "0123456789");
  EXPECT_FALSE(std::filesystem::exists(folder / "part"));
}

TEST(PartFile, TellsWhatHasArrivedFromOutside) {
  const ScratchFolder folder;
  const auto path = folder / "part";
  EXPECT_EQ(PartFile::arrived_bytes(path, 4), 0u);
  for (const uint64_t size : {1u, 3u, 4u, 5u, 8u, 10u, 15u, 16u, 17u, 1000u}) {
    std::filesystem::remove(path);
    PartFile part(path, size, 4);
    EXPECT_EQ(PartFile::arrived_bytes(path, 4), 0u) << size;
    part.set_whole(part.pieces() - 1);
    EXPECT_EQ(PartFile::arrived_bytes(path, 4), part.whole_bytes()) << size;
    for (size_t piece = 0; piece < part.pieces(); piece += 2) part.set_whole(piece);
    EXPECT_EQ(PartFile::arrived_bytes(path, 4), part.whole_bytes()) << size;
  }
  std::ofstream(path) << "0123456789";  // cut to its content, as finish() leaves it when it ends
  EXPECT_EQ(PartFile::arrived_bytes(path, 4), 10u);
}

TEST(PartFile, BeginsAnewWhereThePartIsOfAnotherSize) {
  const ScratchFolder folder;
  {
    PartFile part(folder / "part", 10, 4);
    part.set_whole(0);
  }
  EXPECT_EQ(PartFile(folder / "part", 11, 4).whole_bytes(), 0u);
}

TEST(PartFile, GoesOnWithTheFirstBytesThatOtherToolsLeft) {
  const ScratchFolder folder;
  std::ofstream(folder / "x.incomplete") << "012345";
  PartFile::adopt_prefix(folder / "x.incomplete", folder / "part", 10, 4);
  PartFile part(folder / "part", 10, 4);
  EXPECT_TRUE(part.is_whole(0));
  EXPECT_FALSE(part.is_whole(1));
  EXPECT_FALSE(std::filesystem::exists(folder / "x.incomplete"));
}

TEST(PartFile, TellsOfADiskThatIsFull) {
  const ScratchFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      PartFile(folder / "part", 5000, 100);
    } catch (const InputError& error) {
      ::_exit(std::string(error.what()).find("make room") == std::string::npos ? 2 : 0);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace owl3::test
