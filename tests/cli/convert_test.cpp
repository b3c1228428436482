// `owl3 convert` through the program, and its files wherever a MODEL is wanted.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string scratch(const std::string& name) {
  return (scratch_folder() / name).string();
}

Outcome convert(const std::string& model, const std::string& out, const Words& more) {
  Words words = {"convert", model, out, "-t", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return run_owl3(words);
}

/// The tiny checkpoint as a file of that type, made once.
std::string tiny_gguf(const std::string& type) {
  const std::string path = scratch("tiny-" + type + ".gguf");
  if (!fs::exists(path)) {
    const Outcome made = convert(tiny_checkpoint(), path, {"--type", type});
    if (made.exit_code != 0) throw std::runtime_error("convert: " + made.err);
  }
  return path;
}

void expect_refusal(const Outcome& outcome, int exit_code, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

size_t files_in(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Convert, NamesTheTypeThatIsSmallerWhereRowsAreTooShort) {
  const Outcome wide = convert(tiny_checkpoint(), scratch("short-rows.gguf"), {"--type", "q4_k"});
  EXPECT_EQ(wide.exit_code, 0) << wide.err;
  EXPECT_NE(wide.err.find("--type q4_0 makes "), std::string::npos) << wide.err;
  const Outcome narrow =
      convert(tiny_checkpoint(), scratch("short-rows-q4_0.gguf"), {"--type", "q4_0"});
  EXPECT_EQ(narrow.err, "");
  EXPECT_LT(fs::file_size(scratch("short-rows-q4_0.gguf")),
            fs::file_size(scratch("short-rows.gguf")));
}

TEST(Convert, TellsWhatItWrote) {
  const std::string out = scratch("told.gguf");
  const Outcome outcome =
      convert(tiny_checkpoint(), out, {"--type", "q4_0", "--keep", "*.v_proj.weight=f16"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const char* part : {"told.gguf: ", "f32 ", "f16 ", "q4_0 ", "bf16 instead of q8_0"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << outcome.out;
  }
}

TEST(Convert, MakesFilesThatAnswerAsTheFolderDoes) {
  const Words question = {"-p",
                          "What is this?",
                          "--greedy",
                          "--max-new-tokens",
                          "8",
                          "-t",
                          "1",
                          "--image",
                          OWL3_TEST_DATA "/images/08-RGB-200x150.jpg",
                          "--no-cut"};
  const auto ask = [&](const std::string& model) {
    Words words = {"chat", model};
    words.insert(words.end(), question.begin(), question.end());
    return run_owl3(words);
  };
  const Outcome folder = ask(tiny_checkpoint());
  EXPECT_EQ(folder.exit_code, 0) << folder.err;
  EXPECT_EQ(ask(tiny_gguf("bf16")).out, folder.out);
  for (const char* type : {"q8_0", "q6_k", "q4_k", "q4_0"}) {
    const Outcome outcome = ask(tiny_gguf(type));
    EXPECT_EQ(outcome.exit_code, 0) << type << outcome.err;
  }
}

TEST(Convert, MakesFilesThatInfoExplains) {
  const Outcome outcome = run_owl3({"info", tiny_gguf("q4_0"), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto info = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(info["model"], tiny_gguf("q4_0"));
  EXPECT_EQ(info["weights"]["files"], 1);
  EXPECT_TRUE(info["weights"]["dtypes"].contains("q4_0")) << outcome.out;
  EXPECT_LT(info["weights"]["bytes"].get<size_t>(), fs::file_size(tiny_gguf("q4_0")));
  EXPECT_GT(info["weights"]["bytes"].get<size_t>(), fs::file_size(tiny_gguf("q4_0")) / 2);
  const auto source = nlohmann::json::parse(run_owl3({"info", tiny_checkpoint(), "--json"}).out);
  EXPECT_EQ(info["parameters"]["total"], source["parameters"]["total"]);
  EXPECT_EQ(info["generation"], source["generation"]);
}

TEST(Convert, ReadsItsOwnFiles) {
  const std::string out = scratch("again.gguf");
  EXPECT_EQ(convert(tiny_gguf("bf16"), out, {"--type", "q8_0"}).exit_code, 0);
  EXPECT_EQ(fs::file_size(out), fs::file_size(tiny_gguf("q8_0")));
}

TEST(Convert, FilesStandForTheCheckpointInInspectGolden) {
  const std::string golden = OWL3_TEST_DATA "/model/unified";
  const std::string out = scratch("unified.gguf");
  const Outcome made = convert(golden, out, {"--type", "q8_0"});
  EXPECT_EQ(made.exit_code, 0);
  EXPECT_NE(made.err.find("no tokenizer.json"), std::string::npos) << made.err;
  Words words = {"inspect", "golden", golden, "--model", out, "--no-splits", "-t", "1"};
  const Outcome good = run_owl3(words);
  EXPECT_EQ(good.exit_code, 0) << good.err << good.out;
  EXPECT_NE(good.out.find("likeliest token"), std::string::npos) << good.out;
  words.insert(words.end(), {"--min-cosine", "0.99999"});
  const Outcome strict = run_owl3(words);
  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_NE(strict.err.find("unified.gguf: out of tolerance"), std::string::npos) << strict.err;
  // A file without a tokenizer cannot chat, and one of another model is no golden's.
  expect_refusal(run_owl3({"chat", out, "-p", "x"}), 1, "no tokenizer.json in it");
  EXPECT_EQ(run_owl3({"inspect", "golden", golden, "--model", tiny_gguf("q8_0")}).exit_code, 1);
}

TEST(Convert, RefusesWrongUsage) {
  const std::string model = tiny_checkpoint();
  const std::string out = scratch("never.gguf");
  expect_refusal(convert(model, out, {}), 2, "--type");
  expect_refusal(convert(model, out, {"--type", "q5_k"}), 2, "q5_k");
  expect_refusal(convert(model, out, {"--type", "q8_0", "--vision", "q4_0"}), 2, "--vision");
  const auto keep = [&](const std::string& rule) {
    return convert(model, out, {"--type", "q8_0", "--keep", rule});
  };
  expect_refusal(keep("*.weight"), 2, "PATTERN=TYPE");
  expect_refusal(keep("=q8_0"), 2, "PATTERN=TYPE");
  expect_refusal(keep("*.weight=q9"), 2, "q9 is no type");
  expect_refusal(keep("nothing.*=f32"), 2, "matches no tensor");
  expect_refusal(keep("*.bias=q4_0"), 2, "only vectors");
  expect_refusal(run_owl3({"convert", model, "--type", "q8_0"}), 2, "OUT");
  EXPECT_FALSE(fs::exists(out));
}

TEST(Convert, RefusesInputsThatAreNone) {
  const std::string out = scratch("never.gguf");
  expect_refusal(convert("/no/such/model", out, {"--type", "q8_0"}), 1, "/no/such/model");
  expect_refusal(convert(OWL3_TEST_DATA "/images/08-RGB-200x150.jpg", out, {"--type", "q8_0"}), 1,
                 "neither a model folder nor a GGUF file");
  EXPECT_FALSE(fs::exists(out));
}

TEST(Convert, ReplacesOnlyWhatItMayReplace) {
  const std::string model = tiny_checkpoint();
  const std::string out = scratch("replaced.gguf");
  const Words type = {"--type", "q8_0"};
  const Words force = {"--type", "q8_0", "--force"};
  EXPECT_EQ(convert(model, out, {"--type", "bf16"}).exit_code, 0);
  const auto size = fs::file_size(out);
  expect_refusal(convert(model, out, type), 1, "exists; --force replaces it");
  EXPECT_EQ(fs::file_size(out), size);
  EXPECT_EQ(convert(model, out, force).exit_code, 0);
  EXPECT_LT(fs::file_size(out), size);
  EXPECT_EQ(convert(out, out, force).exit_code, 0) << "of itself";

  std::ofstream(scratch("letter.txt")) << "Dear owl,\n";
  expect_refusal(convert(model, scratch("letter.txt"), force), 1, "not a GGUF file");
  expect_refusal(convert(model, scratch_folder().string(), force), 1, "not a GGUF file");
  EXPECT_EQ(fs::file_size(scratch("letter.txt")), 10u);
}

TEST(Convert, NamesAFolderThatIsNotThere) {
  const Words type = {"--type", "q8_0"};
  expect_refusal(convert(tiny_checkpoint(), scratch("no/such/x.gguf"), type), 1, "x.gguf");
}

TEST(Convert, LeavesNothingWhereItCannotWrite) {
  const std::string model = tiny_checkpoint();
  if (::geteuid() == 0) GTEST_SKIP() << "root writes anywhere";
  const fs::path folder = scratch_folder() / "locked";
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
  expect_refusal(convert(model, (folder / "x.gguf").string(), {"--type", "q8_0"}), 1, "x.gguf");
  EXPECT_EQ(files_in(folder), 0u);
  fs::permissions(folder, fs::perms::owner_all);
}

TEST(Convert, BrokenFilesAreNamedByWhoeverReadsThem) {
  std::ifstream file(tiny_gguf("q8_0"), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string broken = scratch("broken.gguf");
  for (const size_t size : {size_t{0}, size_t{3}, size_t{20}, size_t{1000}, whole.size() / 2}) {
    std::ofstream(broken, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    for (const Words& words :
         {Words{"chat", broken, "-p", "x"}, Words{"info", broken}, Words{"bench", broken},
          Words{"convert", broken, scratch("n.gguf"), "--type", "q4_0"}}) {
      expect_refusal(run_owl3(words), 1, "broken.gguf: ");
    }
  }
}

}  // namespace

}  // namespace owl3::test
