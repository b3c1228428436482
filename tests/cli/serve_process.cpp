#include "serve_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "run_program.h"

namespace owl3::test {

namespace {

std::string first_line(int descriptor) {
  std::string line;
  char c = 0;
  while (::read(descriptor, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

}  // namespace

ServeProcess::ServeProcess(const std::vector<std::string>& arguments) {
  static std::atomic<int> number = 0;
  log_file_ = (scratch_folder() / ("serve-" + std::to_string(number++) + ".log")).string();
  std::vector<std::string> words = {"owl3", "serve", "--port", "0", "-t", "1"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_file_.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int error = ::posix_spawn(&process_, OWL3_PROGRAM, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  if (error != 0) throw std::runtime_error("owl3 cannot be started");
  const std::string line = first_line(out[0]);  // "owlet at http://127.0.0.1:40001"
  ::close(out[0]);
  const size_t colon = line.rfind(':');
  if (colon == line.npos) {
    wait();
    throw std::runtime_error("owl3 serve has not begun: " + line);
  }
  port_ = static_cast<uint16_t>(std::stoi(line.substr(colon + 1)));
}

ServeProcess::~ServeProcess() {
  if (process_ < 0) return;
  signal(SIGKILL);
  wait();
}

void ServeProcess::signal(int number) const {
  ::kill(process_, number);
}

int ServeProcess::wait() {
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<nlohmann::json> ServeProcess::log() const {
  std::vector<nlohmann::json> lines;
  std::ifstream file(log_file_);
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, false));
  }
  return lines;
}

int64_t ServeProcess::resident_bytes() const {
  std::ifstream file("/proc/" + std::to_string(process_) + "/statm");
  int64_t pages = 0;
  file >> pages >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

std::string HttpReply::header(const std::string& name) const {
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  const size_t at = lower(head).find("\r\n" + lower(name) + ": ");
  if (at == head.npos) return {};
  const size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

Connection::Connection(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close();
    throw std::runtime_error("no connection");
  }
}

Connection::~Connection() {
  close();
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

bool Connection::send(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::send(socket_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (count <= 0) return false;
    at += static_cast<size_t>(count);
  }
  return true;
}

bool Connection::fill(int seconds) {
  pollfd polled = {socket_, POLLIN, 0};
  if (::poll(&polled, 1, 1000 * seconds) <= 0) return false;
  char bytes[65536];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(count));
  return true;
}

std::string Connection::receive_some(int seconds) {
  if (buffer_.empty()) fill(seconds);
  return std::exchange(buffer_, {});
}

bool Connection::ends(int seconds) {
  pollfd polled = {socket_, POLLIN, 0};
  char byte = 0;
  while (::poll(&polled, 1, 1000 * seconds) > 0) {
    if (::recv(socket_, &byte, 1, 0) <= 0) return true;
  }
  return false;
}

HttpReply Connection::receive(int seconds) {
  HttpReply reply;
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos) {
    if (!fill(seconds)) return reply;
  }
  reply.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  const int status = std::atoi(reply.head.c_str() + std::string("HTTP/1.1 ").size());
  const std::string length = reply.header("Content-Length");
  if (status == 100 || status == 204 || status == 304) {
    // No body, whatever length it names.
  } else if (!length.empty()) {
    const auto bytes = static_cast<size_t>(std::stoull(length));
    while (buffer_.size() < bytes) {
      if (!fill(seconds)) return reply;
    }
    reply.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
  } else if (reply.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      while ((end = buffer_.find("\r\n")) == buffer_.npos) {
        if (!fill(seconds)) return reply;
      }
      const auto bytes = static_cast<size_t>(std::stoull(buffer_.substr(0, end), nullptr, 16));
      while (buffer_.size() < end + 2 + bytes + 2) {
        if (!fill(seconds)) return reply;
      }
      reply.body += buffer_.substr(end + 2, bytes);
      buffer_.erase(0, end + 2 + bytes + 2);
      if (bytes == 0) break;
    }
  } else {
    while (fill(seconds)) {
    }
    reply.body = std::exchange(buffer_, {});
  }
  reply.status = status;
  return reply;
}

std::string post(const std::string& path, const std::string& body,
                 const std::vector<std::string>& headers) {
  std::string request = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n";
  for (const std::string& header : headers) request += header + "\r\n";
  return request + "\r\n" + body;
}

HttpReply ask(uint16_t port, const std::string& request) {
  Connection connection(port);
  connection.send(request);
  return connection.receive();
}

}  // namespace owl3::test
