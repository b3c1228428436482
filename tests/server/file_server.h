// A small HTTP server that images are fetched from, for tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace owl3::test {

class FileServer {
 public:
  FileServer();
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  std::string url(const std::string& path, const std::string& host = "localhost") const {
    return "http://" + host + ":" + std::to_string(port_) + path;
  }
  uint16_t port() const { return port_; }
  /// What is answered at a path, status line and all; what is not there is a 404.
  void put(const std::string& path, const std::string& answer);
  void put_file(const std::string& path, const std::string& bytes);
  void put_redirection(const std::string& path, const std::string& to);
  /// Answers there never end: a byte now and then.
  void put_trickle(const std::string& path);
  /// Requests so far.
  int asked() const { return asked_; }

 private:
  void serve();
  void answer(int client);

  int listener_ = -1;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::string trickle_;
  std::atomic<int> asked_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
  std::vector<std::thread> clients_;
};

}  // namespace owl3::test
