// The layouts of training rows in circulation, brought to one form: messages and lists of media.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "text/prompt.h"

namespace owl3 {

/// A message as the row has it, its media as <image> and <video>.
struct RowMessage {
  Role role = Role::kUser;
  std::string text;
  std::string place;   // "messages[1].content", for error messages
  bool learnt = true;  // an assistant's only: false where the row says "loss": false
};

struct SampleRow {
  std::vector<RowMessage> messages;
  std::vector<std::string> images;
  std::vector<std::string> videos;
};

/// Reads a row in any of these layouts, told apart by their keys:
///   messages [{role, content}]                      ms-swift, the common one
///   conversations [{from, value}]                   LLaVA
///   conversation [{human, assistant}], system
///   query, response, history [[query, response]], system
///   instruction, input, output, history, system     Alpaca
/// with `images` or `image` and `videos` or `video`, each a path or a list of paths. Throws
/// InputError "<name>: <key> <what>".
SampleRow read_row(const nlohmann::json& row, const std::string& name);

}  // namespace owl3
