// What the program loads, and when.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
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
class StackLimit {
 public:
  explicit StackLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_STACK, &before_);
    const struct rlimit small = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_STACK, &small);
  }
  ~StackLimit() { ::setrlimit(RLIMIT_STACK, &before_); }
  StackLimit(const StackLimit&) = delete;
  StackLimit& operator=(const StackLimit&) = delete;

 private:
  struct rlimit before_ {};
};

TEST(StartUp, NeedsLittleStack) {
  const StackLimit limit(64 * 1024);
  EXPECT_EQ(run_owl3({"--version"}).exit_code, 0);
  const Outcome outcome = run_owl3(
      {"chat", tiny_checkpoint(), "--image", kPhoto, "-p", "What?", "--max-new-tokens", "1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(run_owl3({"chat", tiny_checkpoint(), "-p", "-", "--max-new-tokens", "1"},
                     {.input = "What?\n"})
                .exit_code,
            0);
}

}  // namespace
}  // namespace owl3::test
