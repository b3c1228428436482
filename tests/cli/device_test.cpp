// --device: what is said of devices that are none or can't be reached, and the model on LibTorch's
// CPU, where the plug-in is built.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

const std::string kDemo = OWL3_SOURCE_DIR "/demo/";
const std::string kGolden = OWL3_TEST_DATA "/model/unified";

Outcome ask_on(const std::string& device, const RunOptions& options = {}) {
  return run_owl3({"chat", "owlet", "--device", device, "--image", kDemo + "crab.jpg", "-p",
                   "What is this?", "-t", "1"},
                  options);
}

TEST(Device, IsOneThatOwl3Knows) {
  for (const char* name : {"gpu", "torch", "torch:", "cuda:", "cuda:x", "cuda:01", "cuda:100",
                           "torch:cpu:1", "CUDA", "gpu,memory=1G"}) {
    const Outcome outcome = ask_on(name);
    EXPECT_EQ(outcome.exit_code, 2) << name;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(std::string("device ") + name + ": is none of cpu, cuda, cuda:N"),
              std::string::npos)
        << outcome.err;
  }
  EXPECT_EQ(ask_on("cpu").out, "This is a crab.\n");
}

TEST(Device, OfTheCpuTakesNoSettings) {
  const Outcome outcome = ask_on("cpu,memory=2G");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find("device cpu,memory=2G: the CPU takes no settings"), std::string::npos)
      << outcome.err;
}

TEST(Device, ThatIsNoneIsToldOfBeforeAnythingIsPrinted) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"bench", "owlet", "--device", "gpu"},
        {"info", "owlet", "--device", "gpu"},
        {"chat", "owlet", "-p", "What?", "--device", ""}}) {
    const Outcome outcome = run_owl3(command);
    EXPECT_EQ(outcome.exit_code, 2) << command.front();
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find("device"), std::string::npos) << outcome.err;
  }
}

/// The program alone in a folder, as one that was copied by hand.
class LonelyProgram : public testing::Test {
 protected:
  LonelyProgram() {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    fs::copy_file(OWL3_PROGRAM, folder_ / "owl3");
  }
  ~LonelyProgram() override { fs::remove_all(folder_); }

  Outcome ask() const { return ask_on("cuda", {.program = folder_ / "owl3"}); }

  fs::path folder_ = scratch_folder() / "lonely";
};

TEST_F(LonelyProgram, SaysWhereItLookedForThePlugIn) {
  // The program of a build looks into the build's folder, too.
  if (fs::exists(fs::path(OWL3_PROGRAM).parent_path() / "libowl3_torch.so")) {
    std::ofstream(folder_ / "libowl3_torch.so") << "no library";
    const Outcome outcome = ask();
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(
        outcome.err.find("device cuda: is reached by libowl3_torch.so, which can't be loaded: "),
        std::string::npos)
        << outcome.err;
    return;
  }
  const Outcome outcome = ask();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(folder_.string()), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("docs/gpu.md"), std::string::npos) << outcome.err;
}

#ifdef OWL3_HAS_TORCH_PLUGIN

// Its answers may differ in the end.
TEST(TorchDevice, IsNotWhereARunOfTheCpusGoesOn) {
  const std::string out = (scratch_folder() / "device.jsonl").string();
  const std::vector<std::string> batch = {
      "batch", "owlet", "--each", kDemo + "crab.jpg", "-p", "What?", "--greedy", "-o", out};
  ASSERT_EQ(run_owl3(batch).exit_code, 0);
  for (const auto& [device, exit_code] :
       {std::pair{"torch:cpu", 1}, std::pair{"torch:cpu,memory=1M", 1},
        std::pair{"torch:cpu,graphs=off", 1}, std::pair{"cpu", 0}}) {
    std::vector<std::string> again = batch;
    again.insert(again.end(), {"--resume", "--device", device});
    const Outcome outcome = run_owl3(again);
    EXPECT_EQ(outcome.exit_code, exit_code) << device << ": " << outcome.err;
    EXPECT_EQ(outcome.err.find("device") != std::string::npos, exit_code != 0) << outcome.err;
  }
}

TEST(TorchDevice, IsNotThereWithoutACard) {
  const Outcome outcome = ask_on("cuda:99");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find("device cuda:99: is not there: LibTorch "), std::string::npos)
      << outcome.err;
}

TEST(TorchDevice, AnswersTheDemosQuestionsAsTheCpuDoes) {
  const auto answers = [](const std::string& device, const std::string& precision) {
    const Outcome outcome = run_owl3({"chat", "owlet", "--device", device, "--precision", precision,
                                      "--image", kDemo + "album", "-t", "2"},
                                     {.input = "What is in image 20?\n"
                                               "And image 16?\n"
                                               "Which image shows a drop?\n"
                                               "Which image shows the word no?\n"
                                               "What colour is the ground behind the rose?\n"
                                               "And behind the mushroom?\n"
                                               "Do image 3 and image 4 show the same?\n"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  };
  const std::string here = answers("cpu", "bf16");
  EXPECT_NE(here.find("The image with the drop is 17."), std::string::npos) << here;
  EXPECT_EQ(answers("torch:cpu", "bf16"), here);
  EXPECT_EQ(answers("torch:cpu", "float32"), here);
}

TEST(TorchDevice, ReadsMemoryFilesOfTheCpuAndTheOtherWay) {
  const std::string file = scratch_folder() / "device.owlmem";
  for (const std::string writer : {"cpu", "torch:cpu"}) {
    fs::remove(file);
    const Outcome indexed = run_owl3(
        {"index", "owlet", kDemo + "crab.jpg", "--out", file, "--device", writer, "-t", "1"});
    ASSERT_EQ(indexed.exit_code, 0) << indexed.err;
    for (const std::string reader : {"cpu", "torch:cpu"}) {
      const Outcome asked = run_owl3({"chat", "owlet", "--memory", file, "--device", reader, "-p",
                                      "What is this?", "-t", "1"});
      EXPECT_EQ(asked.exit_code, 0) << asked.err;
      EXPECT_EQ(asked.out, "This is a crab.\n") << writer << " to " << reader;
    }
  }
}

TEST(TorchDevice, IsHeldToGoldensAndMeasured) {
  const Outcome golden =
      run_owl3({"inspect", "golden", kGolden, "--device", "torch:cpu", "--no-splits", "-t", "1"});
  EXPECT_EQ(golden.exit_code, 0) << golden.out << golden.err;
  const Outcome evidence = run_owl3({"inspect", "evidence", OWL3_TEST_DATA "/evidence/unified",
                                     "--device", "torch:cpu", "--no-splits", "-t", "1"});
  EXPECT_EQ(evidence.exit_code, 0) << evidence.out << evidence.err;
  const Outcome info = run_owl3({"info", "owlet", "--device", "torch:cpu"});
  EXPECT_NE(info.out.find("LibTorch "), std::string::npos) << info.out << info.err;
  const Outcome bench = run_owl3({"bench", tiny_checkpoint(), "--device", "torch:cpu", "--json",
                                  "-r", "1", "--decode", "2", "--prefill", "8", "--images", "2"});
  EXPECT_EQ(bench.exit_code, 0) << bench.err;
  EXPECT_NE(bench.out.find("\"device\": \"LibTorch "), std::string::npos) << bench.out;
  EXPECT_NE(bench.out.find("\"peak_fraction\": null"), std::string::npos) << bench.out;
}

#endif

}  // namespace

}  // namespace owl3::test
