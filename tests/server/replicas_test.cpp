// Two servers behind packaging/nginx.conf, as somebody puts them there.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "run_program.h"
#include "shared_server.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

constexpr const char* kNginx = "/usr/sbin/nginx";

uint16_t unused_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

void replace(std::string& text, const std::string& what, const std::string& by) {
  const size_t at = text.find(what);
  ASSERT_NE(at, text.npos) << what;
  text.replace(at, what.size(), by);
}

/// nginx by the packaged configuration: with these servers, a certificate of its own, other ports,
/// and the same once more without TLS.
class Nginx {
 public:
  Nginx(const ServeProcess& one, const ServeProcess& other)
      : folder_(scratch_folder() / "nginx"), port_(unused_port()), tls_port_(unused_port()) {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    std::string config = bytes_of(OWL3_SOURCE_DIR "/packaging/nginx.conf");
    replace(config, "127.0.0.1:8081", "127.0.0.1:" + std::to_string(one.port()));
    replace(config, "127.0.0.1:8082", "127.0.0.1:" + std::to_string(other.port()));
    replace(config, "listen 8443 ssl;",
            "listen 127.0.0.1:" + std::to_string(tls_port_) +
                " ssl; listen 127.0.0.1:" + std::to_string(port_) + ";");
    std::string own = "http {\n  access_log off;\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      own += "  " + std::string(kind) + "_temp_path " + (folder_ / kind).string() + ";\n";
    }
    replace(config, "http {", own);
    std::string head = "daemon off;\npid " + (folder_ / "pid").string() + ";\n";
    if (::geteuid() == 0) head += "user root;\n";
    std::ofstream(folder_ / "nginx.conf") << head << config;
    run_owl3(
        {"-c", "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout " +
                   (folder_ / "owl3.key").string() + " -out " + (folder_ / "owl3.crt").string()},
        {.program = "/bin/sh"});
    start();
  }
  ~Nginx() {
    if (process_ <= 0) return;
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  uint16_t port() const { return port_; }
  uint16_t tls_port() const { return tls_port_; }
  bool answers() const {
    return within(20, [&] {
      try {
        return ask(port_, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status == 200;
      } catch (const std::runtime_error&) {
        return false;
      }
    });
  }
  std::string errors() const { return bytes_of((folder_ / "error.log").string()); }

 private:
  void start() {
    std::vector<std::string> words = {"nginx",
                                      "-p",
                                      folder_.string(),
                                      "-c",
                                      (folder_ / "nginx.conf").string(),
                                      "-e",
                                      (folder_ / "error.log").string()};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (::posix_spawn(&process_, kNginx, nullptr, nullptr, argv.data(), environ) != 0) {
      throw std::runtime_error("nginx cannot be started");
    }
  }

  const fs::path folder_;
  const uint16_t port_;
  const uint16_t tls_port_;
  pid_t process_ = -1;
};

class ServeReplicas : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kNginx)) GTEST_SKIP() << "no nginx on this machine";
    const std::string file = (scratch_folder() / "shared.owlmem").string();
    ASSERT_EQ(run_owl3({"index", kPicture, "-o", file, "-t", "1"}).exit_code, 0);
    for (auto& server : servers_) {
      server = std::make_unique<ServeProcess>(std::vector<std::string>{"--memory", "film=" + file});
    }
    nginx_ = std::make_unique<Nginx>(*servers_[0], *servers_[1]);
    ASSERT_TRUE(nginx_->answers()) << nginx_->errors();
  }

  static Json body_of(int asker) {
    Json body = one_picture_question();
    body["seed"] = asker;
    return body;
  }
  HttpReply ask_in(const std::string& conversation, const Json& body) const {
    return ask(nginx_->port(), post(kPath, body.dump(), {"X-Conversation: " + conversation}));
  }
  /// Asks from several sides until it is done, and wants the answers that were given before.
  template <typename Meanwhile>
  void under_load(const Meanwhile& meanwhile) {
    constexpr int kAskers = 6;
    std::vector<std::string> expected;
    for (int i = 0; i < kAskers; ++i) {
      expected.push_back(answer_of(chat(servers_[0]->port(), body_of(i))));
    }
    std::atomic<bool> ended = false;
    std::atomic<int> answers = 0;
    std::vector<std::thread> askers;
    for (int i = 0; i < kAskers; ++i) {
      askers.emplace_back([&, i] {
        for (int round = 0; !ended; ++round) {
          const std::string conversation = std::to_string(i) + "-" + std::to_string(round);
          EXPECT_EQ(answer_of(ask_in(conversation, body_of(i))), expected[static_cast<size_t>(i)]);
          ++answers;
        }
      });
    }
    const auto more = [&](int count) {
      const int wanted = answers + count;
      return within(60, [&] { return answers >= wanted; });
    };
    EXPECT_TRUE(more(20));
    meanwhile();
    EXPECT_TRUE(more(40));
    ended = true;
    for (std::thread& asker : askers) asker.join();
  }

  std::unique_ptr<ServeProcess> servers_[2];
  std::unique_ptr<Nginx> nginx_;
};

TEST_F(ServeReplicas, AConversationStaysWhereItIsKnown) {
  for (int i = 0; i < 8; ++i) {
    const std::string name = "talk-" + std::to_string(i);
    Json body = body_of(100 + i);
    body["messages"][0]["content"][1]["text"] = "What is this, asker " + name + "?";
    const HttpReply first = ask_in(name, body);
    ASSERT_EQ(first.status, 200) << first.body;
    body["messages"].push_back(message("assistant", answer_of(first)));
    body["messages"].push_back(user("And what else?"));
    const Json usage = ask_in(name, body).json()["usage"];
    EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"],
              first.json()["usage"]["prompt_tokens"]);
  }
  for (const auto& server : servers_) EXPECT_FALSE(server->log().empty());  // both have some
}

TEST_F(ServeReplicas, SpeakTlsAndShareMemoryFiles) {
  const Json part = {{"type", "media"}, {"media", "film"}};
  const Json body = question(std::vector<Json>{part, text_part("What is this?")});
  const std::string file = (scratch_folder() / "body.json").string();
  std::ofstream(file) << body.dump();
  const std::string answer = answer_of(chat(servers_[0]->port(), body));
  for (const char* conversation : {"a", "b", "c", "d"}) {
    const Outcome outcome =
        run_owl3({"-c", "curl -skf https://127.0.0.1:" + std::to_string(nginx_->tls_port()) +
                            kPath + " -H 'X-Conversation: " + conversation + "' -d @" + file},
                 {.program = "/bin/sh"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["choices"][0]["message"]["content"], answer);
  }
}

TEST_F(ServeReplicas, OneThatIsKilledIsNotMissed) {
  under_load([&] {
    servers_[1]->signal(SIGKILL);
    servers_[1]->wait();
  });
}

TEST_F(ServeReplicas, OneThatEndsInOrderIsNotMissed) {
  under_load([&] {
    servers_[1]->signal(SIGTERM);
    EXPECT_EQ(servers_[1]->wait(), 0);
  });
}

}  // namespace

}  // namespace owl3::test
