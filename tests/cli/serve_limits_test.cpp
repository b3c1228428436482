// What clients who mean ill, or are slow, or leave, can't do to `owl3 serve`; how it begins and
// ends.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run_program.h"
#include "serve_process.h"
#include "serve_requests.h"

namespace owl3::test {

namespace {

TEST(ServeLimits, ABodyThatIsTooLongIsRefusedBeforeItComes) {
  ServeProcess server({"--max-body", "100k"});
  Connection told(server.port());
  told.send("POST " + kPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n");
  HttpReply reply = told.receive(10);
  EXPECT_EQ(reply.status, 413);
  EXPECT_NE(reply.body.find("100000"), std::string::npos) << reply.body;

  Connection untold(server.port());
  untold.send("POST " + kPath + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 4 && untold.send(chunk); ++i) {
  }
  EXPECT_EQ(untold.receive(10).status, 413);

  // One that sends all of it before it reads is told, too.
  reply = ask(server.port(), post(kPath, std::string(5'000'000, 'x')));
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(ask(server.port(), "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(ServeLimits, AHeaderThatIsTooLongIsRefused) {
  ServeProcess server;
  Connection connection(server.port());
  connection.send("GET /health HTTP/1.1\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(connection.receive(10).status, 431);
}

TEST(ServeLimits, SlowClientsAreLeftAndOthersDontNotice) {
  ServeProcess server({"--header-time", "0.5", "--idle-time", "0.5", "--keep-alive-time", "0.5"});
  std::vector<std::unique_ptr<Connection>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<Connection>(server.port()));
    if (i % 3 == 0) slow.back()->send("POST /v1/chat");  // a header that doesn't go on
    if (i % 3 == 1) slow.back()->send(post(kPath, question().dump()).substr(0, 120));
  }
  EXPECT_EQ(chat(server.port(), question()).status, 200);
  // A header that comes a byte at a time is no quicker.
  Connection trickle(server.port());
  for (int i = 0; i < 14; ++i) {
    trickle.send("x");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(trickle.receive(20).status, 408);
  for (size_t i = 0; i < slow.size(); ++i) {
    if (i % 3 == 2) {
      EXPECT_TRUE(slow[i]->ends(20)) << i;
    } else {
      EXPECT_EQ(slow[i]->receive(20).status, 408) << i;
    }
  }
}

TEST(ServeLimits, OneConnectionTooManyIsTold) {
  ServeProcess server({"--max-connections", "3"});
  std::vector<std::unique_ptr<Connection>> open;
  for (int i = 0; i < 3; ++i) open.push_back(std::make_unique<Connection>(server.port()));
  open.back()->send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(open.back()->receive(10).status, 200);
  Connection further(server.port());
  const HttpReply reply = further.receive(10);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  open.clear();
  EXPECT_TRUE(within(10, [&] {
    return ask(server.port(), "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status == 200;
  }));
}

/// A stream that begins at once, and whose prompt then takes a while to read.
Json long_question(int words) {
  std::string text;
  for (int i = 0; i < words; ++i) text += "go ";
  Json body = question(text);
  body["stream"] = true;
  return body;
}

/// Half a minute, where nobody ends it.
Json endless() {
  return long_question(30'000);
}

TEST(ServeLimits, WhatNobodyWaitsForIsNotComputed) {
  ServeProcess server({tiny_checkpoint(), "--name", "tiny"});
  for (const bool reads : {true, false}) {
    Connection connection(server.port());
    connection.send(post(kPath, endless().dump()));
    if (reads) {
      EXPECT_NE(connection.receive_some(), "");
    }
    const size_t before = server.log().size();
    connection.close();
    EXPECT_TRUE(within(10, [&] { return server.log().size() > before; })) << reads;
    EXPECT_EQ(server.log().back()["status"], 0) << server.log().back();
  }
  // Also one that has sent its next request already.
  Connection eager(server.port());
  eager.send(post(kPath, endless().dump()) + post(kPath, endless().dump()));
  EXPECT_NE(eager.receive_some(), "");
  const size_t before = server.log().size();
  eager.close();
  EXPECT_TRUE(within(10, [&] { return server.log().size() > before; }));
}

TEST(ServeLimits, MoreThanMayWaitIsToldToComeBack) {
  ServeProcess server({tiny_checkpoint(), "--max-running", "1", "--max-waiting", "0"});
  Connection first(server.port());
  first.send(post(kPath, endless().dump()));
  ASSERT_NE(first.receive_some(), "");
  const HttpReply reply = chat(server.port(), question());
  EXPECT_EQ(reply.status, 429) << reply.body;
  EXPECT_EQ(reply.header("Retry-After"), "1");
  first.close();
  EXPECT_TRUE(within(10, [&] { return chat(server.port(), question()).status == 200; }));
}

TEST(ServeLimits, AStreamThatHasToWaitShowsThatItLives) {
  ServeProcess server({tiny_checkpoint(), "--max-running", "1", "--ping-time", "0.05"});
  Connection first(server.port());
  first.send(post(kPath, endless().dump()));
  ASSERT_NE(first.receive_some(), "");
  Connection second(server.port());
  Json body = question();
  body["stream"] = true;
  second.send(post(kPath, body.dump()));
  std::string came;
  EXPECT_TRUE(within(20, [&] {
    came += second.receive_some(20);
    return came.find("\n\n: ping\n\n") != came.npos || came.find(": ping\n\n\r\n") != came.npos;
  })) << came;
  EXPECT_EQ(came.find("[DONE]"), came.npos);
  first.close();
  EXPECT_TRUE(within(20, [&] {
    came += second.receive_some(20);
    return came.find("data: [DONE]") != came.npos;
  })) << came;
}

TEST(ServeLimits, KeysAreAskedForBeforeTheBodyIsRead) {
  const std::string file = (scratch_folder() / "keys").string();
  std::ofstream(file) << "# of the tests\nfirst\n\nsecond\r\n";
  ServeProcess server({"--api-key-file", file, "--api-key", "third"});
  const auto with = [&](const std::vector<std::string>& headers) {
    return ask(server.port(), post(kPath, question().dump(), headers)).status;
  };
  EXPECT_EQ(with({}), 401);
  EXPECT_EQ(with({"Authorization: Bearer wrong"}), 401);
  EXPECT_EQ(with({"Authorization: Bearer"}), 401);
  EXPECT_EQ(with({"Authorization: first"}), 401);
  EXPECT_EQ(with({"X-Api-Key: "}), 401);
  EXPECT_EQ(with({"Authorization: bearer first"}), 200);
  const auto refused = [&](const std::vector<std::string>& headers) {
    return ask(server.port(), post(kPath, question().dump(), headers)).body;
  };
  EXPECT_NE(refused({}).find("API key is needed"), std::string::npos);
  EXPECT_NE(refused({"Authorization: Bearer wrong"}).find("key is wrong"), std::string::npos);
  for (const char* key : {"first", "second", "third"}) {
    EXPECT_EQ(with({std::string("Authorization: Bearer ") + key}), 200);
    EXPECT_EQ(with({std::string("X-Api-Key: ") + key}), 200);
  }
  EXPECT_EQ(ask(server.port(), "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  Connection unknown(server.port());
  unknown.send("POST " + kPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 400000000\r\n\r\n");
  const HttpReply reply = unknown.receive(10);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.header("WWW-Authenticate"), "Bearer");
}

TEST(ServeEnd, WhatIsUnderWayIsAnsweredFirst) {
  ServeProcess server({tiny_checkpoint()});
  Connection idle(server.port());
  Connection busy(server.port());
  busy.send(post(kPath, long_question(3000).dump()));
  std::string begun = busy.receive_some();
  ASSERT_NE(begun, "");
  server.signal(SIGHUP);  // means nothing
  server.signal(SIGTERM);
  EXPECT_TRUE(idle.ends(10));
  while (true) {
    const std::string more = busy.receive_some();
    if (more.empty()) break;
    begun += more;
  }
  EXPECT_NE(begun.find("data: [DONE]"), std::string::npos);
  EXPECT_EQ(server.wait(), 0);
}

TEST(ServeEnd, ASecondSignalEndsItAtOnce) {
  ServeProcess server({tiny_checkpoint()});
  Connection busy(server.port());
  busy.send(post(kPath, endless().dump()));
  ASSERT_NE(busy.receive_some(), "");
  const auto start = std::chrono::steady_clock::now();
  server.signal(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(ServeEnd, WhatIsNotAnsweredByThenIsTold) {
  ServeProcess server({tiny_checkpoint(), "--name", "tiny", "--drain-time", "0.3"});
  Json whole = endless();
  whole["stream"] = false;
  const Json response = {{"input", endless()["messages"][0]["content"]}, {"stream", true}};
  Json ollama = endless();
  ollama["model"] = "tiny";
  const std::vector<std::string> requests = {
      post(kPath, endless().dump()), post(kPath, whole.dump()),
      post("/v1/responses", response.dump()), post("/api/chat", ollama.dump())};
  std::vector<std::unique_ptr<Connection>> clients;
  for (const std::string& request : requests) {
    clients.push_back(std::make_unique<Connection>(server.port()));
    clients.back()->send(request);
  }
  Connection uploading(server.port());
  uploading.send(post(kPath, question().dump()).substr(0, 120));
  std::string begun = clients[0]->receive_some();
  ASSERT_NE(begun, "");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the others are begun, too
  server.signal(SIGTERM);
  for (std::string more = begun; !more.empty(); begun += more) more = clients[0]->receive_some();
  EXPECT_NE(begun.find("data: {\"error\":{\"message\":\"the server ends"), begun.npos) << begun;
  EXPECT_NE(begun.find("\r\n0\r\n\r\n"), begun.npos) << begun;
  const HttpReply told = clients[1]->receive(10);
  EXPECT_EQ(told.status, 503);
  EXPECT_NE(told.body.find("the server ends"), told.body.npos) << told.body;
  EXPECT_NE(clients[2]->receive(10).body.find("event: error"), std::string::npos);
  EXPECT_NE(clients[3]->receive(10).body.find("\"error\":\"the server ends"), std::string::npos);
  EXPECT_EQ(uploading.receive(10).status, 503);
  EXPECT_EQ(server.wait(), 0);
  const std::vector<Json> log = server.log();
  EXPECT_EQ(log.size(), 5U);
  for (const Json& line : log) EXPECT_EQ(line["status"], 503) << line;
}

TEST(ServeLog, ThatNobodyReadsEndsNothing) {
  const std::string told = (scratch_folder() / "address").string();
  const std::string number = (scratch_folder() / "number").string();
  const std::string command = std::string("{ ") + OWL3_PROGRAM + " serve --port 0 -t 1 >" + told +
                              " & echo $! >" + number + "; } 2>&1 | true";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::string line;
  ASSERT_TRUE(within(20, [&] {
    line = bytes_of(told);
    return line.ends_with('\n');
  }));
  const auto port = static_cast<uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chat(port, question()).status, 200) << i;
  ::kill(std::stoi(bytes_of(number)), SIGTERM);
}

TEST(ServeStart, OptionsThatMeanNothingAreRefused) {
  const std::string folder = scratch_folder().string();
  const std::string empty = (scratch_folder() / "no-keys").string();
  const std::string bytes = (scratch_folder() / "bytes").string();
  std::ofstream(empty) << "  \n\r\n# none\n";
  std::ofstream(bytes) << "good\nb\x01\xff\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--api-key", ""}, "--api-key: is empty"},
      {{"--api-key", "good", "--api-key", " "}, "--api-key: is empty"},
      {{"--api-key", "a\tb"}, "--api-key: has a byte"},
      {{"--api-key", " a"}, "--api-key: begins or ends"},
      {{"--api-key-file", empty}, "has no key in it"},
      {{"--api-key-file", bytes}, "the key in line 2"},
      {{"--api-key-file", folder}, "is a folder"},
      {{"--name", ""}, "--name: is empty"},
      {{"--cors", "foo"}, "must be an origin"},
      {{"--cors", "https://x/y"}, "must be an origin"},
      {{"--fetch-from", "x:99999"}, "must be a host"},
      {{"--fetch-private"}, "--fetch-from"}};
  for (const auto& [options, part] : wrong) {
    std::vector<std::string> arguments = {"serve", "--port", "0"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = run_owl3(arguments);
    EXPECT_NE(outcome.exit_code, 0) << part;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  }
}

TEST(ServeStart, WhatCannotBeIsSaidInALine) {
  ServeProcess server;
  const Outcome taken = run_owl3({"serve", "--port", std::to_string(server.port())});
  EXPECT_EQ(taken.exit_code, 1);
  EXPECT_TRUE(is_one_line(taken.err)) << taken.err;
  EXPECT_NE(taken.err.find("give another --port"), std::string::npos) << taken.err;
  EXPECT_EQ(run_owl3({"serve", "--port", "70000"}).exit_code, 2);
  EXPECT_EQ(run_owl3({"serve", "--host", "no.such.host.invalid", "--port", "0"}).exit_code, 1);
  EXPECT_EQ(run_owl3({"serve", "no-such-model", "--port", "0"}).exit_code, 1);
  EXPECT_EQ(run_owl3({"serve", "--api-key-file", "/no/such/file", "--port", "0"}).exit_code, 1);
}

TEST(ServeLog, HasALineForEachRequestAndNothingOfItsContent) {
  ServeProcess server;
  chat(server.port(), question("A secret question"));
  ask(server.port(), "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(within(10, [&] { return server.log().size() == 2; }));
  const Json line = server.log()[0];
  EXPECT_EQ(line["method"], "POST");
  EXPECT_EQ(line["path"], kPath);
  EXPECT_EQ(line["status"], 200);
  EXPECT_GT(line["usage"]["prompt_tokens"], 0);
  EXPECT_GT(line["bytes_out"], 0);
  EXPECT_EQ(line.dump().find("secret"), std::string::npos);
  EXPECT_EQ(server.log()[1]["status"], 404);
}

}  // namespace

}  // namespace owl3::test
