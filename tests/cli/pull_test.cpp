// `owl3 pull`, `list` and `remove` against a hub of the tests', and names of models wherever a
// MODEL is wanted.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/scratch_folder.h"
#include "hub/hub_server.h"
#include "hub/scratch_environment.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Pull : public ::testing::Test {
 protected:
  Pull() {
    environment_.set("HF_HUB_CACHE", (folder_ / "hub").string());
    environment_.set("HF_ENDPOINT", server_.address());
    nlohmann::json files;
    for (const auto& entry : fs::directory_iterator(tiny_checkpoint())) {
      files[entry.path().filename().string()] = {{"path", entry.path().string()}};
    }
    model_ = {{kModel, {{"commit", std::string(40, 'a')}, {"files", files}}}};
    server_.set(model_);
  }

  static Outcome pull(const Words& more = {}) {
    Words words = {"pull", "owl3-2b"};
    words.insert(words.end(), more.begin(), more.end());
    return run_owl3(words);
  }
  static void expect_refusal(const Outcome& outcome, int exit_code, const std::string& part) {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  }

  static constexpr const char* kModel = "mPLUG/mPLUG-Owl3-2B-241014";
  ScratchEnvironment environment_;
  ScratchFolder folder_;
  HubServer server_;
  nlohmann::json model_;
};

/// What `owl3 chat owl3-2b` writes to its terminal when that is typed at the question.
std::string chat_on_terminal(const std::string& answer, int& status) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child < 0) return {};
  if (child == 0) {
    ::execl(OWL3_PROGRAM, "owl3", "chat", "owl3-2b", "-t", "1", "-p", "What?", "--max-new-tokens",
            "4", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  std::string shown;
  bool written = false;
  char bytes[4096];
  for (ssize_t count = 0; (count = ::read(terminal, bytes, sizeof bytes)) > 0;) {
    shown.append(bytes, static_cast<size_t>(count));
    if (written || shown.find("[Y/n] ") == std::string::npos) continue;
    written = ::write(terminal, answer.data(), answer.size()) > 0;
  }
  ::close(terminal);
  ::waitpid(child, &status, 0);
  return shown;
}

TEST_F(Pull, FetchesAModelThatEveryCommandKnowsByItsName) {
  const Outcome pulled = pull();
  EXPECT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_EQ(pulled.err, "");
  EXPECT_NE(pulled.out.find("owl3 chat owl3-2b --image photo.jpg"), std::string::npos)
      << pulled.out;
  EXPECT_EQ(run_owl3({"info", "owl3-2b"}).exit_code, 0);
  EXPECT_EQ(run_owl3({"info", kModel}).exit_code, 0);
  EXPECT_EQ(run_owl3({"chat", "2B", "-t", "1", "-p", "What?", "--max-new-tokens", "2"}).exit_code,
            0);
  const std::string out = (folder_ / "small.gguf").string();
  EXPECT_EQ(run_owl3({"convert", "owl3-2b", out, "--type", "q8_0", "-t", "1"}).exit_code, 0);
  EXPECT_NE(pull().out.find("which were here already"), std::string::npos);
}

TEST_F(Pull, ShowsWhatItWouldFetch) {
  const Outcome shown = pull({"--dry-run"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  for (const char* part : {"model.safetensors", "config.json", "to be fetched"}) {
    EXPECT_NE(shown.out.find(part), std::string::npos) << shown.out;
  }
  EXPECT_FALSE(fs::exists(folder_ / "hub"));
}

TEST_F(Pull, ConvertsOnArrival) {
  const Outcome pulled = pull({"--type", "q8_0"});
  EXPECT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_NE(pulled.out.find("owl3 chat owl3-2b:q8_0"), std::string::npos) << pulled.out;
  EXPECT_EQ(run_owl3({"info", "owl3-2b:q8_0"}).exit_code, 0);
  EXPECT_EQ(run_owl3({"remove", "owl3-2b:original"}).exit_code, 0);
  EXPECT_EQ(run_owl3({"info", "2b:q8_0"}).exit_code, 0);
  expect_refusal(run_owl3({"info", "owl3-2b"}), 1, "fetched are owl3-2b:q8_0");
}

TEST_F(Pull, TakesAConversionThatIsHereForEnough) {
  pull({"--type", "q8_0"});
  run_owl3({"remove", "owl3-2b:original"});
  server_.set(model_);
  for (const Words& more : {Words{"--type", "q8_0"}, Words{"--type", "q8_0", "--dry-run"}}) {
    const Outcome again = pull(more);
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_NE(again.out.find("q8_0.gguf: is here"), std::string::npos) << again.out;
  }
  for (const auto& request : server_.log()) EXPECT_FALSE(request.value("cdn", false)) << request;
  environment_.set("HF_HUB_OFFLINE", "1");
  const Outcome offline = run_owl3({"pull", "owl3-2b:q8_0"});
  EXPECT_EQ(offline.exit_code, 0) << offline.err;
  EXPECT_NE(offline.out.find("owl3 chat owl3-2b:q8_0"), std::string::npos) << offline.out;
}

TEST_F(Pull, TellsRevisionsApartWhereTheModelChanged) {
  pull({"--type", "q8_0"});
  model_[kModel]["commit"] = std::string(40, 'b');
  server_.set(model_);
  pull({"--type", "q8_0"});
  const std::string old = "owl3-2b@" + std::string(40, 'a');
  EXPECT_EQ(run_owl3({"list", "--names"}).out, old + "\nowl3-2b\n" + old + ":q8_0\nowl3-2b:q8_0\n");
  EXPECT_EQ(run_owl3({"remove", old}).exit_code, 0);
  EXPECT_EQ(run_owl3({"list", "--names"}).out, "owl3-2b\nowl3-2b:q8_0\n");
  EXPECT_EQ(run_owl3({"info", "owl3-2b"}).exit_code, 0) << "its files were the same";
}

TEST_F(Pull, MendsWhatTheDiskDamaged) {
  pull({"--type", "q8_0"});
  const fs::path cached = folder_ / "hub" / "models--mPLUG--mPLUG-Owl3-2B-241014";
  const std::string commit(40, 'a');
  for (const fs::path& file : {cached / "snapshots" / commit / "model.safetensors",
                               cached / "owl3" / commit / "mPLUG-Owl3-2B-241014-q8_0.gguf"}) {
    std::fstream(file, std::ios::in | std::ios::out).seekp(8) << "damaged, damaged, damaged";
  }
  expect_refusal(run_owl3({"info", "owl3-2b"}), 1, "owl3 pull --verify owl3-2b");
  expect_refusal(run_owl3({"chat", "owl3-2b", "-p", "x"}), 1, "owl3 pull --verify owl3-2b");
  expect_refusal(run_owl3({"info", "owl3-2b:q8_0"}), 1,
                 "owl3 remove owl3-2b:q8_0 && owl3 pull owl3-2b --type q8_0");
  expect_refusal(pull({"--verify", "--type", "q8_0"}), 2, "no checksum");
  const Outcome verified = pull({"--verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_NE(verified.err.find("model.safetensors: is damaged here"), std::string::npos);
  EXPECT_EQ(run_owl3({"info", "owl3-2b"}).exit_code, 0);
  EXPECT_NE(pull({"--verify"}).out.find("are what the hub lists"), std::string::npos);
}

TEST_F(Pull, SaysWhyNoModelsCanBeLookedFor) {
  std::ofstream(folder_ / "file") << "x";
  environment_.set("HF_HUB_CACHE", (folder_ / "file" / "hub").string());
  expect_refusal(run_owl3({"list"}), 1, "Not a directory");
}

TEST_F(Pull, TakesTheAddressThatAMirrorShows) {
  EXPECT_EQ(run_owl3({"pull", server_.address() + "/" + kModel}).exit_code, 0);
  environment_.set("MODELSCOPE_DOMAIN", "no address");
  EXPECT_EQ(pull().exit_code, 0) << "that hub is not asked";
}

TEST_F(Pull, ListsAndRemovesWhatWasFetched) {
  EXPECT_NE(run_owl3({"list"}).out.find("no models yet"), std::string::npos);
  pull({"--type", "q8_0"});
  const std::string lines = run_owl3({"list", "--json"}).out;
  const auto first = nlohmann::json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first.at("name"), "owl3-2b");
  EXPECT_TRUE(fs::exists(first.at("path").get<std::string>()));
  EXPECT_NE(run_owl3({"list"}).out.find("owl3-2b:q8_0"), std::string::npos);
  EXPECT_EQ(run_owl3({"remove", "owl3-2b:q8_0"}).exit_code, 0);
  expect_refusal(run_owl3({"remove", "owl3-2b:q8_0"}), 1, "no conversion to q8_0");
  EXPECT_EQ(run_owl3({"remove", kModel}).exit_code, 0);
  EXPECT_NE(run_owl3({"list"}).out.find("no models yet"), std::string::npos);
  expect_refusal(run_owl3({"remove", "owl3-2b"}), 1, "owl3 list shows them");
  expect_refusal(run_owl3({"remove", tiny_checkpoint()}), 2, "only what was fetched is removed");
}

TEST_F(Pull, IsTheAdviceWhereAModelIsMissing) {
  for (const Words& words :
       {Words{"chat", "owl3-2b", "-p", "x"}, Words{"info", "owl3-2b"}, Words{"bench", "owl3-2b"},
        Words{"convert", "owl3-2b", "x.gguf", "--type", "q8_0"}}) {
    expect_refusal(run_owl3(words), 1, "to fetch it: owl3 pull owl3-2b");
  }
}

TEST_F(Pull, RefusesWhatNamesNoModel) {
  for (const char* name : {"nosuch", "./folder", "a/b/c", "x.gguf", ""}) {
    expect_refusal(run_owl3({"pull", name}), 2, "give a repository");
  }
  expect_refusal(pull({"--revision", "../x"}), 2, "--revision");
  expect_refusal(run_owl3({"pull", ""}), 2, "MODEL is empty");
  expect_refusal(run_owl3({"pull", "owl3-2b@v1.0", "--revision", "main"}), 2, "give one of them");
  expect_refusal(run_owl3({"pull", "owl3-2b:q8_0", "--type", "q4_k"}), 2, "give one of them");
  expect_refusal(pull({"--dir", ""}), 2, "--dir: is empty");
  for (const Words& words : {Words{"pull", "me/x:q5"}, Words{"remove", "2b:q5"}}) {
    expect_refusal(run_owl3(words), 2, "there are bf16, q8_0, q6_k, q4_k, q4_0");
  }
  for (const Words& words : {Words{"convert", "2b:q5", "x.gguf", "--type", "q8_0"},
                             Words{"chat", "2b:q5", "-p", "x"}, Words{"info", "2b:q5"}}) {
    expect_refusal(run_owl3(words), 1, "there are bf16, q8_0, q6_k, q4_k, q4_0");
  }
  expect_refusal(run_owl3({"pull", "me/nothing"}), 1, "no such model");
}

TEST_F(Pull, AsksNobodyWhereItIsOffline) {
  environment_.set("HF_HUB_OFFLINE", "1");
  expect_refusal(pull(), 1, "HF_HUB_OFFLINE");
  EXPECT_EQ(server_.log().size(), 0U);
  environment_.set("HF_HUB_OFFLINE", "0");
  pull();
  environment_.set("HF_HUB_OFFLINE", "1");
  EXPECT_EQ(pull().exit_code, 0);
}

TEST_F(Pull, GoesOnAfterCtrlC) {
  server_.set(model_, {{"bytesPerSecond", 300000}});
  const fs::path blobs = folder_ / "hub" / "models--mPLUG--mPLUG-Owl3-2B-241014" / "blobs";
  const auto some_arrived = [&] {
    uint64_t parts = 0, whole = 0;
    std::error_code error;
    for (const auto& blob : fs::directory_iterator(blobs, error))
      ++(blob.path().extension() == ".owl3-part" ? parts : whole);
    return parts > 0 && whole > 0;
  };
  const Outcome interrupted =
      run_owl3({"pull", "owl3-2b"}, {.signal_when = some_arrived, .signals = {SIGINT}});
  EXPECT_EQ(interrupted.exit_code, 130) << interrupted.err;
  EXPECT_NE(interrupted.err.find("this goes on with it: owl3 pull owl3-2b"), std::string::npos)
      << interrupted.err;
  EXPECT_NE(run_owl3({"list"}).out.find("incomplete; owl3 pull owl3-2b goes on"),
            std::string::npos);
  expect_refusal(run_owl3({"info", "owl3-2b"}), 1, "not all of this model is on this machine yet");
  server_.set(model_);
  EXPECT_EQ(pull().exit_code, 0);
  EXPECT_EQ(run_owl3({"info", "owl3-2b"}).exit_code, 0);
}

TEST_F(Pull, IsOfferedByChatOnATerminal) {
  int status = 0;
  const std::string refused = chat_on_terminal("n\n", status);
  if (refused.empty()) GTEST_SKIP() << "no terminals here";
  EXPECT_NE(refused.find("Fetch it from " + server_.address().substr(7) + " ("), std::string::npos)
      << refused;
  EXPECT_EQ(WEXITSTATUS(status), 1) << refused;
  EXPECT_NE(refused.find("to fetch it: owl3 pull owl3-2b"), std::string::npos) << refused;
  const std::string taken = chat_on_terminal("\n", status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << taken;
  EXPECT_EQ(run_owl3({"info", "owl3-2b"}).exit_code, 0);
}

}  // namespace

}  // namespace owl3::test
