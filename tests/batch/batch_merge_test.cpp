#include "batch/batch_merge.h"

#include <gtest/gtest.h>

#include "batch/batch_file.h"
#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

std::string line(int64_t index, BatchFormat format = BatchFormat::kJsonl) {
  BatchRow row;
  row.index = index;
  row.answer = "an owl";
  return line_of(row, {.format = format});
}

class BatchMerge : public ::testing::Test {
 protected:
  /// With what says that it is of a run of four rows.
  std::filesystem::path shard(const std::string& name, const std::vector<int64_t>& rows,
                              BatchFormat format = BatchFormat::kJsonl) {
    const bool is_csv = format == BatchFormat::kCsv;
    std::string text = header_of({.format = format});
    for (const int64_t row : rows) text += line(row, format);
    const auto path = folder_.write(name, text);
    write_run_file(path, {{"questions", {"What?"}},
                          {"items", 4},
                          {"format", is_csv ? "csv" : "jsonl"},
                          {"shard", "1/2"}});
    return path;
  }

  ScratchFolder folder_;
};

TEST_F(BatchMerge, PutsRowsInOrder) {
  const auto a = shard("a", {0, 2});
  const auto b = shard("b", {1, 3});
  EXPECT_EQ(merge_batches({b, a}, folder_ / "all", false).rows, 4);
  EXPECT_EQ(read_text(folder_ / "all"), line(0) + line(1) + line(2) + line(3));
}

TEST_F(BatchMerge, RefusesRowsThatAreMissingUnlessItMay) {
  const auto a = shard("a", {0, 3});
  EXPECT_NE(message_of<InputError>([&] {
              merge_batches({a}, folder_ / "all", false);
            }).find("2 of 4 rows are missing, the first of them row 1"),
            std::string::npos);
  EXPECT_EQ(merge_batches({a}, folder_ / "all", true).missing, 2);
}

TEST_F(BatchMerge, BelievesNoPartThatDoesNotSayWhatItIsOf) {
  const auto a = shard("a", {0, 2});
  const auto b = shard("b", {1, 3});
  std::filesystem::remove(run_file_of(b));
  const std::string message = message_of<InputError>([&] {
    merge_batches({a, b}, folder_ / "all", false);
  });
  EXPECT_NE(message.find("b.run"), std::string::npos) << message;
  EXPECT_NE(message.find("copy it along"), std::string::npos) << message;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "all"));
  EXPECT_EQ(merge_batches({a, b}, folder_ / "all", true).missing, 0);
  EXPECT_EQ(read_text(folder_ / "all"), line(0) + line(1) + line(2) + line(3));
  EXPECT_FALSE(std::filesystem::exists(run_file_of(folder_ / "all")));  // nobody knows
}

TEST_F(BatchMerge, WritesNoRowsIntoAFileThatIsCalledOtherwise) {
  const auto a = shard("a.jsonl", {0, 1, 2, 3});
  const auto b = shard("b.csv", {0, 1, 2, 3}, BatchFormat::kCsv);
  for (const bool partial : {false, true}) {
    message_of<UsageError>([&] { merge_batches({a}, folder_ / "all.csv", partial); });
    message_of<UsageError>([&] { merge_batches({b}, folder_ / "all.jsonl", partial); });
  }
  EXPECT_EQ(folder_.file_count(), 4U);
  EXPECT_EQ(merge_batches({b}, folder_ / "all.csv", false).rows, 4);
  EXPECT_EQ(read_text(folder_ / "all.csv"), read_text(b));
  EXPECT_EQ(merge_batches({b}, folder_ / "all", false).rows, 4);
}

TEST_F(BatchMerge, LeavesNothingWhereverItIsInterrupted) {
  const auto a = shard("a", {0, 2});
  const auto b = shard("b", {1, 3});
  const int rows_read_and_written = 8;
  for (int asked = 0; asked < rows_read_and_written; ++asked) {
    int left = asked;
    EXPECT_THROW(merge_batches({a, b}, folder_ / "all", false, [&] { return left-- > 0; }),
                 Interrupted)
        << asked;
    EXPECT_EQ(folder_.file_count(), 4U) << asked;
  }
  int left = rows_read_and_written;
  EXPECT_EQ(merge_batches({a, b}, folder_ / "all", false, [&] { return left-- > 0; }).rows, 4);
}

TEST_F(BatchMerge, KnowsFromTheRunsThatTheLastRowsAreMissing) {
  const auto a = shard("a", {0, 1});
  write_run_file(a, {{"questions", {"What?"}}, {"items", 3}, {"shard", "1/1"}});
  message_of<InputError>([&] { merge_batches({a}, folder_ / "all", false); });
}

TEST_F(BatchMerge, KnowsRowsOfOpenAisFormByTheirIds) {
  const auto row = [](int64_t index, int status) {
    BatchRow one;
    one.line = {{"id", request_id_of(index)}, {"custom_id", "x"}};
    one.line["response"] = {{"status_code", status}};
    one.line["error"] = nullptr;
    return line_of(one, {});
  };
  const std::string none = R"({"id":"batch_req_2","response":null,"error":{"code":"x"}})"
                           "\n";
  const auto a = folder_.write("a", row(0, 200) + none);
  const auto b = folder_.write("b", row(1, 400) + row(3, 200));
  for (const auto& [part, of] : {std::pair(a, "1/2"), std::pair(b, "2/2")}) {
    write_run_file(part, {{"questions", Json::array()}, {"items", 4}, {"shard", of}});
  }
  const MergedBatch merged = merge_batches({a, b}, folder_ / "all", false);
  EXPECT_EQ(merged.rows, 4);
  EXPECT_EQ(merged.failed, 2);
  EXPECT_EQ(read_text(folder_ / "all"), row(0, 200) + row(1, 400) + none + row(3, 200));
  for (const char* other : {R"({"id":"batch_req_x"})", R"({"id":7})", R"({"id":"1"})"}) {
    folder_.write("c", std::string(other) + "\n");
    message_of<InputError>([&] { merge_batches({folder_ / "c"}, folder_ / "d", true); });
  }
}

TEST_F(BatchMerge, RefusesRowsThatAreThereTwiceAndFilesOfOtherRuns) {
  const auto a = shard("a", {0, 1});
  const auto b = shard("b", {1, 2});
  EXPECT_NE(message_of<InputError>([&] {
              merge_batches({a, b}, folder_ / "all", true);
            }).find("row 1 is there twice"),
            std::string::npos);
  write_run_file(a, {{"questions", {"What?"}}, {"items", 3}});
  write_run_file(b, {{"questions", {"Who?"}}, {"items", 3}});
  EXPECT_NE(message_of<InputError>([&] {
              merge_batches({a, b}, folder_ / "all", true);
            }).find("another run"),
            std::string::npos);
}

TEST_F(BatchMerge, OverwritesNothing) {
  const auto a = shard("a", {0});
  message_of<InputError>([&] { merge_batches({a}, a, false); });
  EXPECT_EQ(read_text(a), line(0));
}

}  // namespace
}  // namespace owl3
