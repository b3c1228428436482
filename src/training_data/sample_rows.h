// The layouts of training rows in circulation, brought to one form: messages and lists of media.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/prompt.h"

namespace owl3 {

/// A message as the row has it, its media as <image> and <video>, "\<image>" being plain text
/// (text/user_marks.h).
struct RowMessage {
  Role role = Role::kUser;
  std::string text;
  std::string place;   // "messages[1].content", for error messages
  bool learnt = true;  // an assistant's only: false where the row says "loss": false
};

/// An image or a film, as a path, a URL or a data: URL.
struct RowMedium {
  std::string reference;
  std::string place;  // "images[0]", "messages[0].content[1].image"
};

struct SampleRow {
  std::vector<RowMessage> messages;
  std::vector<RowMedium> images;
  std::vector<RowMedium> videos;
};

/// Longest row that is read, in bytes: room for a few pictures in base64.
inline constexpr size_t kMaxSampleBytes = size_t{64} << 20;

/// Parses the text of a row, in UTF-8; Python's NaN and Infinity count as null. Throws InputError
/// "<name>: <what>".
nlohmann::json parse_row(std::string_view text, const std::string& name);

/// Reads a row in any of these layouts, told apart by their keys:
///   messages [{role, content}]                      ms-swift, the common one
///   conversations [{from, value}]                   LLaVA; backslashes before marks are none
///   conversation [{human, assistant}], system
///   query, response, history [[query, response]], system
///   instruction, input, output, history, system     Alpaca
/// The first three differ in their names only: each may have the messages of another. A content may
/// be a list of parts, {type: text|image|image_url|video|video_url}. Media stand in the parts, or
/// in `images` or `image` and `videos` or `video`, each one medium (row_media.h) or a list of them.
/// Throws InputError "<name>: <key> <what>".
SampleRow read_row(const nlohmann::json& row, const std::string& name);

}  // namespace owl3
