// A running `owl3 serve` for a test, and plain connections to it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace owl3::test {

/// Started with --port 0 and these arguments; ended, if need be by force, when it goes.
class ServeProcess {
 public:
  explicit ServeProcess(const std::vector<std::string>& arguments = {});
  ~ServeProcess();
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  uint16_t port() const { return port_; }
  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void signal(int number) const;
  /// Waits: the exit code, 128 + signal when one ended it.
  int wait();
  /// Lines of its log so far.
  std::vector<nlohmann::json> log() const;
  /// Bytes of memory it has now.
  int64_t resident_bytes() const;

 private:
  pid_t process_ = -1;
  uint16_t port_ = 0;
  std::string log_file_;
};

struct HttpReply {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;  // chunks put together

  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  /// Of a header, or empty.
  std::string header(const std::string& name) const;
};

/// A connection that says what it is told to.
class Connection {
 public:
  explicit Connection(uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// False once the server has closed it.
  bool send(const std::string& bytes);
  /// The next reply; status 0 where the connection ends first, or nothing comes for so long.
  HttpReply receive(int seconds = 60);
  /// Something, up to the time given; empty at the end.
  std::string receive_some(int seconds = 60);
  /// Whether the server ends the connection within that time.
  bool ends(int seconds);
  void close();

 private:
  bool fill(int seconds);

  int socket_ = -1;
  std::string buffer_;
};

/// "POST PATH" with a JSON body and these headers.
std::string post(const std::string& path, const std::string& body,
                 const std::vector<std::string>& headers = {});
HttpReply ask(uint16_t port, const std::string& request);

}  // namespace owl3::test
