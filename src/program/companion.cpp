#include "program/companion.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

/// The arguments as exec() wants them, the program's path in front.
class ArgumentVector {
 public:
  ArgumentVector(const fs::path& program, std::vector<std::string> arguments)
      : arguments_(std::move(arguments)) {
    arguments_.insert(arguments_.begin(), program.string());
    for (std::string& argument : arguments_) pointers_.push_back(argument.data());
    pointers_.push_back(nullptr);
  }
  char* const* data() const { return pointers_.data(); }

 private:
  std::vector<std::string> arguments_;
  std::vector<char*> pointers_;
};

/// A file without a name that holds the text, to be read from its beginning.
int unnamed_file(std::string_view text) {
  std::FILE* file = std::tmpfile();
  if (file == nullptr) throw Error(fmt::format("no temporary file: {}", errno_text(errno)));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
                       std::fflush(file) == 0 && std::fseek(file, 0, SEEK_SET) == 0;
  const int error_number = errno;
  const int descriptor = written ? ::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 3) : -1;
  std::fclose(file);
  if (descriptor < 0) {
    throw Error(fmt::format("no temporary file: {}", errno_text(written ? errno : error_number)));
  }
  return descriptor;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(fmt::format("waitpid: {}", errno_text(errno)));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char* name_of(Companion companion) {
  return companion == Companion::kTrain ? "owl3-train" : "owl3-draw";
}

/// What CMake noted of the folder that owl3 was built in; nothing for another folder.
std::optional<std::map<std::string, std::string>> build_settings(const fs::path& folder) {
  std::ifstream cache(folder / "CMakeCache.txt");
  if (!cache) return std::nullopt;
  std::map<std::string, std::string> settings;
  for (std::string line; std::getline(cache, line);) {  // NAME:TYPE=VALUE
    const size_t colon = line.find(':');
    const size_t equals = line.find('=', colon);
    if (equals == std::string::npos) continue;
    settings[line.substr(0, colon)] = line.substr(equals + 1);
  }
  return settings;
}

/// The commands that build it where this program was built, to be typed anywhere.
std::string build_commands(Companion companion, const fs::path& folder,
                           const std::map<std::string, std::string>& settings) {
  const auto of = [&](const char* name) {
    const auto setting = settings.find(name);
    return setting == settings.end() ? std::string() : setting->second;
  };
  const std::string build =
      fmt::format("cmake --build '{}' --target {}", folder.string(), name_of(companion));
  const std::string torch = of("Torch_DIR");
  const bool lacks_torch = torch.empty() || torch.ends_with("-NOTFOUND") ||
                           of("GLOO_INCLUDE_DIR").ends_with("-NOTFOUND");
  const bool off = of("OWL3_TRAIN") == "OFF";
  if (companion == Companion::kDraw || !(lacks_torch || off)) return build;
  return fmt::format("'{}/scripts/setup.sh' --train && cmake '{}'{} && {}",
                     of("CMAKE_HOME_DIRECTORY"), folder.string(), off ? " -DOWL3_TRAIN=AUTO" : "",
                     build);
}

/// How it is got where it is not beside this program.
std::string how_to_get(Companion companion, const fs::path& folder) {
  if (const auto settings = build_settings(folder)) {
    return "it is not built yet: " + build_commands(companion, folder, *settings);
  }
  const bool trains = companion == Companion::kTrain;
  return fmt::format(
      "it must stand beside owl3: in the folder where owl3 was built, {}cmake --preset release && "
      "cmake --build --preset release && cmake --install build/release --prefix '{}'{}",
      trains ? "scripts/setup.sh --train && " : "", folder.parent_path().string(),
      trains ? " (it needs LibTorch)" : "");
}

}  // namespace

fs::path find_companion(Companion companion) {
  std::error_code failure;
  const fs::path own = fs::read_symlink("/proc/self/exe", failure);
  if (failure) throw Error(fmt::format("/proc/self/exe: {}", failure.message()));
  const fs::path folder = own.parent_path();
  fs::path path = folder / name_of(companion);
  if (fs::exists(path, failure)) return path;
  throw Error(fmt::format("{} is not there; {}", path.string(), how_to_get(companion, folder)));
}

namespace {

/// Threads of the trainer's arithmetic that wait for each other should not keep the processors from
/// other programs: by themselves they spin, and where anything else runs, training takes many times
/// as long. Read by OpenMP's libraries before main(), so set before the program begins; what the
/// user chose stays.
void wait_by_sleeping() {
  for (const char* chosen : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
    if (std::getenv(chosen) != nullptr) return;
  }
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
}

}  // namespace

void become_companion(Companion companion, std::vector<std::string> arguments) {
  const fs::path path = find_companion(companion);
  if (companion == Companion::kTrain) wait_by_sleeping();
  const ArgumentVector argv(path, std::move(arguments));
  ::execv(path.c_str(), argv.data());
  throw Error(fmt::format("{}: {}", path.string(), errno_text(errno)));
}

namespace {

/// Its standard output becomes `output`, and what it complains of is dropped; or, where that is
/// negative, the other way round.
pid_t start(const fs::path& path, std::vector<std::string> arguments, int input, int output) {
  const ArgumentVector argv(path, std::move(arguments));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  if (output >= 0) ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, output >= 0 ? STDERR_FILENO : STDOUT_FILENO,
                                     "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, path.c_str(), &actions, nullptr, argv.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw Error(fmt::format("{}: {}", path.string(), errno_text(failure)));
  return child;
}

/// A descriptor that is closed at the end.
struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void close() {
    if (number >= 0) ::close(number);
    number = -1;
  }
  int number;
};

std::string all_of(int pipe) {
  std::string text;
  char bytes[65536];
  for (;;) {
    const ssize_t count = ::read(pipe, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(bytes, static_cast<size_t>(count));
  }
}

}  // namespace

int run_companion(Companion companion, std::vector<std::string> arguments, std::string_view input) {
  const fs::path path = find_companion(companion);
  const Descriptor standard_input(unnamed_file(input));
  return wait_for(start(path, std::move(arguments), standard_input.number, -1));
}

std::string companion_output(Companion companion, std::vector<std::string> arguments) {
  const fs::path path = find_companion(companion);
  const Descriptor input(unnamed_file(""));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("no pipe: {}", errno_text(errno)));
  const Descriptor output(ends[0]);
  Descriptor its_output(ends[1]);
  const pid_t child = start(path, std::move(arguments), input.number, its_output.number);
  its_output.close();
  std::string text = all_of(output.number);
  if (const int code = wait_for(child); code != 0) {
    throw Error(
        fmt::format("{}: ended with code {}; is it of this version of owl3?", path.string(), code));
  }
  return text;
}

}  // namespace owl3
