// What a run writes on the way: whole or not at all, and never worth the run.
#include "core/append_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "runs/run_output.h"

namespace owl3 {
namespace {

TEST(AppendFile, GoesOnAfterWhatIsThere) {
  const ScratchFolder folder;
  AppendFile(folder / "a", AppendFile::Begin::kNew).append("one\n");
  AppendFile(folder / "a", AppendFile::Begin::kGoingOn).append("two\n");
  EXPECT_EQ(read_text(folder / "a"), "one\ntwo\n");
  EXPECT_THROW(AppendFile(folder / "a", AppendFile::Begin::kNew), InputError);
}

TEST(AppendFile, AFullDiskIsAnError) {
  AppendFile full("/dev/full", AppendFile::Begin::kGoingOn);
  EXPECT_NE(message_of<InputError>([&] { full.append("line\n"); }).find("No space left"),
            std::string::npos);
}

TEST(RunOutput, MetricsThatCannotBeWrittenAreToldOnceAndRemembered) {
  const ScratchFolder folder;
  std::filesystem::create_symlink("/dev/full", folder / "metrics.jsonl");
  testing::internal::CaptureStderr();
  RunOutput output(folder.path(), true, /*resume=*/true, {});
  output.begin(0, nlohmann::ordered_json::object());
  for (int step = 1; step <= 3; ++step) output.write(step, {{"loss", 1}});
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  EXPECT_NE(told.find("No space left"), std::string::npos) << told;
  EXPECT_NE(output.failures().summary().find("writing metrics failed (3 times)"), std::string::npos)
      << output.failures().summary();
}

TEST(Failures, WorkThatThrowsAnythingIsHeld) {
  std::vector<std::string> told;
  Failures failures([&](const std::string& line) { told.push_back(line); });
  EXPECT_TRUE(failures.attempt("well", [] {}));
  EXPECT_EQ(failures.summary(), "");
  EXPECT_FALSE(failures.attempt("validation", [] { throw std::runtime_error("no"); }));
  EXPECT_FALSE(failures.attempt("saving", [] { throw InputError("full"); }));
  EXPECT_EQ(failures.summary(), "validation failed: no; saving failed: full");
  EXPECT_EQ(told.size(), 2U);
}

}  // namespace
}  // namespace owl3
