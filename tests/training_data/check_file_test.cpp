#include "training_data/check_file.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/inspect/inspect.h"
#include "core/error.h"
#include "training_files.h"

namespace owl3 {
namespace {

class CheckFileTest : public ::testing::Test {
 protected:
  CheckFileTest() {
    folder_.write("a.ppm", test::picture(8, 8, 50));
    folder_.write("text.png", "no picture");
    folder_.write("film.mp4", "not looked into");
    path_ = folder_.write("a.jsonl", test::row("<image>", "one", {"a.ppm"}) +
                                         test::row("<image><image>", "two", {"a.ppm"}) + "\n" +
                                         test::row("<image>", "three", {"none.png"}) + "{]\n" +
                                         test::row("<image>", "four", {"text.png"}) +
                                         R"({"query":"<video>","response":"r","videos":"film.mp4"})"
                                         "\n"
                                         R"({"response":"a text"})"
                                         "\n");
  }

  std::string at(int line) const { return fmt::format("{}:{}: ", path_.string(), line); }

  ScratchFolder folder_;
  std::filesystem::path path_;
};

TEST_F(CheckFileTest, CountsAllAndListsTheFirstErrors) {
  for (const int workers : {0, 3}) {
    CheckOptions options;
    options.workers = workers;
    const CheckReport report = check_training_file(path_, options);
    EXPECT_EQ(report.rows, 7);
    EXPECT_TRUE(report.whole);
    EXPECT_EQ(report.broken, 5);
    EXPECT_EQ(report.documents, 1);
    EXPECT_EQ(report.answers, 2);
    EXPECT_EQ(report.images, 1);
    EXPECT_EQ(report.videos, 0);
    ASSERT_EQ(report.errors.size(), 5u);
    EXPECT_EQ(report.errors[0], at(2) + "2 <image> marks but 1 image");
    EXPECT_EQ(report.errors[1], at(4) + "images[0]: " + (folder_ / "none.png").string() +
                                    ": No such file or directory");
    EXPECT_EQ(report.errors[2], at(5) + "not valid JSON at byte 2");
    EXPECT_TRUE(report.errors[3].starts_with(at(6) + "images[0]: ")) << report.errors[3];
    EXPECT_TRUE(report.errors[4].starts_with(at(7) + "videos[0]: ")) << report.errors[4];
    options.most_errors = 1;
    EXPECT_EQ(check_training_file(path_, options).errors.size(), 1u);
  }
}

TEST_F(CheckFileTest, NamesTheRowsOfAList) {
  const std::string good = R"({"conversations":[{"from":"human","value":"<image>\nq"},)"
                           R"({"from":"gpt","value":"a"}],"image":"a.ppm"})";
  const auto path = folder_.write(
      "a.json", "[" + good + ",\n{\"conversations\": []},\n\n" + good + ",\n{\"image\": tru}]");
  const CheckReport report = check_training_file(path, {});
  EXPECT_EQ(report.rows, 4);
  EXPECT_EQ(report.images, 2);
  const std::vector<std::string> expected = {
      path.string() + ":2: row 2: the row has no messages",
      path.string() + ":5: row 4: not valid JSON at byte 14"};
  EXPECT_EQ(report.errors, expected);
}

TEST_F(CheckFileTest, LeavesMediaAloneWhenAsked) {
  CheckOptions options;
  options.media = MediaCheck::kNone;
  EXPECT_EQ(check_training_file(path_, options).broken, 2);
}

TEST_F(CheckFileTest, DecodesWhatTrainingWillUnlessHeadersAreEnough) {
  const std::string whole =
      read_text(std::filesystem::path(OWL3_TEST_DATA) / "images" / "02-L-17x5.png");
  const std::string cut = whole.substr(0, whole.size() - 50);  // its header is whole
  folder_.write("cut.png", cut);
  folder_.write("pictures.tar", test::tar_entry("cut.png", cut) +
                                    test::tar_entry("whole.png", whole) + test::tar_end());
  const auto path =
      folder_.write("b.jsonl", test::row("<image>", "one", {"cut.png"}) +
                                   test::row("<image>", "two", {"pictures.tar/cut.png"}) +
                                   test::row("<image>", "three", {"pictures.tar/whole.png"}) +
                                   R"({"query":"<video>","response":"r","videos":"film.mp4"})"
                                   "\n");
  CheckOptions options;
  const CheckReport report = check_training_file(path, options);
  EXPECT_EQ(report.broken, 3);
  options.media = MediaCheck::kHeaders;
  EXPECT_EQ(check_training_file(path, options).broken, 0);
}

TEST_F(CheckFileTest, EndsWhenAskedAndSaysSo) {
  CheckOptions options;
  options.go_on = [](int64_t done, int64_t total) {
    EXPECT_EQ(total, 7);
    return done < 3;
  };
  const CheckReport report = check_training_file(path_, options);
  EXPECT_EQ(report.rows, 3);
  EXPECT_FALSE(report.whole);
}

TEST_F(CheckFileTest, NotesQuestionsThatChatWouldPutOtherwise) {
  const auto path = folder_.write("c.jsonl", test::row("<image>Who?", "one", {"a.ppm"}) +
                                                 test::row("<image>Where?", "two", {"a.ppm"}));
  const CheckReport report = check_training_file(path, {});
  EXPECT_EQ(report.media_lines.rows, 2);
  EXPECT_EQ(report.media_lines.joined, 2);
  CLI::App app;
  cli::add_inspect_data(app);
  testing::internal::CaptureStdout();
  app.parse({path.string(), "data"});
  const std::string printed = testing::internal::GetCapturedStdout();
  EXPECT_NE(printed.find("note: 2 of 2 rows"), std::string::npos) << printed;
}

TEST_F(CheckFileTest, TheCommandPrintsWhatWasFound) {
  CLI::App app;
  cli::add_inspect_data(app);
  std::vector<std::string> words = {"data", path_.string(), "--errors", "1"};
  std::reverse(words.begin(), words.end());
  testing::internal::CaptureStdout();
  const std::string error = message_of<InputError>([&] { app.parse(words); });
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            at(2) + "2 <image> marks but 1 image\n" + path_.string() +
                ": 7 rows: 5 broken, 1 to pre-train on; 2 answers, 1 images, 0 videos\n");
  EXPECT_EQ(error, "5 of 7 rows are broken");
}

}  // namespace
}  // namespace owl3
