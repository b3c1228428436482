#include "training_data/tar_archive.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "training_files.h"

namespace owl3 {
namespace {

std::string content_of(const TarArchive& archive, const std::string& name) {
  const auto bytes = archive.find(name);
  if (!bytes) return "(none)";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

TarIndex index_of(const std::string& archive) {
  return read_tar_index(std::as_bytes(std::span(archive)), "a.tar");
}

std::string error_of(const std::string& archive) {
  return message_of<InputError>([&] { index_of(archive); });
}

TEST(TarArchive, ReadsWhatGnuTarAndPythonWrite) {
  for (const std::string format : {"gnu", "ustar", "pax"}) {
    const auto archive =
        TarArchive::open(std::filesystem::path(OWL3_TEST_DATA) / "training" / (format + ".tar"));
    EXPECT_EQ(content_of(*archive, "000000.png"), "first") << format;
    EXPECT_EQ(content_of(*archive, "000001.png"), std::string(600, 'x')) << format;
    EXPECT_EQ(content_of(*archive, "empty.png"), "") << format;
    EXPECT_EQ(content_of(*archive, "sub/a.png"), "below") << format;
    EXPECT_EQ(content_of(*archive, "sub"), "(none)") << format;
    EXPECT_EQ(content_of(*archive, fmt::format("{:n>120}.png", "")),
              format == "ustar" ? "(none)" : "long");
    EXPECT_EQ(archive->size(), format == "ustar" ? 4u : 5u);
  }
}

TEST(TarArchive, TheLaterOfTwoEntriesOfANameCounts) {
  const std::string archive =
      test::tar_entry("a", "old") + test::tar_entry("a", "new!") + test::tar_end();
  const TarIndex index = index_of(archive);
  ASSERT_EQ(index.size(), 1u);
  EXPECT_EQ(archive.substr(index.at("a").offset, index.at("a").size), "new!");
}

TEST(TarArchive, NeedsNoEndMarkButWholeEntries) {
  const std::string entry = test::tar_entry("a", std::string(700, 'x'));
  EXPECT_EQ(index_of(entry).size(), 1u);
  EXPECT_EQ(index_of(entry.substr(0, 512 + 700)).size(), 1u) << "only padding is missing";
  EXPECT_EQ(error_of(entry.substr(0, 512 + 699)), "a.tar: the archive is cut off");
  EXPECT_EQ(error_of(entry.substr(0, 100)), "a.tar: the archive is cut off");
}

TEST(TarArchive, RefusesWhatIsNone) {
  EXPECT_EQ(error_of(std::string(2000, 'x')),
            "a.tar: not a tar archive (a compressed one must be unpacked first)");
  EXPECT_EQ(error_of(""), "a.tar: not a tar archive");
  EXPECT_EQ(error_of(test::tar_end()), "a.tar: not a tar archive");
  std::string damaged = test::tar_entry("a", "1") + test::tar_entry("b", "2");
  damaged[1024] = 'c';
  EXPECT_EQ(error_of(damaged), "a.tar: damaged header at byte 1024");
}

}  // namespace
}  // namespace owl3
