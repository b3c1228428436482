// owl3 batch --openai on owlet: requests of OpenAI's Batch API, without a server.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "chat_runs.h"
#include "core/scratch_folder.h"
#include "serve_requests.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;

constexpr int kPictures = 6;

Json file_part(const std::string& url) {
  return {{"type", "image_url"}, {"image_url", {{"url", url}}}};
}

Json about(const Json& media, const std::string& text = "What is this?") {
  return {{"messages", Json::array({user(Json::array({media, text_part(text)}))})}};
}

/// A line of a Batch.
Json request(const std::string& id, const Json& body, const std::string& url = kPath) {
  return {{"custom_id", id}, {"method", "POST"}, {"url", url}, {"body", body}};
}

class BatchRequests : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "photos");
    for (int i = 1; i <= kPictures; ++i) {
      const std::string name = "0" + std::to_string(i) + ".jpg";
      fs::copy_file(fs::path(OWL3_SOURCE_DIR) / "demo/album" / name, folder_ / "photos" / name);
    }
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void write(const std::vector<Json>& requests) const {
    std::string text;
    for (const Json& one : requests) text += one.dump() + "\n";
    folder_.write("requests.jsonl", text);
  }
  /// Of every picture a whole answer, drawn without a seed.
  void write_about_all(int times = 1) const {
    std::vector<Json> requests;
    for (int i = 0; i < times * kPictures; ++i) {
      const std::string name = "0" + std::to_string(1 + i % kPictures) + ".jpg";
      Json body = about(file_part("file:photos/" + name));
      body["temperature"] = 1.2;
      requests.push_back(request("r" + std::to_string(i), body));
    }
    write(requests);
  }

  Outcome batch(const Words& more, const RunOptions& options = {}) const {
    Words words = {"batch", "owlet", "-t", "1", "--openai", path("requests.jsonl")};
    words.insert(words.end(), more.begin(), more.end());
    return run_owl3(words, options);
  }
  Outcome with_files(Words more, const RunOptions& options = {}) const {
    more.insert(more.end(), {"--files-from", folder_.path().string()});
    return batch(more, options);
  }
  /// The only row.
  Json row_of(const Json& one, const Words& more = {}) const {
    write({one});
    const auto rows = json_lines(batch(more).out);
    EXPECT_EQ(rows.size(), 1U);
    return rows.empty() ? Json() : rows[0];
  }

  ScratchFolder folder_;
};

TEST_F(BatchRequests, GivesTheObjectsThatTheServerAnswers) {
  const Json picture = image_part(bytes_of(kOtherPicture));
  Json drawn = about(picture, "Describe the picture.");
  drawn.update({{"temperature", 1.2}, {"seed", 3}, {"n", 2}, {"logprobs", true}});
  Json chosen = about(picture);
  chosen["response_format"] = {{"type", "json_schema"},
                               {"json_schema", {{"schema", {{"enum", {"crab", "owl"}}}}}}};
  const std::vector<Json> requests = {
      request("drawn", drawn), request("chosen", chosen),
      request("text", {{"prompt", "The picture"}, {"max_tokens", 5}, {"temperature", 0}},
              "/v1/completions"),
      request("said", {{"input", "Who are you?"}, {"temperature", 0}}, "/v1/responses")};
  write(requests);
  const Outcome outcome = batch({});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto rows = json_lines(outcome.out);
  ASSERT_EQ(rows.size(), requests.size());
  const ServeProcess server;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Json& row = rows[i];
    EXPECT_EQ(row["id"], "batch_req_" + std::to_string(i));
    EXPECT_EQ(row["custom_id"], requests[i]["custom_id"]);
    EXPECT_TRUE(row["error"].is_null());
    EXPECT_EQ(row["response"]["status_code"], 200);
    EXPECT_TRUE(row["response"]["request_id"].get<std::string>().starts_with("req_"));
    const auto url = requests[i]["url"].get<std::string>();
    Json served = ask(server.port(), post(url, requests[i]["body"].dump())).json();
    Json body = row["response"]["body"];
    for (Json* one : {&served, &body}) {  // what is each answer's own
      for (const char* key : {"id", "created", "created_at", "timings"}) one->erase(key);
      if (one->contains("output")) (*one)["output"][0].erase("id");
    }
    EXPECT_EQ(body, served);
  }
}

TEST_F(BatchRequests, WhatIsRefusedIsARowAndTheRunGoesOn) {
  Json streamed = about(image_part());
  streamed["stream"] = true;
  write({request("a", {{"messages", Json::array()}}), request("b", streamed),
         request("c", {{"model", "gpt-4o"}, {"messages", Json::array({user("Hi.")})}}),
         request("d", about(file_part("file:photos/01.jpg"))),
         request("e", about(file_part("https://example.com/a.png"))),
         request("f", {{"messages", Json::array({user("Who are you?")})}}),
         request("f", {{"messages", Json::array({user("Who are you?")})}}),
         request("g", Json::object(), "/v1/embeddings")});
  const Outcome outcome = batch({"-o", path("o.jsonl")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("7 of 8 rows failed"), std::string::npos) << outcome.err;
  const auto rows = json_lines(read_text(folder_ / "o.jsonl"));
  ASSERT_EQ(rows.size(), 8U);
  const auto expect_refusal = [&](size_t row, int status, const Json& param) {
    EXPECT_EQ(rows[row]["response"]["status_code"], status);
    EXPECT_EQ(rows[row]["response"]["body"]["error"]["param"], param) << rows[row];
    EXPECT_TRUE(rows[row]["error"].is_null());
  };
  expect_refusal(0, 400, "messages");
  expect_refusal(1, 400, "stream");
  expect_refusal(2, 404, "model");
  expect_refusal(3, 400, "messages[0].content[0]");
  expect_refusal(4, 400, "messages[0].content[0]");
  EXPECT_EQ(rows[5]["response"]["status_code"], 200);
  EXPECT_EQ(rows[6]["error"]["code"], "duplicate_custom_id");
  EXPECT_TRUE(rows[6]["response"].is_null());
  EXPECT_EQ(rows[7]["error"]["code"], "invalid_url");
}

TEST_F(BatchRequests, MayAskForTheModelByTheNamesItIsGiven) {
  const Json asked = {{"model", "gpt-4o-mini"}, {"messages", Json::array({user("Hi.")})}};
  EXPECT_EQ(row_of(request("a", asked), {"--name", "gpt-4o-mini"})["response"]["body"]["model"],
            "gpt-4o-mini");
}

TEST_F(BatchRequests, ReadsFilesBeneathTheFoldersThatAreAllowedOnly) {
  fs::create_directory(folder_ / "other");
  fs::copy_file(folder_ / "photos/01.jpg", folder_ / "other/01.jpg");
  fs::create_symlink(folder_ / "other/01.jpg", folder_ / "photos/link.jpg");
  const auto status = [&](const std::string& url) {
    return row_of(request("a", about(file_part(url))),
                  {"--files-from", path("photos")})["response"]["status_code"];
  };
  EXPECT_EQ(status("file:photos/01.jpg"), 200);
  EXPECT_EQ(status("file:photos/%301.jpg"), 200);
  EXPECT_EQ(status("file://" + path("photos/01.jpg")), 200);
  EXPECT_EQ(status("file://localhost" + path("photos/01.jpg")), 200);
  for (const char* url : {"file:photos/link.jpg", "file:photos/../other/01.jpg", "file:/etc/passwd",
                          "file:photos/none.jpg", "file:photos", "file://photos/01.jpg",
                          "file:", "file:photos/01.jpg%00"}) {
    EXPECT_EQ(status(url), 400) << url;
  }
}

TEST_F(BatchRequests, ReadsFilmsWhereTheyLie) {
  fs::copy_file(OWL3_SOURCE_DIR "/demo/ball.mp4", folder_ / "film.mp4");
  const Json film = {{"type", "video_url"}, {"video_url", {{"url", "file:film.mp4"}}}};
  const Json sent = video_part("data:video/mp4;base64," + base64(bytes_of(path("film.mp4"))));
  write({request("a", about(film)), request("b", about(sent))});
  const auto rows = json_lines(with_files({}).out);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["response"]["status_code"], 200) << rows[0];
  EXPECT_EQ(rows[0]["response"]["body"]["usage"], rows[1]["response"]["body"]["usage"]);
}

TEST_F(BatchRequests, GivesTheSameBytesAtOnceOneByOneAndInShards) {
  write_about_all();
  const Outcome alone = with_files({"--parallel", "1"});
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(with_files({"--parallel", "8"}).out, alone.out);
  Words merge = {"batch", "merge"};
  for (const char* shard : {"2/2", "1/2"}) {
    merge.push_back(path(std::string(1, shard[0]) + ".jsonl"));
    EXPECT_EQ(with_files({"--shard", shard, "-o", merge.back()}).exit_code, 0);
  }
  merge.insert(merge.end(), {"-o", path("all.jsonl")});
  EXPECT_EQ(run_owl3(merge).exit_code, 0);
  EXPECT_EQ(read_text(folder_ / "all.jsonl"), alone.out);
}

TEST_F(BatchRequests, GoesOnToTheSameBytesWhereItWasKilled) {
  write_about_all(6);
  const std::string whole = with_files({}).out;
  const std::string out = path("o.jsonl");
  const auto there = [&] { return read_text(out).find('\n') != std::string::npos; };
  const Outcome first =
      with_files({"-o", out, "--parallel", "2"}, {.signal_when = there, .signals = {SIGKILL}});
  EXPECT_EQ(first.exit_code, 128 + SIGKILL);
  EXPECT_LT(read_text(out).size(), whole.size());
  const Outcome second = with_files({"-o", out, "--resume"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(read_text(out), whole);
}

TEST_F(BatchRequests, RetriesWhatFailedInItsPlace) {
  write_about_all();
  const std::string whole = with_files({}).out;
  fs::rename(folder_ / "photos/02.jpg", folder_ / "away.jpg");
  EXPECT_EQ(with_files({"-o", path("o.jsonl")}).exit_code, 1);
  fs::rename(folder_ / "away.jpg", folder_ / "photos/02.jpg");
  const Outcome retried = with_files({"-o", path("o.jsonl"), "--retry-failed"});
  EXPECT_EQ(retried.exit_code, 0) << retried.err;
  EXPECT_NE(retried.err.find("owl3: 1 row in "), std::string::npos) << retried.err;
  EXPECT_EQ(read_text(folder_ / "o.jsonl"), whole);
  // What is allowed may be another the next time.
  EXPECT_EQ(batch({"-o", path("o.jsonl"), "--resume"}).exit_code, 0);
}

TEST_F(BatchRequests, WrongCommandLinesAreOneLine) {
  write({request("a", {{"messages", Json::array({user("Hi.")})}})});
  folder_.write("table.csv", "image\na.jpg\n");
  const std::vector<Words> commands = {
      {"-p", "?"},
      {"--each", path("photos")},
      {"--temperature", "1"},
      {"--choices", "a,b"},
      {"--system", "x"},
      {"--side", "txt"},
      {"--format", "csv"},
      {"-o", path("o.csv")},
      {"--resume"},
      {"--files-from", path("none")},
      {"--openai", path("table.csv")},
      {"--openai", path("none.jsonl")},
  };
  for (const Words& command : commands) {
    const Outcome outcome = batch(command);
    EXPECT_NE(outcome.exit_code, 0) << command[0];
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  const Outcome without =
      run_owl3({"batch", "owlet", "--each", path("photos"), "-p", "?", "--name", "x"});
  EXPECT_EQ(without.exit_code, 2) << without.err;
}

}  // namespace

}  // namespace owl3::test
