#include "hub/hub_server.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace owl3::test {

HubServer::HubServer() {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipes");
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  std::string program = "node";
  std::string script = OWL3_SOURCE_DIR "/tests/hub/hub_server.js";
  std::array<char*, 3> arguments = {program.data(), script.data(), nullptr};
  const int failed =
      ::posix_spawnp(&process_, "node", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]);
  ::close(from[1]);
  in_ = ::fdopen(to[1], "w");
  out_ = ::fdopen(from[0], "r");
  if (failed != 0) throw std::runtime_error("node can't be run");
  const std::string ports = line();
  address_ = "http://127.0.0.1:" + ports.substr(0, ports.find(' '));
}

HubServer::~HubServer() {
  std::fclose(in_);
  std::fclose(out_);
  ::waitpid(process_, nullptr, 0);
}

std::string HubServer::line() {
  std::string text;
  for (int c = std::fgetc(out_); c != '\n'; c = std::fgetc(out_)) {
    if (c == EOF) throw std::runtime_error("hub_server.js has ended");
    text += static_cast<char>(c);
  }
  return text;
}

nlohmann::json HubServer::order(const nlohmann::json& order) {
  const std::string text = order.dump() + "\n";
  std::fwrite(text.data(), 1, text.size(), in_);
  std::fflush(in_);
  return nlohmann::json::parse(line());
}

void HubServer::set(const nlohmann::json& repositories, const nlohmann::json& faults) {
  order({{"repositories", repositories}, {"faults", faults}});
}

void HubServer::set_faults(const nlohmann::json& faults) {
  order({{"faults", faults}});
}

nlohmann::json HubServer::log() {
  return order({{"log", true}});
}

}  // namespace owl3::test
