// Requests to a server, and what they are answered with.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "serve_process.h"

namespace owl3::test {

using Json = nlohmann::json;

inline const std::string kPicture = OWL3_TEST_DATA "/images/08-RGB-200x150.jpg";
inline const std::string kOtherPicture = OWL3_SOURCE_DIR "/demo/crab.jpg";
inline const std::string kPath = "/v1/chat/completions";

std::string bytes_of(const std::string& file);
std::string base64(const std::string& bytes);

Json text_part(const std::string& text);
Json image_part(const std::string& bytes = bytes_of(kPicture));
Json video_part(const Json& url);
Json message(const char* role, const Json& content);
Json user(const Json& content);
Json question(const Json& content = "What is this?");
/// A file by itself, as its bytes.
std::string upload(const std::string& path, const std::string& type, const std::string& bytes);

HttpReply chat(uint16_t port, const Json& body);
std::string answer_of(const HttpReply& reply);
/// Events of a stream: JSON, but for the last, "[DONE]".
std::vector<std::string> events_of(const std::string& body);
/// Whether it comes to hold within that time.
bool within(int seconds, const std::function<bool()>& holds);

}  // namespace owl3::test
