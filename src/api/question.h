// A question as the user writes it: where <image> and <video> stand in it.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace owl3 {

/// What a mark may stand for. Known before anything of the medium is read.
struct QuestionMedium {
  bool is_video = false;
  std::filesystem::path path;
};

/// The question as the prompt writes it: the user's marks become the model's; without any mark,
/// every medium stands on a line of its own before the text. Throws UsageError when marks and media
/// don't fit.
std::string with_model_marks(const std::string& text, std::span<const QuestionMedium> media);

}  // namespace owl3
