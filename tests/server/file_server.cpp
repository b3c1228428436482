#include "file_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace owl3::test {

namespace {

bool send_all(int client, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::send(client, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (count <= 0) return false;
    at += static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

FileServer::FileServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* where = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, where, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, where, &size) != 0) {
    throw std::runtime_error("no port");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FileServer::~FileServer() {
  ended_ = true;
  thread_.join();
  for (std::thread& client : clients_) client.join();
  ::close(listener_);
}

void FileServer::put(const std::string& path, const std::string& answer) {
  const std::lock_guard lock(mutex_);
  answers_[path] = answer;
}

void FileServer::put_file(const std::string& path, const std::string& bytes) {
  put(path, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                std::to_string(bytes.size()) + "\r\n\r\n" + bytes);
}

void FileServer::put_redirection(const std::string& path, const std::string& to) {
  put(path, "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " + to +
                "\r\n\r\n");
}

void FileServer::put_trickle(const std::string& path) {
  const std::lock_guard lock(mutex_);
  trickle_ = path;
}

void FileServer::serve() {
  while (!ended_) {
    pollfd polled = {listener_, POLLIN, 0};
    if (::poll(&polled, 1, 50) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) clients_.emplace_back([this, client] { answer(client); });
  }
}

void FileServer::answer(int client) {
  std::string request;
  char bytes[4096];
  while (request.find("\r\n\r\n") == request.npos) {
    pollfd polled = {client, POLLIN, 0};
    const int ready = ::poll(&polled, 1, 50);
    if (ended_) break;
    if (ready == 0) continue;
    const ssize_t count = ::recv(client, bytes, sizeof bytes, 0);
    if (count <= 0) break;
    request.append(bytes, static_cast<size_t>(count));
  }
  if (request.find("\r\n\r\n") != request.npos) {
    ++asked_;
    const size_t begin = request.find(' ') + 1;
    const std::string path = request.substr(begin, request.find(' ', begin) - begin);
    std::string reply = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    bool trickles = false;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = answers_.find(path); found != answers_.end()) reply = found->second;
      trickles = path == trickle_;
    }
    if (!trickles) {
      send_all(client, reply);
    } else if (send_all(client, "HTTP/1.1 200 OK\r\n\r\n")) {
      while (!ended_ && send_all(client, "x")) ::usleep(20'000);
    }
  }
  ::close(client);
}

}  // namespace owl3::test
