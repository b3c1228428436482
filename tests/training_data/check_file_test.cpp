#include "data/check_file.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/inspect.h"
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
    EXPECT_EQ(report.broken, 4);
    EXPECT_EQ(report.documents, 1);
    EXPECT_EQ(report.answers, 3);
    EXPECT_EQ(report.images, 1);
    EXPECT_EQ(report.videos, 1);
    ASSERT_EQ(report.errors.size(), 4u);
    EXPECT_EQ(report.errors[0], at(2) + "2 <image> marks but 1 image");
    EXPECT_EQ(report.errors[1], at(4) + "images[0]: " + (folder_ / "none.png").string() +
                                    ": No such file or directory");
    EXPECT_EQ(report.errors[2], at(5) + "not valid JSON at byte 2");
    EXPECT_TRUE(report.errors[3].starts_with(at(6) + "images[0]: ")) << report.errors[3];
    options.most_errors = 1;
    EXPECT_EQ(check_training_file(path_, options).errors.size(), 1u);
  }
}

TEST_F(CheckFileTest, LeavesMediaAloneWhenAsked) {
  CheckOptions options;
  options.look_at_media = false;
  EXPECT_EQ(check_training_file(path_, options).broken, 2);
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
                ": 7 rows: 4 broken, 1 to pre-train on; 3 answers, 1 images, 1 videos\n");
  EXPECT_EQ(error, "4 of 7 rows are broken");
}

}  // namespace
}  // namespace owl3
