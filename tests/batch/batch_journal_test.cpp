#include "batch/batch_journal.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "batch/batch_file.h"
#include "batch/batch_works.h"
#include "batch/csv.h"
#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

const Json kRun = {{"questions", {"What?"}}, {"items", 4}};

class BatchJournalTest : public ::testing::Test {
 protected:
  std::string line(int64_t place, const std::string& error = {}) const {
    BatchRow row;
    row.index = plan_.index(place);
    row.item = "p.jpg";
    row.answer = "an \"owl\",\nnot a hen";
    row.stop = "end";
    row.error = error;
    return line_of(row, layout_);
  }
  BatchJournal journal(bool go_on, const Json& run = kRun) const {
    return BatchJournal(path(), plan_, layout_, run, go_on);
  }
  std::filesystem::path path() const { return folder_ / "rows"; }

  ScratchFolder folder_;
  BatchPlan plan_{4, 1, {}};
  BatchLayout layout_;
};

/// Writes all rows after the file was cut to each of its lengths; they are the same bytes.
TEST_F(BatchJournalTest, GoesOnToTheSameBytesWhereverAFileWasCut) {
  for (const BatchFormat format : {BatchFormat::kJsonl, BatchFormat::kCsv}) {
    layout_.format = format;
    std::filesystem::remove(path());
    write_run_file(path(), kRun);
    std::string whole = header_of(layout_);
    for (int64_t i = 0; i < 4; ++i) whole += line(i);
    for (size_t size = 0; size <= whole.size(); ++size) {
      folder_.write("rows", whole.substr(0, size));
      BatchJournal rows = journal(true);
      rows.open();
      while (rows.rows() < 4) rows.append(line(rows.rows()));
      ASSERT_EQ(read_text(path()), whole) << size;
    }
  }
}

TEST_F(BatchJournalTest, IsGoneOnWithOnlyWhereThatIsAskedFor) {
  journal(false).open();
  EXPECT_NE(message_of<InputError>([&] { journal(false); }).find("--resume"), std::string::npos);
  journal(true);
}

TEST_F(BatchJournalTest, IsWrittenByOneAtATime) {
  BatchJournal first = journal(false);
  first.open();
  BatchJournal second = journal(true);
  message_of<InputError>([&] { second.open(); });
}

TEST_F(BatchJournalTest, RefusesAnotherRunsFile) {
  journal(false).open();
  const Json other = {{"questions", {"Who?"}}, {"items", 4}};
  EXPECT_NE(message_of<InputError>([&] { journal(true, other); }).find("questions is"),
            std::string::npos);
  std::filesystem::remove(run_file_of(path()));
  message_of<InputError>([&] { journal(true); });
}

TEST_F(BatchJournalTest, RefusesRowsThatWereEdited) {
  journal(false).open();
  folder_.write("rows", line(0) + line(2));
  message_of<InputError>([&] { journal(true); });
  folder_.write("rows", line(0) + "{\"index\":}\n");
  message_of<InputError>([&] { journal(true); });
}

TEST_F(BatchJournalTest, RefusesATableOfOtherColumns) {
  layout_.format = BatchFormat::kCsv;
  journal(false).open();
  folder_.write("rows", "index,item,answer,stop,tokens,error\n0,p.jpg,an owl,end,2,\n");
  EXPECT_NE(message_of<InputError>([&] { journal(true); }).find("other columns"),
            std::string::npos);
}

TEST_F(BatchJournalTest, RefusesAFolderThatIsNotThere) {
  message_of<InputError>([&] { BatchJournal(folder_ / "no/rows", plan_, layout_, kRun, false); });
  message_of<InputError>([&] { BatchJournal(folder_.path(), plan_, layout_, kRun, false); });
}

TEST_F(BatchJournalTest, PutsRowsInThePlacesOfFailedOnes) {
  for (const BatchFormat format : {BatchFormat::kJsonl, BatchFormat::kCsv}) {
    layout_.format = format;
    std::filesystem::remove(path());
    {
      BatchJournal rows = journal(false);
      rows.open();
      rows.append(line(0));
      rows.append(line(1, "broken"));
      rows.append(line(2));
    }
    BatchJournal rows = journal(true);
    ASSERT_EQ(rows.failed(), std::vector<int64_t>{1});
    rows.open();
    rows.replace({{1, line(1)}});
    rows.append(line(3));
    EXPECT_EQ(read_text(path()), header_of(layout_) + line(0) + line(1) + line(2) + line(3));
  }
}

/// The row as it is written, by the names of its columns.
std::map<std::string, std::string> columns_of(const BatchRow& row, const BatchLayout& layout) {
  std::map<std::string, std::string> columns;
  const std::string line = line_of(row, layout);
  if (layout.format == BatchFormat::kCsv) {
    const auto names = parse_csv_record(header_of(layout), "header");
    const auto fields = parse_csv_record(line, "row");
    EXPECT_EQ(names.size(), fields.size());
    for (size_t i = 0; i < names.size(); ++i) columns[names[i]] = fields.at(i);
    return columns;
  }
  const Json parsed = Json::parse(line);
  for (const auto& [key, value] : parsed.items()) columns[key] = plain_text(value);
  return columns;
}

TEST(BatchRowTest, HasItsWarningInEveryFormat) {
  for (const BatchFormat format : {BatchFormat::kJsonl, BatchFormat::kCsv}) {
    const BatchLayout layout{.format = format, .choices = {}};
    BatchRow row;
    row.item = "film.mp4";
    row.answer = "an owl";
    row.warning = "film.mp4: 3 frames, patched";
    EXPECT_EQ(columns_of(row, layout)["warning"], row.warning);
    // Which makes it no failure; with an error, both are told.
    EXPECT_FALSE(read_line(line_of(row, layout), format, "row").failed);
    EXPECT_EQ(answer_text(line_of(row, layout), format, header_of(layout)), "an owl");
    row.error = "too long";
    EXPECT_EQ(columns_of(row, layout)["warning"], row.warning);
    EXPECT_EQ(columns_of(row, layout)["error"], row.error);
    EXPECT_TRUE(read_line(line_of(row, layout), format, "row").failed);
    EXPECT_EQ(answer_text(line_of(row, layout), format, header_of(layout)), std::nullopt);
  }
}

TEST(BatchRowTest, ShowsNamesThatAreNotUtf8AlikeAndSaysSo) {
  for (const BatchFormat format : {BatchFormat::kJsonl, BatchFormat::kCsv}) {
    const BatchLayout layout{.format = format, .choices = {}};
    BatchRow row;
    row.item = "caf\xE9-\xF0\x9F\x98.jpg";  // Latin-1, and a character that is cut off
    row.error = "caf\xE9-\xF0\x9F\x98.jpg: broken";
    row.warning = "odd";
    auto columns = columns_of(row, layout);
    EXPECT_EQ(columns["item"], "caf\uFFFD-\uFFFD.jpg");
    EXPECT_EQ(columns["error"], "caf\uFFFD-\uFFFD.jpg: broken");
    EXPECT_TRUE(columns["warning"].starts_with("odd; ")) << columns["warning"];
    EXPECT_NE(columns["warning"].find("not UTF-8"), std::string::npos);
    row.warning.clear();
    row.item = Json::array({"caf\u00E9.jpg", "\xE9.jpg"});
    columns = columns_of(row, layout);
    EXPECT_EQ(Json::parse(columns["item"]), Json::array({"caf\u00E9.jpg", "\uFFFD.jpg"}));
    EXPECT_NE(columns["warning"].find("not UTF-8"), std::string::npos);
    row.item = "caf\u00E9.jpg";
    EXPECT_EQ(columns_of(row, layout)["warning"], "");
  }
}

TEST(BatchPlanTest, ShardsHaveEveryRowOnce) {
  std::set<int64_t> seen;
  for (int64_t number = 1; number <= 3; ++number) {
    const BatchPlan plan{10, 2, {number, 3}};
    for (int64_t place = 0; place < plan.rows(); ++place) {
      EXPECT_TRUE(seen.insert(plan.index(place)).second);
      EXPECT_EQ(plan.place(plan.item(place), plan.question(place)), place);
    }
  }
  EXPECT_EQ(seen.size(), 20U);
  EXPECT_EQ((BatchPlan{2, 5, {3, 3}}).rows(), 0);
}

TEST(BatchWorksTest, AskTheRestOfAnItemTogether) {
  BatchWorks works(BatchPlan{2, 3, {}}, 2);
  EXPECT_EQ(works.next()->questions, std::vector<int64_t>{2});
  EXPECT_EQ(works.next()->questions, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_FALSE(works.next());
}

}  // namespace
}  // namespace owl3
