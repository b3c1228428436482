#include "batch/request_lines.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "owl3/error.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kUrl = R"("method": "POST", "url": "/v1/chat/completions")";

std::string line(const std::string& id, const std::string& more = "\"body\": {\"n\": 1}") {
  return "{\"custom_id\": \"" + id + "\", " + kUrl + ", " + more + "}\n";
}

class RequestLinesFile : public ::testing::Test {
 protected:
  RequestLines lines(const std::string& text) const {
    return RequestLines(folder_.write("r.jsonl", text));
  }
  /// Of a line behind one that is right.
  BatchRequest behind_a_right_one(const std::string& text) const {
    return lines(line("first") + text).request(1);
  }
  void expect_refused(const std::string& text, const std::string& code) const {
    const BatchRequest request = behind_a_right_one(text);
    EXPECT_EQ(request.code, code) << text;
    EXPECT_TRUE(request.error.starts_with("line 2: ")) << request.error;
    EXPECT_EQ(request.body, "");
  }

  ScratchFolder folder_;
};

TEST_F(RequestLinesFile, GivesIdsUrlsAndBodiesAndPassesOverBlankLines) {
  const RequestLines requests =
      lines("\xEF\xBB\xBF" + line("a") + "\r\n \n" +
            line("\\u00e4", R"("body": {"messages": [{"content": "\u20ac"}], "x": 0.1})"));
  ASSERT_EQ(requests.size(), 2);
  EXPECT_EQ(requests.request(0).custom_id, "a");
  EXPECT_EQ(requests.request(0).url, "/v1/chat/completions");
  EXPECT_EQ(requests.request(0).body, R"({"n":1})");
  EXPECT_EQ(requests.request(1).custom_id, "ä");
  EXPECT_EQ(requests.request(1).body, R"({"messages":[{"content":"€"}],"x":0.1})");
  EXPECT_EQ(requests.request(1).error, "");
}

TEST_F(RequestLinesFile, WhatIsNoRequestSaysWhy) {
  expect_refused("{\"custom_id\": ", "invalid_json_line");
  expect_refused("[]", "invalid_json_line");
  expect_refused(std::string("{}\0", 3), "invalid_json_line");
  expect_refused("{\"custom_id\": \"\xFF\"}", "invalid_json_line");
  expect_refused("{\"custom_id\": \"a\", \"body\": " + std::string(100'000, '['),
                 "invalid_json_line");
  expect_refused(R"({"method": "POST", "url": "/v1/responses", "body": {}})",
                 "missing_required_parameter");
  expect_refused(R"({"custom_id": 7, "method": "POST", "url": "/v1/responses", "body": {}})",
                 "missing_required_parameter");
  expect_refused(line("first"), "duplicate_custom_id");
  expect_refused(R"({"custom_id": "b", "method": "GET", "url": "/v1/responses", "body": {}})",
                 "invalid_method");
  expect_refused(R"({"custom_id": "b", "method": "POST", "body": {}})",
                 "missing_required_parameter");
  expect_refused(line("b", "\"body\": []"), "missing_required_parameter");
  EXPECT_EQ(behind_a_right_one(line("first")).custom_id, "first");
}

TEST_F(RequestLinesFile, IsRefusedWhereNoLineIsARequest) {
  for (const char* text :
       {"", "\n", "id,image\n1,a.jpg\n", "{\"image\": \"a.jpg\"}\n", "\xFF\xD8"}) {
    EXPECT_NE(message_of<InputError>([&] { lines(text); }), "");
  }
  message_of<InputError>([&] { RequestLines(folder_ / "none.jsonl"); });
}

}  // namespace
}  // namespace owl3
