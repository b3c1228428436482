#include "run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace owl3::test {

namespace {

struct Pipe {
  int read_end = -1;
  int write_end = -1;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close(read_end);
    close(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
};

pid_t start(const std::vector<std::string>& arguments, const RunOptions& options, const Pipe& in,
            const Pipe& out, const Pipe& err) {
  const std::string program = options.program.empty() ? OWL3_PROGRAM : options.program;
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read_end, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write_end, STDERR_FILENO);
  if (!options.out_file.empty()) {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.out_file.c_str(), O_WRONLY,
                                     0);
  }
  for (const int descriptor : options.closed) {
    posix_spawn_file_actions_addclose(&actions, descriptor);
  }
  pid_t child = -1;
  const int error = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("owl3 cannot be started");
  return child;
}

void write_all(int descriptor, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t count = ::write(descriptor, text.data() + at, text.size() - at);
    if (count <= 0) return;
    at += static_cast<size_t>(count);
  }
}

/// Reads both ends until they close, and sends the signals asked for.
void collect(const Pipe& out, const Pipe& err, pid_t child, const RunOptions& options,
             Outcome& outcome) {
  bool interrupt = options.interrupt_after_output;
  bool signal = static_cast<bool>(options.signal_when);
  std::array<pollfd, 2> ends = {pollfd{out.read_end, POLLIN, 0}, pollfd{err.read_end, POLLIN, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    ::poll(ends.data(), ends.size(), signal ? 1 : -1);
    if (signal && options.signal_when()) {
      for (const int number : options.signals) ::kill(child, number);
      signal = false;
    }
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t count = ::read(ends[i].fd, bytes, sizeof bytes);
      if (count <= 0) {
        ends[i].fd = -1;
        continue;
      }
      (i == 0 ? outcome.out : outcome.err).append(bytes, static_cast<size_t>(count));
      if (i == 0 && interrupt) {
        ::kill(child, SIGINT);
        interrupt = false;
      }
    }
  }
}

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "owl3-cli-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

Outcome run_owl3(const std::vector<std::string>& arguments, const RunOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // the program need not read its input
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t child = start(arguments, options, in, out, err);
  Pipe::close(in.read_end);
  Pipe::close(out.write_end);
  Pipe::close(err.write_end);
  write_all(in.write_end, options.input);  // shorter than a pipe's buffer in every test
  Pipe::close(in.write_end);
  Outcome outcome;
  collect(out, err, child, options, outcome);
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

const std::filesystem::path& scratch_folder() {
  static const ScratchFolder folder;
  return folder.path();
}

std::string tiny_checkpoint() {
  const std::filesystem::path path = scratch_folder() / "tiny";
  if (!std::filesystem::exists(path)) {
    const Outcome made = run_owl3({"make-checkpoint", "--like", "tiny", path.string()});
    if (made.exit_code != 0) throw std::runtime_error("make-checkpoint: " + made.err);
  }
  return path.string();
}

bool is_one_line(const std::string& text) {
  return text.size() > 1 && text.back() == '\n' && std::count(text.begin(), text.end(), '\n') == 1;
}

}  // namespace owl3::test
