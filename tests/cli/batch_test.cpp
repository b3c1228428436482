// owl3 batch on owlet and drawn pictures.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "chat_runs.h"
#include "core/scratch_folder.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

constexpr int kPictures = 9;

class Batch : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "photos/more");
    for (int i = 1; i <= kPictures; ++i) {
      const std::string name = "0" + std::to_string(i) + ".jpg";
      const char* where = i <= 6 ? "photos" : "photos/more";
      fs::copy_file(fs::path(OWL3_SOURCE_DIR) / "demo/album" / name, folder_ / where / name);
    }
  }

  Outcome batch(const Words& more, const RunOptions& options = {}) const {
    Words words = {"batch", "owlet", "-t", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return run_owl3(words, options);
  }

  Words about_all(const Words& more) const {
    Words words = {"--each", path("photos/**"), "-p", "What is this?"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string text(const std::string& name) const { return read_text(folder_ / name); }

  /// The file that a run of all pictures writes.
  std::string whole(const Words& more = {}) const {
    Words words = about_all({"-o", path("whole.jsonl")});
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = batch(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return text("whole.jsonl");
  }

  void break_picture() const { folder_.write("photos/03.jpg", "Dear picture,\n"); }

  ScratchFolder folder_;
};

TEST_F(Batch, AnswersAboutEveryPictureInOrder) {
  const auto rows = json_lines(whole());
  ASSERT_EQ(rows.size(), kPictures);
  for (int i = 0; i < kPictures; ++i) {
    EXPECT_EQ(rows[i]["index"], i);
    const std::string item = rows[i]["item"];
    EXPECT_TRUE(item.ends_with("0" + std::to_string(i + 1) + ".jpg")) << item;
    EXPECT_FALSE(rows[i]["answer"].get<std::string>().empty());
    EXPECT_EQ(rows[i]["stop"], "end");
    EXPECT_GT(rows[i]["tokens"], 0);
    EXPECT_FALSE(rows[i].contains("question"));
  }
}

TEST_F(Batch, GivesTheSameBytesHoweverManyAreAnsweredAtOnce) {
  const Words sampled = {"--temperature", "1.2", "--seed", "7"};
  Words one = about_all({"--parallel", "1"});
  Words eight = about_all({"--parallel", "8"});
  one.insert(one.end(), sampled.begin(), sampled.end());
  eight.insert(eight.end(), sampled.begin(), sampled.end());
  const Outcome alone = batch(one);
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(std::count(alone.out.begin(), alone.out.end(), '\n'), kPictures);
  EXPECT_EQ(batch(eight).out, alone.out);
}

TEST_F(Batch, AsksSeveralQuestionsOfAnItem) {
  const Outcome outcome = batch({"--each", path("photos/01.jpg"), path("photos/02.jpg"), "-p",
                                 "What is this?", "-p", "How many are there?"});
  const auto rows = json_lines(outcome.out);
  ASSERT_EQ(rows.size(), 4U) << outcome.err;
  EXPECT_EQ(rows[1]["question"], "How many are there?");
  EXPECT_EQ(rows[2]["index"], 2);
  EXPECT_EQ(rows[2]["item"], path("photos/02.jpg"));
  EXPECT_NE(outcome.err.find("owl3: 4 rows in "), std::string::npos) << outcome.err;
}

TEST_F(Batch, HoldsAnswersToAForm) {
  const auto chosen = json_lines(batch(about_all({"--choices", "yes,no"})).out);
  ASSERT_EQ(chosen.size(), kPictures);
  for (const auto& row : chosen) EXPECT_TRUE(row["answer"] == "yes" || row["answer"] == "no");
  const auto json = json_lines(
      batch({"--each", path("photos/01.jpg"), "-p", "What?", "--schema", R"({"enum": [[1]]})"})
          .out);
  EXPECT_EQ(json.at(0)["answer"], nlohmann::json::array({1}));
}

TEST_F(Batch, TellsHowLikelyAnswersAre) {
  break_picture();
  const Words how = {"--choices", "owl,hen, owl", "--choice-probs", "--logprobs", "1"};
  Words words = about_all({"-o", path("o.jsonl")});
  words.insert(words.end(), how.begin(), how.end());
  EXPECT_EQ(batch(words).exit_code, 1);
  const auto rows = json_lines(text("o.jsonl"));
  ASSERT_EQ(rows.size(), kPictures);
  EXPECT_FALSE(rows[2].contains("choices"));
  EXPECT_EQ(rows[0]["choices"].size(), 2U);
  const double owl = rows[0]["choices"]["owl"], hen = rows[0]["choices"]["hen"];
  EXPECT_NEAR(owl + hen, 1, 1e-9);
  EXPECT_LT(rows[0]["choice_logprobs"]["owl"], 0);
  EXPECT_EQ(rows[0]["logprobs"].size(), rows[0]["tokens"]);

  // The same as columns, whatever is answered at the same time, and with nothing to go on with
  // where something else is told.
  words = about_all({"-o", path("o.csv"), "--parallel", "1"});
  words.insert(words.end(), how.begin(), how.end());
  EXPECT_EQ(batch(words).exit_code, 1);
  const std::string table = text("o.csv");
  EXPECT_TRUE(table.starts_with(
      "index,item,answer,stop,tokens,p(owl),p(hen),logprob(owl),logprob(hen),logprobs,warning,"
      "error\n"))
      << table;
  EXPECT_NE(table.find("," + rows[0]["choices"]["owl"].dump() + ","), std::string::npos) << table;
  const Outcome other = batch(about_all({"-o", path("o.csv"), "--choices", "owl,hen", "--resume"}));
  EXPECT_NE(other.exit_code, 0);
  EXPECT_NE(other.err.find("generation is"), std::string::npos) << other.err;
}

TEST_F(Batch, ErrorsAreRowsAndTheRunGoesOn) {
  break_picture();
  const Outcome outcome = batch(about_all({"-o", path("o.jsonl")}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("1 of 9 rows failed"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--retry-failed"), std::string::npos) << outcome.err;
  const auto rows = json_lines(text("o.jsonl"));
  ASSERT_EQ(rows.size(), kPictures);
  EXPECT_NE(rows[2]["error"].get<std::string>().find("03.jpg"), std::string::npos);
  EXPECT_FALSE(rows[2].contains("answer"));
  EXPECT_TRUE(rows[3].contains("answer"));
}

TEST_F(Batch, RetriesWhatFailedInItsPlace) {
  const std::string all = whole();
  const std::string picture = text("photos/03.jpg");
  break_picture();
  EXPECT_EQ(batch(about_all({"-o", path("o.jsonl")})).exit_code, 1);
  EXPECT_EQ(batch(about_all({"-o", path("o.jsonl"), "--retry-failed"})).exit_code, 1);
  folder_.write("photos/03.jpg", picture);
  const Outcome retried = batch(about_all({"-o", path("o.jsonl"), "--retry-failed"}));
  EXPECT_EQ(retried.exit_code, 0) << retried.err;
  EXPECT_NE(retried.err.find("owl3: 1 row in "), std::string::npos) << retried.err;
  EXPECT_EQ(text("o.jsonl"), all);
}

/// A run that takes a while: it can be ended on the way.
Words long_run(const std::string& out) {
  return {"--each",     OWL3_SOURCE_DIR "/demo/album",
          "-p",         "What is this?",
          "-p",         "Why?",
          "-p",         "Which colour has it?",
          "-o",         out,
          "--parallel", "2"};
}

TEST_F(Batch, GoesOnToTheSameBytesWhereverItWasKilled) {
  EXPECT_EQ(batch(long_run(path("whole.jsonl"))).exit_code, 0);
  int killed = 0;
  for (const long lines : {0L, 1L, 20L, 40L, 77L}) {
    const std::string out = path("k" + std::to_string(lines) + ".jsonl");
    const auto there = [&] {
      const std::string rows = read_text(out);
      return fs::exists(out) && std::count(rows.begin(), rows.end(), '\n') >= lines;
    };
    Words words = long_run(out);
    const Outcome first = batch(words, {.signal_when = there, .signals = {SIGKILL}});
    killed += first.exit_code == 128 + SIGKILL ? 1 : 0;
    words.emplace_back("--resume");
    const Outcome outcome = batch(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(read_text(out), text("whole.jsonl")) << lines;
  }
  EXPECT_GT(killed, 0);
}

TEST_F(Batch, CtrlCLeavesWholeRowsAndTellsHowToGoOn) {
  const std::string out = path("o.jsonl");
  const auto there = [&] { return read_text(out).find('\n') != std::string::npos; };
  const Outcome outcome = batch(long_run(out), {.signal_when = there, .signals = {SIGINT}});
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_NE(outcome.err.find("--resume goes on"), std::string::npos) << outcome.err;
  EXPECT_TRUE(read_text(out).ends_with("\n"));
}

TEST_F(Batch, ResumingWithOtherQuestionsIsRefused) {
  whole();
  const std::string out = path("whole.jsonl");
  const Outcome again = batch(about_all({"-o", out}));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_TRUE(is_one_line(again.err)) << again.err;
  const Outcome other = batch({"--each", path("photos/**"), "-p", "Why?", "-o", out, "--resume"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("questions is"), std::string::npos) << other.err;
  EXPECT_EQ(batch(about_all({"-o", out, "--resume"})).exit_code, 0);
}

TEST_F(Batch, ShardsMergeIntoTheBytesOfOneRun) {
  const std::string all = whole();
  Words merge = {"batch", "merge"};
  for (const char* shard : {"3/3", "1/3", "2/3"}) {
    merge.push_back(path(std::string(1, shard[0]) + ".jsonl"));
    EXPECT_EQ(batch(about_all({"--shard", shard, "-o", merge.back()})).exit_code, 0);
  }
  Words table = merge;
  table.insert(table.end(), {"-o", path("all.csv")});
  const Outcome called_csv = run_owl3(table);
  EXPECT_EQ(called_csv.exit_code, 2);
  EXPECT_TRUE(is_one_line(called_csv.err)) << called_csv.err;
  fs::rename(folder_ / "3.jsonl.run", folder_ / "kept.run");
  Words unknown = merge;
  unknown.insert(unknown.end(), {"-o", path("unknown.jsonl")});
  const Outcome refused = run_owl3(unknown);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("3.jsonl.run"), std::string::npos) << refused.err;
  unknown.emplace_back("--partial");
  EXPECT_EQ(run_owl3(unknown).exit_code, 0);
  EXPECT_EQ(text("unknown.jsonl"), all);
  fs::rename(folder_ / "kept.run", folder_ / "3.jsonl.run");
  Words some(merge.begin(), merge.end() - 1);
  some.insert(some.end(), {"-o", path("some.jsonl")});
  const Outcome missing = run_owl3(some);
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_NE(missing.err.find("3 of 9 rows are missing"), std::string::npos) << missing.err;
  merge.insert(merge.end(), {"-o", path("all.jsonl")});
  const Outcome merged = run_owl3(merge);
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(text("all.jsonl"), all);
  EXPECT_EQ(batch(about_all({"-o", path("all.jsonl"), "--retry-failed"})).exit_code, 0);
}

TEST_F(Batch, AsksRowsWithTheirColumns) {
  folder_.write(
      "rows.csv",
      "id,image,caption\n7,photos/01.jpg,an owl\n8,photos/missing.jpg,\"a hen, or two\"\n");
  const Outcome outcome = batch({"--input", path("rows.csv"), "-p", "Is this {caption}?"});
  EXPECT_EQ(outcome.exit_code, 1);
  const auto rows = json_lines(outcome.out);
  ASSERT_EQ(rows.size(), 2U) << outcome.err;
  EXPECT_EQ(rows[0]["row"]["id"], "7");
  EXPECT_EQ(rows[0]["item"], "photos/01.jpg");
  EXPECT_TRUE(rows[0].contains("answer"));
  EXPECT_EQ(rows[1]["row"]["caption"], "a hen, or two");
  EXPECT_NE(rows[1]["error"].get<std::string>().find("missing.jpg"), std::string::npos);
}

TEST_F(Batch, RowsThatCannotBeAskedKeepTheirColumns) {
  folder_.write("rows.csv", "id,image\n7,\n8,http://127.0.0.1/a.jpg\n9,photos/01.jpg\n");
  const Words words = {"--input", path("rows.csv"), "-p", "What is this?"};
  const Outcome outcome = batch(words);
  EXPECT_EQ(outcome.exit_code, 1);
  const auto rows = json_lines(outcome.out);
  ASSERT_EQ(rows.size(), 3U) << outcome.err;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rows[i]["row"]["id"], std::to_string(7 + i));
  EXPECT_NE(rows[0]["error"].get<std::string>().find("nothing to look at"), std::string::npos);
  EXPECT_FALSE(rows[0].contains("item"));
  EXPECT_EQ(rows[1]["item"], "http://127.0.0.1/a.jpg");
  EXPECT_TRUE(rows[1].contains("error"));
  EXPECT_TRUE(rows[2].contains("answer"));
  Words table = words;
  table.insert(table.end(), {"-o", path("o.csv")});
  EXPECT_EQ(batch(table).exit_code, 1);
  for (const char* id : {"7", "8", "9"}) {
    const std::string column = "{\"\"id\"\":\"\"" + std::string(id) + "\"\",";
    EXPECT_NE(text("o.csv").find(column), std::string::npos) << text("o.csv");
  }
}

TEST_F(Batch, NamesThatAreNotUtf8AreShownAndToldOf) {
  fs::create_directory(folder_ / "odd");
  std::error_code error;
  fs::copy_file(folder_ / "photos/01.jpg", folder_ / "odd/\xE9.jpg", error);
  if (error) GTEST_SKIP() << "the file system has no such names";
  const Words words = {"--each", path("odd"), "-p", "What is this?"};
  const Outcome outcome = batch(words);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto rows = json_lines(outcome.out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["item"], path("odd/\uFFFD.jpg"));
  EXPECT_TRUE(rows[0].contains("answer"));
  EXPECT_NE(rows[0]["warning"].get<std::string>().find("not UTF-8"), std::string::npos);
  Words table = words;
  table.insert(table.end(), {"--format", "csv"});
  EXPECT_NE(batch(table).out.find("\n0," + path("odd/\uFFFD.jpg") + ","), std::string::npos);
}

TEST_F(Batch, MergingTakesUnfinishedPartsAwayWhenItIsInterrupted) {
  constexpr int kRows = 300'000;  // so many that it is still at work
  const ScratchFolder folder;
  std::string rows;
  for (int i = 0; i < kRows; ++i) {
    rows += "{\"index\":" + std::to_string(i) + ",\"item\":\"p.jpg\",\"answer\":\"an owl\"}\n";
  }
  folder.write("a.jsonl", rows);
  folder.write("a.jsonl.run", R"({"questions":["?"],"items":300000})");
  const auto begun = [&] { return folder.file_count() > 2; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const Outcome outcome = run_owl3(
        {"batch", "merge", (folder / "a.jsonl").string(), "-o", (folder / "all.jsonl").string()},
        {.signal_when = begun, .signals = {signal}});
    EXPECT_EQ(outcome.exit_code, 128 + signal);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find("interrupted"), std::string::npos) << outcome.err;
    EXPECT_EQ(folder.file_count(), 2U);
  }
}

TEST_F(Batch, AsksOnceAboutAFolder) {
  const auto rows =
      json_lines(batch(about_all({"--group-by", "folder", "--max-new-tokens", "8"})).out);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["item"].size(), 6U);
  EXPECT_EQ(rows[1]["item"].size(), 3U);
}

TEST_F(Batch, WritesTablesAndFilesBesidePictures) {
  EXPECT_EQ(batch(about_all({"-o", path("o.csv"), "--side", "txt"})).exit_code, 0);
  const std::string table = text("o.csv");
  EXPECT_EQ(table.rfind("index,item,answer,stop,tokens,warning,error\n0,", 0), 0U) << table;
  const auto rows = json_lines(whole());
  EXPECT_EQ(text("photos/02.txt"), rows[1]["answer"].get<std::string>() + "\n");
  const Outcome again = batch(about_all({"--side", "txt"}));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("01.txt is there already, and 8 more: move or delete them"),
            std::string::npos)
      << again.err;
}

TEST_F(Batch, WritesWhatPhotoLibrariesReadAndNeverOverTheirs) {
  const Words xmp = about_all({"--choices", "owl,crab", "--side", "xmp", "-o", path("o.jsonl")});
  folder_.write("photos/02.jpg.xmp", "somebody's");
  Words resumed = xmp;
  resumed.emplace_back("--resume");  // there is nothing to go on with
  for (const Words& command : {xmp, resumed}) {
    const Outcome outcome = batch(command);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find("02.jpg.xmp is there already"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(text("photos/02.jpg.xmp"), "somebody's");
  fs::remove(folder_ / "photos/02.jpg.xmp");
  EXPECT_EQ(batch(resumed).exit_code, 0);
  const std::string answer = json_lines(text("o.jsonl")).at(1)["answer"];
  EXPECT_NE(text("photos/02.jpg.xmp").find("<rdf:li>" + answer + "</rdf:li>"), std::string::npos);
  EXPECT_EQ(batch(resumed).exit_code, 0);
}

TEST_F(Batch, LeavesFilesThatCameBesidePicturesBetweenRuns) {
  const std::string picture = text("photos/03.jpg");
  break_picture();
  EXPECT_EQ(batch(about_all({"-o", path("o.jsonl"), "--side", "txt"})).exit_code, 1);
  EXPECT_FALSE(fs::exists(folder_ / "photos/03.txt"));
  folder_.write("photos/03.jpg", picture);
  folder_.write("photos/03.txt", "mine");
  // As after a run that was killed between a file and its row.
  const std::string last = text("photos/more/09.txt");
  const std::string rows = text("o.jsonl");
  folder_.write("o.jsonl", rows.substr(0, rows.rfind('\n', rows.size() - 2) + 1));
  const Outcome outcome =
      batch(about_all({"-o", path("o.jsonl"), "--side", "txt", "--retry-failed"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string told = "03.txt: was there already, left as it is";
  EXPECT_NE(outcome.err.find(told + "\n"), std::string::npos) << outcome.err;
  EXPECT_EQ(text("photos/03.txt"), "mine");
  EXPECT_EQ(text("photos/more/09.txt"), last);
  const auto all = json_lines(text("o.jsonl"));
  ASSERT_EQ(all.size(), kPictures);
  EXPECT_TRUE(all[2].contains("answer"));
  EXPECT_TRUE(all[2].value("warning", "").ends_with(told)) << all[2];
  EXPECT_FALSE(all[8].contains("warning")) << all[8];
}

TEST_F(Batch, AFileBesideAPictureThatCannotBeWrittenIsAnErrorOfItsRow) {
  const std::string name = std::string(251, 'x') + ".jpg";  // no name is longer by ".xmp"
  fs::copy_file(folder_ / "photos/01.jpg", folder_ / "photos" / name);
  const Outcome outcome = batch(about_all({"-o", path("o.jsonl"), "--side", "xmp"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("1 of 10 rows failed"), std::string::npos) << outcome.err;
  const auto rows = json_lines(text("o.jsonl"));
  ASSERT_EQ(rows.size(), kPictures + 1);
  for (const auto& row : rows) {
    const bool is_long = row["item"].get<std::string>().ends_with(name);
    EXPECT_EQ(row.contains("answer"), !is_long) << row;
    if (!is_long) continue;
    EXPECT_TRUE(row.value("error", "").ends_with(".xmp: cannot be written: File name too long"))
        << row;
  }
  EXPECT_TRUE(fs::exists(folder_ / "photos/more/09.jpg.xmp"));
}

TEST_F(Batch, AFullDiskEndsTheRun) {
  // Stands for it: a bound on what files may have.
  Words words = {"-c", "ulimit -f 0 && exec \"$0\" \"$@\"", OWL3_PROGRAM, "batch", "owlet"};
  const Words asked = about_all({"-t", "1", "--side", "txt"});
  words.insert(words.end(), asked.begin(), asked.end());
  const Outcome outcome = run_owl3(words, {.program = "/bin/sh"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("01.txt: cannot be written: File too large"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(outcome.err.find("rows failed"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists(folder_ / "photos/01.txt"));
}

TEST_F(Batch, WritesFilesBesidePicturesInShards) {
  EXPECT_EQ(batch(about_all({"--side", "txt", "--shard", "1/2"})).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "photos/02.txt"));
  EXPECT_EQ(batch(about_all({"--side", "txt", "--shard", "2/2"})).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "photos/02.txt"));
}

TEST_F(Batch, EndsAsARunWithErrorsHoweverOftenItIsGoneOnWith) {
  break_picture();
  EXPECT_EQ(batch(about_all({"-o", path("o.jsonl")})).exit_code, 1);
  const Outcome again = batch(about_all({"-o", path("o.jsonl"), "--resume"}));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("failed before; --retry-failed asks them again"), std::string::npos)
      << again.err;
}

TEST_F(Batch, GoesOnWithTheSameFilesBesidePictures) {
  EXPECT_EQ(batch(about_all({"-o", path("o.jsonl"), "--side", "txt"})).exit_code, 0);
  const Outcome other = batch(about_all({"-o", path("o.jsonl"), "--side", "json", "--resume"}));
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("side is \"txt\" there"), std::string::npos) << other.err;
}

TEST_F(Batch, ReadsTheQuestionFromStandardInput) {
  const Words asked = {"--each", path("photos"), "--max-new-tokens", "6", "-p"};
  Words given = asked;
  Words read = asked;
  given.emplace_back("What is this?");
  read.emplace_back("-");
  const Outcome outcome = batch(read, {.input = "What is this?\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, batch(given).out);
  EXPECT_TRUE(is_one_line(batch(read, {.input = "\n"}).err));
  read.insert(read.end(), {"-p", "-"});
  EXPECT_EQ(batch(read, {.input = "What is this?\n"}).exit_code, 2);
}

TEST_F(Batch, WrongInputIsOneLine) {
  fs::create_directories(folder_ / "empty");
  folder_.write("bad.csv", "image\n\"x\n");
  folder_.write("bad.jsonl", "\xFF\xFE{\n");
  const std::string photo = path("photos/01.jpg");
  const std::vector<Words> commands = {
      {"--each", path("none/*.jpg"), "-p", "?"},
      {"--each", path("none/**"), "-p", "?"},
      {"--each", path("empty"), "-p", "?"},
      {"--each", photo, "-p", "?", "-o", path("no/folder/o.jsonl")},
      {"--each", photo, "-p", " "},
      {"--each", photo, "-p", "\xFF"},
      {"--each", photo, "-p", "<image> <image>"},
      {"--each", photo},
      {"-p", "?"},
      {"--each", photo, "-p", "?", "--resume"},
      {"--each", photo, "-p", "?", "-o", ""},
      {"--each", photo, "-p", "?", "--group-by", "colour"},
      {"--each", photo, "-p", "?", "--shard", "4/3"},
      {"--each", photo, "-p", "?", "--parallel", "0"},
      {"--each", photo, "-p", "?", "--schema", "{"},
      {"--input", path("bad.csv"), "-p", "?"},
      {"--input", path("bad.jsonl"), "-p", "?"},
      {"--input", path("none.csv"), "-p", "?"},
  };
  for (const Words& command : commands) {
    const Outcome outcome = batch(command);
    EXPECT_NE(outcome.exit_code, 0) << command[1];
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_EQ(run_owl3({"batch", "merge", path("none.jsonl"), "-o", path("x")}).exit_code, 1);
}

}  // namespace

}  // namespace owl3::test
