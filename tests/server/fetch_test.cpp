// What a server fetches, and what nobody gets it to fetch.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <csignal>
#include <cstring>

#include "core/error.h"
#include "file_server.h"
#include "owl3/error.h"
#include "server/media_fetch.h"
#include "shared_server.h"

namespace owl3::test {

namespace {

bool is_public(const char* text) {
  sockaddr_storage storage{};
  auto* in4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
    storage.ss_family = AF_INET;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &in6->sin6_addr), 1) << text;
    storage.ss_family = AF_INET6;
  }
  return server::is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(FetchAddresses, AreAnybodysOrNot) {
  for (const char* address :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
        "192.167.1.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1"}) {
    EXPECT_TRUE(is_public(address)) << address;
  }
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "100.64.0.1",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:8.8.8.8",
                              "64:ff9b::7f00:1",
                              "2002:7f00:1::",
                              "2001::1",
                              "2001:db8::1",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1"}) {
    EXPECT_FALSE(is_public(address)) << address;
  }
}

TEST(FetchHosts, AreThoseThatWereNamedAndNoOthers) {
  server::FetchOptions options;
  options.hosts = {"one.example", "*.two.example", "three.example:8000", "[2001:db8::1]"};
  const server::MediaFetcher fetcher(options);
  for (const char* url :
       {"http://one.example/a.png", "https://one.example", "https://one.example:443/x?y=z#t",
        "http://one.example:80/", "https://cdn.two.example/a", "https://a.b.two.example/",
        "http://three.example:8000/", "https://three.example:8000/", "http://[2001:db8::1]/"}) {
    EXPECT_EQ(fetcher.refusal(url), "") << url;
  }
  for (const char* url : {"http://two.example/",
                          "http://evil-two.example/",
                          "http://one.example.evil.example/",
                          "http://evil.example/one.example",
                          "http://one.example:81/",
                          "http://three.example/",
                          "https://one.example:80/",
                          "http://one.example@evil.example/",
                          "http://evil.example#@one.example/",
                          "http://one.example\\@evil.example/",
                          "http://ONE.example/",
                          "http://one.example./",
                          "http://one.example:/",
                          "http://one.example:80:80/",
                          "http://one.example%2eevil.example/",
                          "http:///one.example",
                          "http://one.example\n.evil.example/",
                          "http://one .example/",
                          "ftp://one.example/",
                          "file:///etc/passwd",
                          "gopher://one.example/",
                          "http://user:pw@one.example/",
                          "http://127.0.0.1/",
                          "http://[2001:db8::1/",
                          "http://[2001:db8::1]x/",
                          ""}) {
    EXPECT_NE(fetcher.refusal(url), "") << url;
  }
  EXPECT_NE(fetcher.refusal("http://one.example/" + std::string(10'000, 'x')), "");
}

TEST(FetchHosts, ThatAreWrittenWronglyAreToldAtTheStart) {
  for (const char* host : {"", "http://one.example", "one.example/", "ONE.example", "a b", "*.",
                           "one.example:port", "*one.example"}) {
    server::FetchOptions options;
    options.hosts = {host};
    EXPECT_THROW(server::MediaFetcher{options}, UsageError) << host;
  }
}

Json about(const std::string& url) {
  const Json part = {{"type", "image_url"}, {"image_url", {{"url", url}}}};
  return question(std::vector<Json>{part, text_part("What is this?")});
}

void expect_not_fetched(const HttpReply& reply, const std::string& why) {
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_NE(reply.body.find(why), std::string::npos) << reply.body;
  EXPECT_EQ(reply.json()["error"]["param"], "messages[0].content[0]") << reply.body;
}

std::string allowed(const FileServer& files) {
  return "localhost:" + std::to_string(files.port());
}

TEST(ServeFetch, NothingUnlessToldTo) {
  FileServer files;
  ServeProcess server;
  expect_not_fetched(chat(server.port(), about(files.url("/a.jpg"))), "fetches nothing");
  EXPECT_EQ(files.asked(), 0);
}

TEST(ServeFetch, WhatHostsThatWereNamedHave) {
  FileServer files;
  files.put_file("/a.jpg", bytes_of(kPicture));
  files.put_redirection("/moved.jpg", "/a.jpg");
  files.put_file("/film.mp4", bytes_of(OWL3_SOURCE_DIR "/demo/ball.mp4"));
  ServeProcess server({"--fetch-from", allowed(files), "--fetch-private"});
  const std::string answer = answer_of(chat(server.port(), one_picture_question()));
  EXPECT_EQ(answer_of(chat(server.port(), about(files.url("/a.jpg")))), answer);
  EXPECT_EQ(answer_of(chat(server.port(), about(files.url("/moved.jpg")))), answer);
  const Json film =
      question(std::vector<Json>{video_part(files.url("/film.mp4")), text_part("What happens?")});
  EXPECT_EQ(chat(server.port(), film).status, 200);
  const HttpReply uploaded =
      ask(server.port(),
          post("/v1/media", about(files.url("/a.jpg"))["messages"][0]["content"][0].dump(),
               {"Content-Type: application/json"}));
  EXPECT_EQ(uploaded.status, 200) << uploaded.body;
  const std::string name = uploaded.json()["id"];
  EXPECT_EQ(answer_of(chat(server.port(), about("media:" + name))), answer);
  const HttpReply counted =
      ask(server.port(), post(kPath + "/input_tokens", about(files.url("/a.jpg")).dump()));
  EXPECT_EQ(counted.json()["images"], 1) << counted.body;
}

TEST(ServeFetch, NoPrivateAddressByWhateverName) {
  FileServer files;
  files.put_file("/a.jpg", bytes_of(kPicture));
  const std::string port = ":" + std::to_string(files.port());
  ServeProcess server({"--fetch-from", "localhost" + port, "--fetch-from", "127.0.0.1" + port,
                       "--fetch-from", "2130706433" + port, "--fetch-from", "0x7f.1" + port,
                       "--fetch-from", "[::ffff:7f00:1]" + port});
  for (const char* host : {"localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::ffff:7f00:1]"}) {
    expect_not_fetched(chat(server.port(), about(files.url("/a.jpg", host))), "is not public");
  }
  EXPECT_EQ(files.asked(), 0);
}

TEST(ServeFetch, IsLedNowhereElse) {
  FileServer files;
  FileServer inside;
  inside.put_file("/secret", bytes_of(kPicture));
  ServeProcess server({"--fetch-from", allowed(files), "--fetch-private"});
  for (const std::string& to : {inside.url("/secret"), inside.url("/secret", "127.0.0.1"),
                                std::string("file:///etc/passwd"),
                                std::string("gopher://localhost/"), files.url("/a", "127.0.0.1")}) {
    files.put_redirection("/a", to);
    expect_not_fetched(chat(server.port(), about(files.url("/a"))), "can't be fetched");
  }
  EXPECT_EQ(inside.asked(), 0);
  files.put_redirection("/round", "/round");
  expect_not_fetched(chat(server.port(), about(files.url("/round"))), "in circles");
}

TEST(ServeFetch, IsBoundedInSizeTimeAndNumber) {
  FileServer files;
  files.put_file("/long", std::string(300'000, 'x'));
  files.put("/endless", "HTTP/1.1 200 OK\r\n\r\n" + std::string(2'000'000, 'x'));
  files.put_trickle("/slow");
  files.put_file("/none", "");
  files.put_file("/text", "this is no picture");
  ServeProcess server({"--fetch-from", allowed(files), "--fetch-private", "--fetch-bytes", "200k",
                       "--fetch-time", "1"});
  const auto about_file = [&](const char* path) {
    return chat(server.port(), about(files.url(path)));
  };
  expect_not_fetched(about_file("/long"), "longer than 200000 bytes");
  expect_not_fetched(about_file("/endless"), "longer than 200000 bytes");
  expect_not_fetched(about_file("/slow"), "its file");
  expect_not_fetched(about_file("/none"), "empty");
  expect_not_fetched(about_file("/gone"), "404");
  EXPECT_EQ(about_file("/text").status, 400);
  const Json part = about(files.url("/text"))["messages"][0]["content"][0];
  const HttpReply many = chat(server.port(), question(std::vector<Json>(129, part)));
  EXPECT_EQ(many.status, 400);
  EXPECT_NE(many.body.find("128"), std::string::npos) << many.body;
}

TEST(ServeFetch, EndsWhenTheClientLeaves) {
  FileServer files;
  files.put_trickle("/slow");
  ServeProcess server({"--fetch-from", allowed(files), "--fetch-private", "--fetch-time", "600"});
  Connection connection(server.port());
  connection.send(post(kPath, about(files.url("/slow")).dump()));
  ASSERT_TRUE(within(20, [&] { return files.asked() == 1; }));
  connection.close();
  EXPECT_TRUE(within(20, [&] { return !server.log().empty(); }));
  EXPECT_EQ(server.log().back()["status"], 0);
  server.signal(SIGTERM);  // which waits for nothing that goes on
  EXPECT_EQ(server.wait(), 0);
}

}  // namespace

}  // namespace owl3::test
