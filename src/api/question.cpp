#include "api/question.h"

#include "core/error.h"
#include "text/prompt.h"

namespace owl3 {

namespace {

constexpr std::string_view kUserImageMark = "<image>";
constexpr std::string_view kUserVideoMark = "<video>";

/// The model's own marks would take a medium from the user's.
void refuse_model_marks(std::string_view text) {
  for (const auto& [own, users] :
       {std::pair(kImageMark, kUserImageMark), std::pair(kVideoMark, kUserVideoMark)}) {
    if (text.find(own) == text.npos) continue;
    throw UsageError(fmt::format("the text has {}, the model's own mark: write {}", own, users));
  }
}

}  // namespace

std::string with_model_marks(const std::string& text, std::span<const QuestionMedium> media) {
  refuse_model_marks(text);
  std::string content;
  size_t next = 0;
  for (size_t at = 0; at < text.size();) {
    const bool image = text.compare(at, kUserImageMark.size(), kUserImageMark) == 0;
    const bool video = text.compare(at, kUserVideoMark.size(), kUserVideoMark) == 0;
    if (!image && !video) {
      content += text[at++];
      continue;
    }
    if (next < media.size() && media[next].is_video != video) {
      throw UsageError(fmt::format("mark {} of the text is {}, but medium {} is {}", next + 1,
                                   image ? kUserImageMark : kUserVideoMark,
                                   media[next].path.string(), video ? "an image" : "a video"));
    }
    ++next;
    content += image ? kImageMark : kVideoMark;
    at += image ? kUserImageMark.size() : kUserVideoMark.size();
  }
  if (next != 0 && next != media.size()) {
    throw UsageError(
        fmt::format("the text has {} image and video marks for {} media", next, media.size()));
  }
  if (next != 0) return content;
  std::string before;
  for (const QuestionMedium& medium : media) {
    before += medium.is_video ? kVideoMark : kImageMark;
    before += '\n';
  }
  return before + content;
}

}  // namespace owl3
