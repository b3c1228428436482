#include "core/machine.h"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>

#include "core/available_memory.h"

namespace owl3 {

namespace {

/// "Name:   12345 kB" of a file in /proc, in bytes.
std::map<std::string, int64_t> kibibyte_lines(const char* path) {
  std::ifstream file(path);
  std::map<std::string, int64_t> bytes;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !line.ends_with(" kB")) continue;
    bytes[line.substr(0, colon)] = std::stoll(line.substr(colon + 1)) * 1024;
  }
  return bytes;
}

/// A word as a shell takes it.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text;
  text.push_back('\'');
  for (const char c : word) {
    if (c == '\'') text.append("'\\'");  // ends the quotes, and begins them anew
    text.push_back(c);
  }
  text.push_back('\'');
  return text;
}

}  // namespace

std::optional<MachineMemory> machine_memory() {
  const auto lines = kibibyte_lines("/proc/meminfo");
  const auto total = lines.find("MemTotal");
  const auto available = lines.find("MemAvailable");
  if (total == lines.end() || available == lines.end()) return std::nullopt;
  // What this process may have can be less than what the machine has.
  return MachineMemory{total->second, available_memory().value_or(available->second)};
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t name = line.find_first_not_of(" \t", line.find(':') + 1);
    if (name != std::string::npos) return line.substr(name);
  }
  return "unknown processor";
}

int64_t peak_memory_bytes() {
  const auto lines = kibibyte_lines("/proc/self/status");
  const auto peak = lines.find("VmHWM");
  if (peak != lines.end()) return peak->second;
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

void reset_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << "5";  // proc(5)
}

std::string command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text;
  for (std::string word; std::getline(file, word, '\0');) {
    if (text.empty()) {
      text = std::filesystem::path(word).filename().string();
    } else {
      text.append(" ").append(shell_word(word));
    }
  }
  return text;
}

}  // namespace owl3
