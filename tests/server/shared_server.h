// A server with owlet that the tests of one fixture share, and what they ask of its answers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "serve_process.h"
#include "serve_requests.h"

namespace owl3::test {

/// A fixture for each file: `Own` makes their servers different ones.
template <typename Own>
class SharedServer : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<ServeProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static uint16_t port() { return server_->port(); }
  static HttpReply ask_at(const std::string& path, const Json& body) {
    return ask(port(), post(path, body.dump()));
  }

 private:
  static inline std::unique_ptr<ServeProcess> server_;
};

/// A refusal of a field by name: 400, with that `param`.
inline void expect_refused(const HttpReply& reply, const std::string& param) {
  EXPECT_EQ(reply.status, 400) << reply.body;
  const Json json = reply.json();
  ASSERT_TRUE(json.is_object() && json.contains("error")) << reply.body;
  EXPECT_EQ(json["error"]["param"], param) << reply.body;
}

/// The events of a stream that are JSON.
inline std::vector<Json> json_events(const std::string& body) {
  std::vector<Json> events;
  for (const std::string& event : events_of(body)) {
    if (Json::accept(event)) events.push_back(Json::parse(event));
  }
  return events;
}

inline Json one_picture_question() {
  return question(std::vector<Json>{image_part(), text_part("What is this?")});
}

}  // namespace owl3::test
