// What the program loads, and when.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "run_program.h"

namespace owl3::test {
namespace {

/// The large libraries, of films, rarer pictures and drawing, that a run of the program loads.
std::string large_libraries(const std::vector<std::string>& arguments) {
  ::setenv("LD_DEBUG", "files", 1);
  const Outcome outcome = run_owl3(arguments);
  ::unsetenv("LD_DEBUG");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err.substr(0, 1000);
  EXPECT_NE(outcome.err.find("calling init"), std::string::npos) << "the loader tells nothing";
  std::string found;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("calling init") == std::string::npos) continue;
    for (const char* name : {"libav", "libswscale", "libjxl", "libtiff", "libcairo", "libx265"}) {
      if (line.find(name) != std::string::npos) found += line + "\n";
    }
  }
  return found;
}

const std::string kPhoto = OWL3_TEST_DATA "/images/08-RGB-200x150.jpg";
const std::string kFilm = OWL3_TEST_DATA "/media/h264-bframes.mp4";

TEST(StartUp, LoadsNoDecoderThatIsNotNeeded) {
  EXPECT_EQ(large_libraries({"--version"}), "");
  EXPECT_EQ(large_libraries({"chat", "--help"}), "");
  EXPECT_EQ(large_libraries({"chat", tiny_checkpoint(), "--image", kPhoto, "-p", "What?",
                             "--max-new-tokens", "1"}),
            "");
}

TEST(StartUp, LoadsFfmpegForAFilm) {
  const std::string loaded = large_libraries(
      {"chat", tiny_checkpoint(), "--video", kFilm, "-p", "What?", "--max-new-tokens", "1"});
  EXPECT_NE(loaded.find("libavcodec"), std::string::npos) << loaded;
}

/// Of what this process starts.
class Limit {
 public:
  Limit(decltype(RLIMIT_STACK) resource, rlim_t bytes) : resource_(resource) {
    ::getrlimit(resource_, &before_);
    const struct rlimit small = {bytes, before_.rlim_max};
    ::setrlimit(resource_, &small);
  }
  ~Limit() { ::setrlimit(resource_, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  decltype(RLIMIT_STACK) resource_;
  struct rlimit before_ {};
};

TEST(StartUp, NeedsLittleStack) {
  const Limit limit(RLIMIT_STACK, 64 * 1024);
  EXPECT_EQ(run_owl3({"--version"}).exit_code, 0);
  const Outcome outcome = run_owl3(
      {"chat", tiny_checkpoint(), "--image", kPhoto, "-p", "What?", "--max-new-tokens", "1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(run_owl3({"chat", tiny_checkpoint(), "-p", "-", "--max-new-tokens", "1"},
                     {.input = "What?\n"})
                .exit_code,
            0);
}

TEST(StartUp, AFileThatMayNotGrowIsAnErrorInALineThatLeavesNothing) {
  const std::string model = tiny_checkpoint();
  const std::filesystem::path folder = scratch_folder() / "small_files";
  std::filesystem::create_directory(folder);
  const std::string metrics = (scratch_folder() / "small_files.jsonl").string();
  std::ofstream(metrics) << R"({"step":1,"loss":2})"
                         << "\n"
                         << R"({"step":2,"loss":1})"
                         << "\n";
  const auto in_folder = [&](const char* name) { return (folder / name).string(); };
  const std::vector<std::vector<std::string>> commands = {
      {"convert", model, in_folder("y.gguf"), "--type", "q8_0"},
      {"make-checkpoint", "--like", "tiny", in_folder("tiny")},
      {"index", model, kPhoto, "-o", in_folder("a.owlmem")},
      {"chat", model, "--image", kPhoto, "-p", "What?", "--max-new-tokens", "1", "--evidence",
       in_folder("e.html")},
      {"plot", metrics, "--metric", "loss", "-o", in_folder("p.svg")},
      {"make-data", in_folder("data"), "--kind", "single=100", "--pictures", "100"}};
  for (const auto& words : commands) {
    Outcome outcome;
    {
      const Limit limit(RLIMIT_FSIZE, 1000);
      outcome = run_owl3(words);
    }
    EXPECT_EQ(outcome.exit_code, 1) << words[0] << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << words[0] << outcome.err;
    EXPECT_NE(outcome.err.find("cannot be written: "), std::string::npos) << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(folder)) << words[0];
  }
  const Limit limit(RLIMIT_FSIZE, 1000);
  for (const char* command : {"man", "completions"}) {  // which other programs tell about
    std::vector<std::string> words = {command};
    if (words[0] == "completions") words.emplace_back("bash");
    const Outcome outcome = run_owl3(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const std::string into = (scratch_folder() / "small_output").string();
    std::ofstream(into).close();
    const Outcome redirected = run_owl3(words, {.out_file = into});
    EXPECT_EQ(redirected.exit_code, 1) << command;
    EXPECT_EQ(redirected.err, "owl3: standard output: File too large\n");
  }
}

}  // namespace
}  // namespace owl3::test
