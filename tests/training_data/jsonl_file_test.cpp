#include "data/jsonl_file.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/sample.h"
#include "training_files.h"

namespace owl3 {
namespace {

TEST(JsonlFile, GivesLinesWithTheNumbersOfAnEditor) {
  const ScratchFolder folder;
  const auto path = folder.write("a.jsonl", "\xEF\xBB\xBF{1}\n\n  \r\n{22}\r\n{3}\n\n{4}");
  const JsonlFile file = JsonlFile::open(path);
  ASSERT_EQ(file.size(), 4);
  const std::vector<std::string_view> lines = {file.line(0), file.line(1), file.line(2),
                                               file.line(3)};
  EXPECT_EQ(lines, (std::vector<std::string_view>{"{1}", "{22}", "{3}", "{4}"}));
  EXPECT_EQ(file.where(0), path.string() + ":1");
  EXPECT_EQ(file.where(1), path.string() + ":4");
  EXPECT_EQ(file.where(2), path.string() + ":5");
  EXPECT_EQ(file.where(3), path.string() + ":7");
}

TEST(JsonlFile, RefusesEmptyMissingAndEndless) {
  const ScratchFolder folder;
  const auto empty = folder.write("empty.jsonl", "\n \n");
  EXPECT_EQ(message_of<InputError>([&] { JsonlFile::open(empty); }),
            empty.string() + ": the file has no rows");
  EXPECT_EQ(message_of<InputError>([&] { JsonlFile::open(folder / "none"); }),
            (folder / "none").string() + ": No such file or directory");
  const auto huge =
      folder.write("huge.jsonl", "{}\n" + std::string(kMaxSampleBytes + 1, ' ') + "x\n{}\n");
  const JsonlFile file = JsonlFile::open(huge);
  ASSERT_EQ(file.size(), 3);
  EXPECT_EQ(message_of<InputError>([&] { file.line(1); }),
            huge.string() + ":2: the line has 67108866 bytes; at most 67108864 are read");
  EXPECT_EQ(file.line(2), "{}");
}

}  // namespace
}  // namespace owl3
