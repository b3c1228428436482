#include "serve_requests.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

namespace owl3::test {

std::string bytes_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += i + j < bytes.size() + 1 ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

Json text_part(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}

Json image_part(const std::string& bytes) {
  return {{"type", "image_url"},
          {"image_url", {{"url", "data:image/jpeg;base64," + base64(bytes)}}}};
}

Json message(const char* role, const Json& content) {
  Json json = Json::object();
  json["role"] = role;
  json["content"] = content;
  return json;
}
Json user(const Json& content) {
  return message("user", content);
}

Json question(const Json& content) {
  Json json = {{"seed", 1}, {"max_tokens", 16}};
  json["messages"] = Json::array({user(content)});
  return json;
}

HttpReply chat(uint16_t port, const Json& body) {
  return ask(port, post(kPath, body.dump()));
}

std::string answer_of(const HttpReply& reply) {
  const Json json = reply.json();
  if (reply.status != 200) return "status " + std::to_string(reply.status) + ": " + reply.body;
  return json.at("choices").at(0).at("message").at("content").get<std::string>();
}

std::vector<std::string> events_of(const std::string& body) {
  std::vector<std::string> events;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\n\n", at);
    if (end == body.npos || body.compare(at, 6, "data: ") != 0) {
      events.push_back("broken");
      break;
    }
    events.push_back(body.substr(at + 6, end - at - 6));
    at = end + 2;
  }
  return events;
}

bool within(int seconds, const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}
Json video_part(const Json& url) {
  return {{"type", "video_url"}, {"video_url", {{"url", url}}}};
}

std::string upload(const std::string& path, const std::string& type, const std::string& bytes) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes;
}

}  // namespace owl3::test
