// The hub of hub_server.js, run for a test.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace owl3::test {

class HubServer {
 public:
  HubServer();
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  /// "http://127.0.0.1:PORT"
  const std::string& address() const { return address_; }
  /// Has these repositories and faults from now on; the log begins anew.
  void set(const nlohmann::json& repositories,
           const nlohmann::json& faults = nlohmann::json::object());
  void set_faults(const nlohmann::json& faults);
  /// What was asked: {url, range, token, cdn}.
  nlohmann::json log();

 private:
  nlohmann::json order(const nlohmann::json& order);
  std::string line();

  pid_t process_ = -1;
  std::FILE* in_ = nullptr;
  std::FILE* out_ = nullptr;
  std::string address_;
};

}  // namespace owl3::test
