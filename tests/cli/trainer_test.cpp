// The commands that owl3 hands to the programs owl3-train and owl3-draw.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "run_program.h"

namespace owl3::test {
namespace {

namespace fs = std::filesystem;

TEST(OtherPrograms, AreMissedInOneLineWhereOwl3StandsAlone) {
  const fs::path alone = scratch_folder() / "alone";
  fs::create_directories(alone);
  fs::copy_file(OWL3_PROGRAM, alone / "owl3", fs::copy_options::overwrite_existing);
  const auto refusal = [&](const std::vector<std::string>& command) {
    const Outcome outcome = run_owl3(command, {.program = (alone / "owl3").string()});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    return outcome.err;
  };
  for (const auto& command : {std::vector<std::string>{"train", "recipe.yaml"},
                              std::vector<std::string>{"inspect", "train", "folder", "--json"}}) {
    const std::string line = refusal(command);
    EXPECT_NE(line.find((alone / "owl3-train").string()), std::string::npos) << line;
    EXPECT_NE(line.find("LibTorch"), std::string::npos) << line;
  }
  for (const auto& command : {std::vector<std::string>{"plot", "runs/stage1"},
                              std::vector<std::string>{"make-data", "out"}}) {
    const std::string line = refusal(command);
    EXPECT_NE(line.find((alone / "owl3-draw").string()), std::string::npos) << line;
    EXPECT_NE(line.find("cmake --install build/release --prefix"), std::string::npos) << line;
  }
}

TEST(OtherPrograms, AreMissedWithTheCommandsThatBuildThem) {
  const fs::path build = scratch_folder() / "built";
  fs::create_directories(build);
  fs::copy_file(OWL3_PROGRAM, build / "owl3", fs::copy_options::overwrite_existing);
  const auto refusal = [&](const std::string& settings, const char* command) {
    std::ofstream(build / "CMakeCache.txt") << "CMAKE_HOME_DIRECTORY:INTERNAL=/src\n" << settings;
    const Outcome outcome = run_owl3({command, "--help"}, {.program = (build / "owl3").string()});
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    return outcome.err;
  };
  const std::string folder = "'" + build.string() + "'";
  const std::string draw = refusal("", "plot");
  EXPECT_NE(draw.find("not built yet: cmake --build " + folder + " --target owl3-draw"),
            std::string::npos)
      << draw;
  const std::string train = "cmake --build " + folder + " --target owl3-train";
  const std::string found = refusal("Torch_DIR:PATH=/usr/share/cmake/Torch\n", "train");
  EXPECT_NE(found.find("not built yet: " + train), std::string::npos) << found;
  for (const char* settings : {"", "Torch_DIR:PATH=Torch_DIR-NOTFOUND\n"}) {
    const std::string missing = refusal(settings, "train");
    EXPECT_NE(missing.find("'/src/scripts/setup.sh' --train && cmake " + folder + " && " + train),
              std::string::npos)
        << missing;
  }
  const std::string off =
      refusal("OWL3_TRAIN:STRING=OFF\nTorch_DIR:PATH=/usr/share/cmake/Torch\n", "train");
  EXPECT_NE(off.find(" -DOWL3_TRAIN=AUTO && "), std::string::npos) << off;
}

TEST(OtherPrograms, AreFoundThroughALinkToOwl3) {
  const fs::path link = scratch_folder() / "link-to-owl3";
  fs::create_symlink(OWL3_PROGRAM, link);
  const Outcome outcome = run_owl3({"plot", "--help"}, {.program = link.string()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Usage: owl3 plot RUN"), std::string::npos) << outcome.out;
}

#ifdef OWL3_HAS_TRAINER

std::string golden(const std::string& name) {
  return std::string(OWL3_TEST_DATA) + "/train/" + name;
}

TEST(InspectTrain, PrintsWhatAgreesWithTheGolden) {
  const Outcome table = run_owl3({"inspect", "train", golden("gated-untied-stage1")});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("step 5"), std::string::npos);
  EXPECT_NE(table.out.find("vision2text_model.bias"), std::string::npos);
  EXPECT_EQ(table.out.find("FAILED"), std::string::npos) << table.out;

  const Outcome json = run_owl3({"inspect", "train", golden("gated-untied-stage1"), "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report.at("passed"), true);
  EXPECT_EQ(report.at("losses").size(), 6u);
}

TEST(InspectTrain, FailsOnAnotherModel) {
  const std::string other = std::string(OWL3_TEST_DATA) + "/model/gated-tied";
  const Outcome outcome =
      run_owl3({"inspect", "train", golden("gated-untied-stage1"), "--model", other});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
}

/// The trainer with two threads and so much address space.
Outcome run_in_kilobytes(int kilobytes) {
  const std::string command = "ulimit -v " + std::to_string(kilobytes) +
                              "; OMP_NUM_THREADS=2 exec timeout 60 " OWL3_PROGRAM
                              " inspect train " +
                              golden("gated-untied-stage1");
  return run_owl3({"-c", command}, {.program = "/bin/sh"});
}

TEST(Trainer, EndsWhereItsArithmeticHasNoRoom) {
  int told = 0;
  // Where libraries stop to fit and arithmetic begins to, depends on their versions.
  for (const int kilobytes : {500'000, 600'000, 650'000, 700'000, 750'000, 800'000, 1'000'000}) {
    const Outcome outcome = run_in_kilobytes(kilobytes);
    // 127: there was no room even for the libraries. Never 124, of one that had to be ended.
    EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 1 || outcome.exit_code == 127)
        << kilobytes << ": " << outcome.exit_code << " " << outcome.err;
    told += outcome.err.find("not enough memory") != std::string::npos;
  }
  EXPECT_GT(told, 0);
}

TEST(Trainer, LeadsFromDataToTheRecipeTheyBelongIn) {
  const Outcome outcome = run_owl3({"train", "mine.jsonl"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("owl3 train recipes/small.yaml --set data=mine.jsonl"),
            std::string::npos)
      << outcome.err;
}

TEST(Trainer, SaysWhatIsNoRecipeAndWhatTheCommandLineSaysWrongly) {
  const Outcome picture = run_owl3({"train", OWL3_SOURCE_DIR "/demo/sign.png"});
  EXPECT_EQ(picture.exit_code, 1);
  EXPECT_NE(picture.err.find("sign.png: this is no text; a recipe is"), std::string::npos)
      << picture.err;
  for (const char* assignment : {"steps=abc", "modl=owlet"}) {
    std::vector<std::string> words = {"train", OWL3_SOURCE_DIR "/recipes/small.yaml", "--set",
                                      assignment};
    if (assignment[0] == 's') words.insert(words.end(), {"--set", "model=m", "--set", "data=d"});
    const Outcome wrong = run_owl3(words);
    EXPECT_EQ(wrong.exit_code, 2) << wrong.err;
    EXPECT_NE(wrong.err.find(std::string("--set ") + assignment), std::string::npos) << wrong.err;
  }
}

TEST(InspectTrain, ExplainsItselfAndRefusesWhatIsNoGolden) {
  const Outcome help = run_owl3({"inspect", "train", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("--model"), std::string::npos) << help.out;
  EXPECT_EQ(run_owl3({"inspect", "train"}).exit_code, 2);
  const Outcome nothing = run_owl3({"inspect", "train", "/nonexistent"});
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_TRUE(is_one_line(nothing.err)) << nothing.err;
}

#endif

}  // namespace
}  // namespace owl3::test
