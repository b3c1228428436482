// A training sample: one row of a training file, checked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/media_lines.h"
#include "text/prompt.h"

namespace owl3 {

struct SampleMedium {
  bool is_video = false;
  std::string reference;  // as the row has it
  std::string place;      // "images[0]", for error messages
};

struct Sample {
  std::vector<Message> messages;    // media as kImageMark and kVideoMark
  std::vector<bool> learnt;         // for each message, whether its words are
  std::vector<SampleMedium> media;  // in the order of their marks

  /// A text to pre-train on: a single message, the assistant's, which may have marks.
  bool is_document() const { return messages.size() == 1 && messages[0].role == Role::kAssistant; }
  bool has_video() const;
  /// How its questions part media from words: the first way of them that is not chat's.
  MediaLines media_lines() const;
};

enum class Loss { kAllAnswers, kLastAnswer };

struct SampleOptions {
  /// What is put behind <image> and <video>. kAuto concerns what users ask: a text to pre-train on
  /// stays as it is written.
  MediaNewlines newline_after_media = MediaNewlines::kAsWritten;
  Loss loss = Loss::kAllAnswers;
};

/// Parses and checks the text of a row. The <image> and <video> marks of the user's text become the
/// model's; a row that has media but no mark gets the marks at the beginning of its first user's
/// message, a line each. Throws InputError "<name>: <what>", `name` being "<file>:<line>".
Sample parse_sample(std::string_view row, const std::string& name, const SampleOptions& options);

}  // namespace owl3
