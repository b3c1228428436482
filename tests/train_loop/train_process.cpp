#include "train_process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "core/scratch_folder.h"
#include "runs/metrics.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A picture of one colour, which the answers name.
void write_picture(const fs::path& path, int red, int green, int blue) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n64 64\n255\n";
  for (int i = 0; i < 64 * 64; ++i) {
    file << static_cast<char>(red) << static_cast<char>(green) << static_cast<char>(blue);
  }
}

void write_data(const fs::path& folder) {
  const char* kNames[] = {"red", "green", "blue", "white"};
  const int kColours[][3] = {{220, 20, 20}, {20, 200, 40}, {30, 40, 220}, {240, 240, 240}};
  std::ofstream data(folder / "data.jsonl");
  std::ofstream pairs(folder / "pairs.jsonl");
  for (int i = 0; i < 4; ++i) {
    const std::string picture = std::string(kNames[i]) + ".ppm";
    write_picture(folder / picture, kColours[i][0], kColours[i][1], kColours[i][2]);
    pairs << R"({"messages":[{"role":"user","content":"<image>"},{"role":"assistant","content":")"
          << kNames[i] << R"("}],"images":[")" << picture << "\"]}\n";
  }
  for (int i = 0; i < 12; ++i) {
    const int first = i % 4;
    const int second = (i / 4 + i) % 4;
    data << R"({"messages":[{"role":"user","content":"<image>\n<image>\nWhich colours?"},)"
         << R"({"role":"assistant","content":")" << kNames[first] << " and " << kNames[second]
         << R"("}],"images":[")" << kNames[first] << R"(.ppm",")" << kNames[second] << ".ppm\"]}\n";
  }
}

}  // namespace

RunningProgram::RunningProgram(const std::vector<std::string>& command,
                               const std::vector<std::string>& environment, fs::path output)
    : output_(std::move(output)) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output_.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const int error = ::posix_spawn(&pid_, command.front().c_str(), &actions, nullptr,
                                  pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(command.front() + " cannot be started");
}

RunningProgram::~RunningProgram() {
  if (!running()) return;
  signal(SIGKILL);
  ::waitpid(pid_, &status_, 0);
}

void RunningProgram::signal(int number) const {
  ::kill(pid_, number);
}

bool RunningProgram::running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, &status_, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

int RunningProgram::wait(int seconds) {
  if (!wait_until([&] { return !running(); }, seconds)) {
    signal(SIGKILL);
    ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    ADD_FAILURE() << "still running after " << seconds << " s: " << output();
  }
  return exit_code_of(status_);
}

std::string RunningProgram::output() const {
  return read_text(output_);
}

bool wait_until(const std::function<bool()>& condition, int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::vector<std::string> train_command(const fs::path& recipe,
                                       const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {OWL3_TRAIN_PROGRAM, "train", recipe.string(), "--threads",
                                      "1"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Outcome train(const fs::path& recipe, const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment) {
  fs::path log = workshop() / recipe.filename();
  log += ".log";
  RunningProgram program(train_command(recipe, arguments), environment, log);
  const int exit_code = program.wait();
  return {exit_code, program.output()};
}

std::vector<std::string> torchrun_environment(int rank, int world, int port) {
  return {"RANK=" + std::to_string(rank),
          "LOCAL_RANK=" + std::to_string(rank),
          "WORLD_SIZE=" + std::to_string(world),
          "LOCAL_WORLD_SIZE=" + std::to_string(world),
          "MASTER_ADDR=127.0.0.1",
          "MASTER_PORT=" + std::to_string(port)};
}

int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(listener);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::vector<double> losses_of(const fs::path& run) {
  std::vector<double> losses;
  if (!fs::exists(run / "metrics.jsonl")) return losses;
  for (const MetricsLine& line : read_metrics(run / "metrics.jsonl")) {
    for (const auto& [name, value] : line.scalars) {
      if (name == "loss") losses.push_back(value);
    }
  }
  return losses;
}

const fs::path& workshop() {
  static const ScratchFolder folder;
  if (!fs::exists(folder / "base")) {
    RunningProgram program(
        {OWL3_PROGRAM, "make-checkpoint", "--like", "tiny", (folder / "base").string()}, {},
        folder / "make.log");
    if (program.wait() != 0) throw std::runtime_error(program.output());
    write_data(folder.path());
  }
  return folder.path();
}

fs::path write_recipe(const fs::path& run, const std::string& more) {
  const fs::path path = run.string() + ".yaml";
  std::ofstream(path) << "output: " << run.string() << "\n"
                      << "learning_rate: {max: 1e-3, min: 1e-4}\n"
                         "log_every: 1\n"
                         "seed: 7\n"
                         "workers: 1\n"
                      << more;
  return path;
}

}  // namespace owl3::test
