#include "training_data/row_file.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "training_data/sample_rows.h"
#include "training_files.h"

namespace owl3 {
namespace {

TEST(RowFile, GivesTheLinesOfJsonlWithTheNumbersOfAnEditor) {
  const ScratchFolder folder;
  const auto path = folder.write("a.jsonl", "\xEF\xBB\xBF{1}\n\n  \r\n{22}\r\n{3}\n\n{4}");
  const RowFile file = RowFile::open(path);
  ASSERT_EQ(file.size(), 4);
  const std::vector<std::string_view> lines = {file.row(0), file.row(1), file.row(2), file.row(3)};
  EXPECT_EQ(lines, (std::vector<std::string_view>{"{1}", "{22}", "{3}", "{4}"}));
  EXPECT_EQ(file.where(0), path.string() + ":1");
  EXPECT_EQ(file.where(1), path.string() + ":4");
  EXPECT_EQ(file.where(2), path.string() + ":5");
  EXPECT_EQ(file.where(3), path.string() + ":7");
}

TEST(RowFile, RefusesEmptyMissingAndEndless) {
  const ScratchFolder folder;
  const auto empty = folder.write("empty.jsonl", "\n \n");
  EXPECT_EQ(message_of<InputError>([&] { RowFile::open(empty); }),
            empty.string() + ": the file has no rows");
  EXPECT_EQ(message_of<InputError>([&] { RowFile::open(folder / "none"); }),
            (folder / "none").string() + ": No such file or directory");
  const auto huge =
      folder.write("huge.jsonl", "{}\n" + std::string(kMaxSampleBytes + 1, ' ') + "x\n{}\n");
  const RowFile file = RowFile::open(huge);
  ASSERT_EQ(file.size(), 3);
  EXPECT_EQ(message_of<InputError>([&] { file.row(1); }),
            huge.string() + ":2: the line has 67108866 bytes; at most 67108864 are read");
  EXPECT_EQ(file.row(2), "{}");
}

std::vector<std::string> rows_of(const RowFile& file) {
  std::vector<std::string> rows;
  for (int64_t i = 0; i < file.size(); ++i) rows.emplace_back(file.row(i));
  return rows;
}

/// Where the last row is, without the file's name.
std::string last_place(const RowFile& file, const std::filesystem::path& path) {
  return file.where(file.size() - 1).substr(path.string().size());
}

TEST(RowFile, GivesTheElementsOfAListWithTheirNumbers) {
  const ScratchFolder folder;
  const std::vector<std::string> expected = {R"({"a": "]}\\\",{[", "b": [1, {"c": []}]})", "{}"};
  const struct {
    std::string text;
    std::string place;
  } cases[] = {
      {"[" + expected[0] + "," + expected[1] + "]", ":1: row 2"},
      {"\xEF\xBB\xBF\r\n [\r\n  " + expected[0] + ",\r\n  " + expected[1] + "\r\n]\r\n",
       ":4: row 2"},
      {"[\n" + expected[0] + "\n,\n\n" + expected[1] + "]\n\n", ":5: row 2"},
      {"[" + expected[0] + " , \t" + expected[1] + " ]", ":1: row 2"},
  };
  for (const auto& [text, place] : cases) {
    const auto path = folder.write("a.json", text);
    const RowFile file = RowFile::open(path);
    EXPECT_EQ(rows_of(file), expected) << text;
    EXPECT_EQ(last_place(file, path), place) << text;
  }
}

TEST(RowFile, GivesIndentedObjectsOneAfterAnother) {
  const ScratchFolder folder;
  const auto path = folder.write("a.json", "{\n  \"a\": 1\n}\n{\r\n}\n\n{ \"b\":\n2}");
  const RowFile file = RowFile::open(path);
  EXPECT_EQ(rows_of(file),
            (std::vector<std::string>{"{\n  \"a\": 1\n}", "{\r\n}", "{ \"b\":\n2}"}));
  EXPECT_EQ(last_place(file, path), ":7: row 3");
}

TEST(RowFile, LeavesWhatIsWrongInARowToTheRow) {
  const ScratchFolder folder;
  const RowFile list = RowFile::open(
      folder.write("a.json", "[{\"a\": tru}, 3, {'a': NaN,}, \"x\", null, [{}], {}]"));
  EXPECT_EQ(rows_of(list), (std::vector<std::string>{"{\"a\": tru}", "3", "{'a': NaN,}", "\"x\"",
                                                     "null", "[{}]", "{}"}));
  const RowFile lines = RowFile::open(folder.write("a.jsonl", "{\"a\": \n}x\n[\n{}\n"));
  EXPECT_EQ(lines.size(), 4);
}

TEST(RowFile, NamesTheRowBehindWhichAListCannotBeRead) {
  const ScratchFolder folder;
  const std::pair<std::string, std::string> cases[] = {
      {"[]", ": the file has no rows"},
      {"[", ":1: the list's end ] is missing: the file was cut off"},
      {"[\n{},\n{}", ":3: the list's end ] is missing after row 2: the file was cut off"},
      {"[\n{},\n", ":3: the list's end ] is missing after row 1: the file was cut off"},
      {"[\n{},\n{\"a\": [1,\n",
       ":3: row 2: the file ends inside it: it was cut off, or a bracket is not closed"},
      {"[\n{},\n{\"a\": \"b", ":3: row 2: the file ends inside a string: it was cut off"},
      {"[\n{},\n{\"a\": \"b\n\"}]", ":3: row 2: a string is not closed at the end of the line"},
      {"[{},\n{\"a\": [1}\n]", ":2: row 2: } stands where ] is expected"},
      {"[{},\n]", ":2: row 2: ] stands where a value is expected"},
      {"[{},,{}]", ":1: row 2: , stands where a value is expected"},
      {"[{}\n{}]", ":2: a comma or the list's end ] is missing after row 1"},
      {"[{}]\n[{}]",
       ":2: more stands behind the list's end ]; a file holds one list of rows (or a row a line)"},
      {"{\n},\n{\n}",
       ":2: row 2 must be an object that begins with {; rows that are separated by commas belong "
       "into a list [...]"},
      {"{\n \"a\": [\n",
       ":1: row 1: the file ends inside it: it was cut off, or a bracket is not closed"},
  };
  for (const auto& [text, expected] : cases) {
    const auto path = folder.write("a.json", text);
    EXPECT_EQ(message_of<InputError>([&] { RowFile::open(path); }), path.string() + expected)
        << text;
  }
}

TEST(RowFile, TellsFilesOfOtherKinds) {
  using std::string_literals::operator""s;
  const ScratchFolder folder;
  const std::pair<std::string, std::string> cases[] = {
      {"PAR1\x15\x04\n", "a Parquet file; write its rows as JSONL first"},
      {"ARROW1\0\0"s, "an Arrow file; write its rows"},
      {"\x1f\x8b\x08\0"s, "packed with gzip; unpack it first"},
      {"PK\x03\x04", "a ZIP file; unpack it first"},
      {"\xff\xfe{\0\"\0"s, "in UTF-16; save it in UTF-8"},
      {"{\0\"\0"s, "in UTF-16; save it in UTF-8"},
      {"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"},
      {"image,question,answer\na.jpg,what?,an owl\n", "not JSON: it begins neither with"},
      {"\xEF\xBB\xBFimage\tanswer\n", "not JSON: it begins neither with"},
      {"<!DOCTYPE html>\n<html>\n", "not JSON: it begins neither with"},
  };
  for (const auto& [text, expected] : cases) {
    const auto path = folder.write("a.jsonl", text);
    const std::string message = message_of<InputError>([&] { RowFile::open(path); });
    EXPECT_TRUE(message.starts_with(path.string() + ": " + expected)) << message;
    EXPECT_EQ(message.find('\n'), message.npos);
  }
  // A broken line is a broken row, even when it is the first.
  EXPECT_EQ(RowFile::open(folder.write("b.jsonl", "x{}\n{}\n")).size(), 2);
}

}  // namespace
}  // namespace owl3
