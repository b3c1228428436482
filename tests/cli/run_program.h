// Runs the real program, with its input, and keeps what it wrote and how it ended.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace owl3::test {

struct Outcome {
  int exit_code = -1;  // 128 + signal when one ended it
  std::string out;
  std::string err;
};

struct RunOptions {
  std::string input = {};
  /// Send SIGINT once the program has written something to stdout.
  bool interrupt_after_output = false;
  /// Send these, one after the other, once this holds.
  std::function<bool()> signal_when = {};
  std::vector<int> signals = {};
  /// Standard output goes to this file instead.
  std::string out_file = {};
  /// Another file than the program of this build.
  std::string program = {};
  /// Descriptors of 0, 1, 2 that the program finds closed.
  std::vector<int> closed = {};
};

Outcome run_owl3(const std::vector<std::string>& arguments, const RunOptions& options = {});

/// A folder of this test program's own, with "tiny", a small random checkpoint, in it.
const std::filesystem::path& scratch_folder();
std::string tiny_checkpoint();

/// The text is one line, newline included.
bool is_one_line(const std::string& text);

}  // namespace owl3::test
