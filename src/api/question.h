// A question as the user writes it: where <image> and <video> stand in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace owl3 {

/// What a mark may stand for. Known before anything of the medium is read.
struct QuestionMedium {
  bool is_video = false;
  std::filesystem::path path;
};

/// How images stand that no mark in the text places.
struct ImageNumbering {
  bool on = false;
  int64_t before = 0;  // images of the conversation before this question
};

/// The question as the prompt writes it: the user's marks become the model's; without any mark,
/// every medium stands on a line of its own before the text, or images stand with their numbers
/// behind them. "\<image>" is the text "<image>", and "\\<image>" a backslash and a mark. Throws
/// UsageError when marks and media don't fit.
std::string with_model_marks(const std::string& text, std::span<const QuestionMedium> media,
                             const ImageNumbering& numbering = {});

}  // namespace owl3
