// Many who mean ill at once, while others ask: these notice nothing, and the server is as large
// afterwards as it was.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>

#include "run_program.h"
#include "shared_server.h"

namespace owl3::test {

namespace {

/// Room for the connections of a test: each is a descriptor here, and one of the server's.
void allow_descriptors(rlim_t count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min(limit.rlim_max, count);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Somebody who asks the same again and again, and wants the same answer each time.
class Healthy {
 public:
  explicit Healthy(uint16_t port)
      : expected_(answer_of(chat(port, body()))), thread_([this, port] { run(port); }) {}
  ~Healthy() {
    ended_ = true;
    thread_.join();
    EXPECT_GT(answers_, 0);
    EXPECT_EQ(wrong_, 0);
  }
  Healthy(const Healthy&) = delete;
  Healthy& operator=(const Healthy&) = delete;

  /// Until it has had so many more answers.
  void wait_for(int more) const {
    const int wanted = answers_ + more;
    EXPECT_TRUE(within(60, [&] { return answers_ >= wanted; }));
  }

 private:
  static Json body() { return one_picture_question(); }
  void run(uint16_t port) {
    while (!ended_) {
      if (answer_of(chat(port, body())) != expected_) ++wrong_;
      ++answers_;
    }
  }

  const std::string expected_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> answers_ = 0;
  std::atomic<int> wrong_ = 0;
  std::thread thread_;
};

using Connections = std::vector<std::unique_ptr<Connection>>;

Connections connect(uint16_t port, int count, const std::string& what = {}) {
  Connections all;
  for (int i = 0; i < count; ++i) {
    all.push_back(std::make_unique<Connection>(port));
    if (!what.empty()) all.back()->send(what);
  }
  return all;
}

TEST(ServeAttacks, FiveHundredWhoSayNothing) {
  allow_descriptors(4096);
  ServeProcess server;
  const Healthy healthy(server.port());
  const Connections idle = connect(server.port(), 500);
  healthy.wait_for(3);
}

TEST(ServeAttacks, TwoHundredWhoAreSlow) {
  allow_descriptors(4096);
  ServeProcess server({"--header-time", "2", "--idle-time", "2"});
  const Healthy healthy(server.port());
  const std::string whole = post(kPath, one_picture_question().dump());
  Connections headers = connect(server.port(), 100, "POST /v1/chat/completions HTTP/1.1\r\n");
  Connections bodies = connect(server.port(), 100, whole.substr(0, 400));
  for (int round = 0; round < 10; ++round) {
    for (const auto& connection : headers) connection->send("X");
    for (const auto& connection : bodies) connection->send("A");
    healthy.wait_for(1);
  }
  for (const auto& connection : headers) {
    EXPECT_EQ(connection->receive(20).status, 408);
  }
  bodies.clear();
  healthy.wait_for(1);
}

TEST(ServeAttacks, FloodsOfWhatIsNoRequest) {
  ServeProcess server;
  const Healthy healthy(server.port());
  std::mt19937 random(7);
  const std::string whole = post(kPath, one_picture_question().dump());
  int answered = 0;
  for (int i = 0; i < 400; ++i) {
    std::string bytes = whole.substr(0, 2000);
    const int kind = i % 5;
    if (kind == 0) {
      for (char& c : bytes) c = static_cast<char>(random());
    } else if (kind == 1) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    } else if (kind == 2) {
      bytes = post(kPath, std::string(random() % 3000, '['));
    } else if (kind == 3) {
      bytes = post(kPath, "{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\xfe\"}]}");
    } else {
      bytes = "GET /" + std::string(1 + random() % 200, '%') + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    Connection connection(server.port());
    connection.send(bytes);
    if (kind < 2) continue;  // what comes of it is the sender's
    const int status = connection.receive(20).status;
    EXPECT_TRUE(status >= 400 && status < 500) << status << ": " << bytes.substr(0, 300);
    ++answered;
  }
  EXPECT_EQ(answered, 240);
  healthy.wait_for(1);
  for (const Json& line : server.log()) EXPECT_LT(line["status"], 500) << line;
}

TEST(ServeAttacks, BodiesThatAreHuge) {
  ServeProcess server({"--max-body", "4Mi"});
  const Healthy healthy(server.port());
  const std::string claimed = "POST " + kPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: ";
  int64_t before = 0;  // when every thread has what one of them takes
  for (int i = 0; i < 40; ++i) {
    if (i == 20) before = server.resident_bytes();
    Connection told(server.port());
    told.send(claimed + "9999999999999\r\n\r\n" + std::string(100'000, 'x'));
    EXPECT_EQ(told.receive(20).status, 413);
    // As long as it may be, and all of it a text.
    const HttpReply reply = chat(server.port(), question(std::string(3'000'000, 'x')));
    EXPECT_TRUE(reply.status == 400 || reply.status == 429) << reply.status;
  }
  healthy.wait_for(1);
  EXPECT_LT(server.resident_bytes(), before + (int64_t{64} << 20));
}

TEST(ServeAttacks, PicturesThatClaimToBeHuge) {
  ServeProcess server;
  const Healthy healthy(server.port());
  // A PNG of 60,000 times 60,000 pixels, in its header.
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0", 29);
  png += std::string("\0\0\0\0", 4);
  for (int i = 0; i < 20; ++i) {
    const HttpReply reply =
        chat(server.port(), question(std::vector<Json>{image_part(png), text_part("?")}));
    EXPECT_EQ(reply.status, 400) << reply.body;
  }
  healthy.wait_for(1);
}

TEST(ServeAttacks, ClientsThatVanish) {
  ServeProcess server;
  Json body = one_picture_question();
  body["max_tokens"] = 200;
  const auto vanish = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      body["stream"] = i % 2 == 0;
      body["n"] = 1 + i % 4;
      Connection connection(server.port());
      const std::string request = post(kPath, body.dump());
      connection.send(i % 5 == 0 ? request.substr(0, request.size() / 2) : request);
      if (i % 3 == 0) connection.receive_some(20);
    }
  };
  {
    const Healthy healthy(server.port());
    vanish(20);
    const int64_t before = server.resident_bytes();
    vanish(60);
    healthy.wait_for(1);
    EXPECT_LT(server.resident_bytes(), before + (int64_t{64} << 20));
  }
  // Nothing of theirs goes on.
  EXPECT_TRUE(within(20, [&] {
    const std::string metrics = ask(server.port(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body;
    return metrics.find("owl3_num_requests_running 0\n") != metrics.npos;
  }));
}

}  // namespace

}  // namespace owl3::test
