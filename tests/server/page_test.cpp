// Web pages that may ask and those that may not; and what a server says before it has its model.
#include <memory>
#include <thread>

#include "run_program.h"
#include "server/gate.h"
#include "server/http/http_server.h"
#include "shared_server.h"

namespace owl3::test {

namespace {

std::string preflight(const std::string& origin) {
  return "OPTIONS " + kPath + " HTTP/1.1\r\nHost: x\r\nOrigin: " + origin +
         "\r\nAccess-Control-Request-Method: POST\r\n"
         "Access-Control-Request-Headers: authorization, x-stainless-os\r\n\r\n";
}

std::string from_page(const std::string& origin, const std::string& key = "secret") {
  return post(kPath, question().dump(), {"Origin: " + origin, "Authorization: Bearer " + key});
}

TEST(ServePages, OfOriginsThatAreNamedMayAsk) {
  ServeProcess server(
      {"--api-key", "secret", "--cors", "https://one.example", "--cors", "http://localhost:3000"});
  for (const char* origin : {"https://one.example", "http://localhost:3000"}) {
    HttpReply reply = ask(server.port(), preflight(origin));  // without a key, as browsers do
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), origin);
    EXPECT_EQ(reply.header("Access-Control-Allow-Headers"), "authorization, x-stainless-os");
    EXPECT_NE(reply.header("Access-Control-Allow-Methods").find("POST"), std::string::npos);
    reply = ask(server.port(), from_page(origin));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), origin);
    EXPECT_EQ(reply.header("Vary"), "Origin");
    // What goes wrong can be read by the page too.
    reply = ask(server.port(), from_page(origin, "wrong"));
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), origin);
    Json body = question();
    body["stream"] = true;
    reply = ask(server.port(),
                post(kPath, body.dump(),
                     {std::string("Origin: ") + origin, "Authorization: Bearer secret"}));
    EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), origin);
  }
  for (const char* origin : {"https://two.example", "http://one.example", "null"}) {
    for (const std::string& request : {preflight(origin), from_page(origin)}) {
      const HttpReply reply = ask(server.port(), request);
      EXPECT_EQ(reply.status, 403) << origin;
      EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "");
    }
  }
  EXPECT_EQ(ask(server.port(), post(kPath, question().dump(), {"X-Api-Key: secret"})).status, 200);
}

TEST(ServePages, MayAllAskWhereThatIsWanted) {
  ServeProcess server({"--cors", "*"});
  const HttpReply reply = ask(server.port(), from_page("https://any.example"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "https://any.example");
  // A request that no page sent asks for nothing here.
  EXPECT_EQ(ask(server.port(), "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
}

HttpReply get(uint16_t port, const std::string& path) {
  return ask(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}

/// A server of this process, whose model comes when a test says so.
class GatedServer {
 public:
  GatedServer() : server_(options(), [this](auto exchange) { gate_.handle(std::move(exchange)); }) {
    thread_ = std::thread([this] { server_.run(); });
  }
  ~GatedServer() {
    server_.stop();
    thread_.join();
  }
  GatedServer(const GatedServer&) = delete;
  GatedServer& operator=(const GatedServer&) = delete;

  uint16_t port() const { return server_.port(); }
  void load() {
    server::ServedOptions options;
    options.names = {"tiny"};
    ModelOptions how;
    how.threads = 1;
    const auto model = std::make_shared<server::ServedModel>(Model::load(tiny_checkpoint(), how),
                                                             std::move(options));
    server::ServiceOptions service;
    service.access = access_;
    gate_.open(std::make_shared<server::Service>(model, service));
  }

 private:
  http::Options options() {
    http::Options options;
    options.error = [](const http::Request& head, int status, const std::string& message) {
      return server::Service::error(head, {status, message});
    };
    options.refuse = [this](const http::Request& head) { return gate_.refuse(head); };
    return options;
  }

  std::shared_ptr<const server::Access> access_ =
      std::make_shared<server::Access>(std::vector<std::string>{"secret"});
  server::Gate gate_{access_};
  http::Server server_;
  std::thread thread_;
};

TEST(ServeLoading, EverybodyIsToldUntilTheModelIsThere) {
  GatedServer server;
  const auto asked = [&](const std::string& path) {
    return ask(server.port(), post(path, question().dump(), {"Authorization: Bearer secret"}));
  };
  EXPECT_EQ(get(server.port(), "/health").status, 200);
  EXPECT_EQ(get(server.port(), "/health").json()["status"], "loading");
  const HttpReply ready = get(server.port(), "/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.header("Retry-After"), "1");
  EXPECT_EQ(asked(kPath).status, 503);
  EXPECT_EQ(asked(kPath).json()["error"]["type"], "unavailable_error");
  EXPECT_EQ(asked(kPath).json()["error"]["code"], "loading");
  EXPECT_TRUE(asked("/api/chat").json()["error"].is_string());
  EXPECT_EQ(chat(server.port(), question()).status, 401);

  server.load();
  EXPECT_EQ(get(server.port(), "/health").json()["status"], "ok");
  EXPECT_EQ(get(server.port(), "/ready").status, 200);
  EXPECT_EQ(asked(kPath).status, 200);
}

}  // namespace

}  // namespace owl3::test
