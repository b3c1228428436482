// owl3 chat on a terminal: what is typed, pasted and interrupted, in windows that change.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run_program.h"

namespace owl3::test {

namespace {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

/// `owl3 chat tiny` on a terminal of 60 columns.
class Terminal {
 public:
  explicit Terminal(const Words& more) {
    const std::string model = tiny_checkpoint();
    Words words = {"owl3", "chat", model, "-t", "1"};
    words.insert(words.end(), more.begin(), more.end());
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 60;
    child_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ != 0) return;
    ::setenv("TERM", "xterm", 1);
    ::setenv("XDG_STATE_HOME", scratch_folder().c_str(), 1);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(OWL3_PROGRAM, argv.data());
    ::_exit(127);
  }
  ~Terminal() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    if (terminal_ >= 0) ::close(terminal_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Whether there are terminals to be had here.
  bool works() const { return child_ > 0; }

  void send(const std::string& keys) {
    [[maybe_unused]] const ssize_t count = ::write(terminal_, keys.data(), keys.size());
  }

  void resize(unsigned short columns) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = columns;
    ::ioctl(terminal_, TIOCSWINSZ, &size);
  }

  /// Reads until this is shown behind what was waited for before.
  bool shows(const std::string& text) {
    const auto limit = Clock::now() + std::chrono::seconds(20);
    for (;;) {
      const size_t at = shown_.find(text, seen_);
      if (at != std::string::npos) {
        seen_ = at + text.size();
        return true;
      }
      pollfd end{terminal_, POLLIN, 0};
      char bytes[4096];
      if (Clock::now() > limit || ::poll(&end, 1, 1000) < 0) return false;
      if (end.revents == 0) continue;
      const ssize_t count = ::read(terminal_, bytes, sizeof bytes);
      if (count <= 0) return false;
      shown_.append(bytes, static_cast<size_t>(count));
    }
  }

  /// Waits until the program reads keys in the line editor, which a prompt goes ahead of.
  void wait_for_editing() const {
    termios mode{};
    while (::tcgetattr(terminal_, &mode) == 0 && (mode.c_lflag & ICANON) != 0) ::usleep(1000);
    ::usleep(50'000);
  }

  bool echoes() const {
    termios mode{};
    return ::tcgetattr(terminal_, &mode) == 0 && (mode.c_lflag & ECHO) != 0;
  }

  int exit_code() {
    shows(std::string("\0never\0", 7));  // to the end
    int status = 0;
    for (int wait = 0; wait < 100 && ::waitpid(child_, &status, WNOHANG) == 0; ++wait) {
      if (wait == 99) ::kill(child_, SIGKILL);
      ::usleep(50'000);
    }
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  const std::string& shown() const { return shown_; }

 private:
  pid_t child_ = -1;
  int terminal_ = -1;
  std::string shown_;
  size_t seen_ = 0;
};

nlohmann::json saved_turns(const std::string& name) {
  std::ifstream file(scratch_folder() / name);
  if (!file) return nlohmann::json::array();
  return nlohmann::json::parse(file).at("turns");
}

std::string saving(const std::string& name) {
  return "/save " + (scratch_folder() / name).string() + "\r";
}

TEST(ChatTerminal, TakesAPastedTextForOneQuestion) {
  Terminal terminal({"--json", "--max-new-tokens", "4"});
  if (!terminal.works()) GTEST_SKIP() << "no terminals here";
  ASSERT_TRUE(terminal.shows("> ")) << terminal.shown();
  terminal.wait_for_editing();
  terminal.send(
      "\x1B[200~What is\rthe first\r\nof these?\r\x1B[201~\rOne \x1B[200~line\x1B[201~?\r"
      "\x1B[200~/stats\nWhy?\nHow?\x1B[201~\r" +
      saving("pasted.json") + "/quit\r");
  EXPECT_EQ(terminal.exit_code(), 0) << terminal.shown();
  EXPECT_NE(terminal.shown().find("\x1B[?2004h"), std::string::npos);
  EXPECT_NE(terminal.shown().find("\x1B[?2004l"), std::string::npos);
  const auto turns = saved_turns("pasted.json");
  ASSERT_EQ(turns.size(), 3U) << terminal.shown();
  EXPECT_EQ(turns[0].at("question"), "What is\nthe first\nof these?");
  EXPECT_EQ(turns[1].at("question"), "One line?");
  EXPECT_EQ(turns[2].at("question"), "Why?\nHow?");
  std::ifstream history(scratch_folder() / "owl3" / "history");
  std::string first;
  std::getline(history, first);
  EXPECT_EQ(first, "What is\\");
}

TEST(ChatTerminal, KeepsWhatIsTypedOrPastedDuringAnAnswer) {
  Terminal terminal({"--max-new-tokens", "3000", "--seed", "3"});
  if (!terminal.works()) GTEST_SKIP() << "no terminals here";
  ASSERT_TRUE(terminal.shows("> "));
  terminal.wait_for_editing();
  terminal.send("A story\r");
  ASSERT_TRUE(terminal.shows("A story\r\n"));
  ::usleep(100'000);
  EXPECT_FALSE(terminal.echoes());
  const std::string long_text(6000, 'x');  // more than a terminal's own lines hold
  terminal.send(
      "Seconx\x7F"
      "d?\r\x1B[200~Two\rlines?\x1B[201~\r" +
      long_text + "\r" + saving("waited.json") + "\x04");
  EXPECT_EQ(terminal.exit_code(), 0) << terminal.shown();
  const auto turns = saved_turns("waited.json");
  ASSERT_EQ(turns.size(), 4U) << terminal.shown();
  EXPECT_EQ(turns[1].at("question"), "Second?");
  EXPECT_EQ(turns[2].at("question"), "Two\nlines?");
  EXPECT_EQ(turns[3].at("question"), long_text);
}

TEST(ChatTerminal, LeavesAtTheSecondCtrlC) {
  {
    Terminal terminal({});
    if (!terminal.works()) GTEST_SKIP() << "no terminals here";
    ASSERT_TRUE(terminal.shows("> "));
    terminal.wait_for_editing();
    terminal.send("half a line");
    ASSERT_TRUE(terminal.shows("half a line"));  // Ctrl-C drops what was not read
    terminal.send("\x03");
    ASSERT_TRUE(terminal.shows("> ")) << "the first takes a line away";
    terminal.wait_for_editing();
    terminal.send("\x03");
    ASSERT_TRUE(terminal.shows("Ctrl-C again")) << terminal.shown();
    ASSERT_TRUE(terminal.shows("> "));
    terminal.wait_for_editing();
    terminal.send("\x03");
    EXPECT_EQ(terminal.exit_code(), 130) << terminal.shown();
  }
  for (const bool waits : {false, true}) {
    Terminal terminal({"--max-new-tokens", "30000", "--seed", "3"});
    ASSERT_TRUE(terminal.shows("> "));
    terminal.wait_for_editing();
    terminal.send("A story\r");
    ASSERT_TRUE(terminal.shows("A story\r\n"));
    ::usleep(200'000);
    terminal.send("\x03");
    if (waits) {
      ASSERT_TRUE(terminal.shows("> ")) << terminal.shown();
    }
    ::usleep(50'000);  // two signals at one instant are one
    terminal.send("\x03");
    EXPECT_EQ(terminal.exit_code(), 130) << terminal.shown();
    EXPECT_NE(terminal.shown().rfind("\x1B[?2004l"), std::string::npos);
  }
}

TEST(ChatTerminal, BeginsBelowALineOfSeveralRowsThatIsTakenAway) {
  Terminal terminal({});
  if (!terminal.works()) GTEST_SKIP() << "no terminals here";
  ASSERT_TRUE(terminal.shows("> "));
  terminal.wait_for_editing();
  terminal.send(std::string(130, 'x') + "end");  // three rows of 60
  ASSERT_TRUE(terminal.shows("end"));
  terminal.send("\x01");  // Ctrl-A: to the first
  ::usleep(100'000);
  terminal.send("\x03");
  ASSERT_TRUE(terminal.shows("\x1B[2B")) << terminal.shown();
  ASSERT_TRUE(terminal.shows("> "));
}

TEST(ChatTerminal, KeepsTheLineWholeWhenItsWindowChanges) {
  Terminal terminal({"--max-new-tokens", "4"});
  if (!terminal.works()) GTEST_SKIP() << "no terminals here";
  ASSERT_TRUE(terminal.shows("> "));
  terminal.wait_for_editing();
  const std::string line = "What would the owl say of a line that is longer than one row here?";
  terminal.send(line);
  ASSERT_TRUE(terminal.shows("here?"));
  // 68 columns with the prompt: two rows of 40, and three of 30.
  terminal.resize(40);
  ASSERT_TRUE(terminal.shows("\x1B[1A\x1B[J")) << terminal.shown();
  ASSERT_TRUE(terminal.shows("> What would")) << "drawn again, from its beginning";
  terminal.resize(30);
  ASSERT_TRUE(terminal.shows("\x1B[2A\x1B[J")) << "and again";
  terminal.resize(200);
  ASSERT_TRUE(terminal.shows("> " + line)) << terminal.shown();
  terminal.send(" Really?\r" + saving("resized.json") + "/quit\r");
  EXPECT_EQ(terminal.exit_code(), 0);
  const auto turns = saved_turns("resized.json");
  ASSERT_EQ(turns.size(), 1U) << terminal.shown();
  EXPECT_EQ(turns[0].at("question"), line + " Really?");
}

TEST(ChatTerminal, WhatIsSeenLiveIsSaidAboveTheLineThatIsTyped) {
  const std::filesystem::path pictures = scratch_folder() / "pictures";
  std::filesystem::create_directory(pictures);
  const auto add = [&](const std::string& name) {
    std::filesystem::copy_file(OWL3_SOURCE_DIR "/demo/album/01.jpg", pictures / name);
  };
  add("1.jpg");
  Terminal terminal({"--live", pictures.string(), "--every", "1ms", "--ask", "Who?", "--greedy",
                     "--max-new-tokens", "2"});
  if (!terminal.works()) GTEST_SKIP() << "no terminals here";
  ASSERT_TRUE(terminal.shows("> ")) << terminal.shown();
  terminal.wait_for_editing();
  terminal.send("What is");
  ASSERT_TRUE(terminal.shows("What is")) << terminal.shown();
  add("2.jpg");
  EXPECT_TRUE(terminal.shows("\r\x1B[J[0:0")) << terminal.shown();
  EXPECT_TRUE(terminal.shows("> What is")) << terminal.shown();
  terminal.send("\x03");
  EXPECT_EQ(terminal.exit_code(), 130) << terminal.shown();
}

}  // namespace

}  // namespace owl3::test
