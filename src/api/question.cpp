#include "api/question.h"

#include <algorithm>

#include "core/error.h"
#include "text/prompt.h"
#include "text/user_marks.h"

namespace owl3 {

namespace {

/// The model's own marks would take a medium from the user's.
void refuse_model_marks(std::string_view text) {
  for (const auto& [own, users] :
       {std::pair(kImageMark, kUserImageMark), std::pair(kVideoMark, kUserVideoMark)}) {
    if (text.find(own) == text.npos) continue;
    throw UsageError(fmt::format("the text has {}, the model's own mark: write {}", own, users));
  }
}

/// "<image>1<image>2\n<video>\n": a film is on a line of its own in any case.
std::string media_block(std::span<const QuestionMedium> media, const ImageNumbering& numbering) {
  const auto images = std::count_if(media.begin(), media.end(),
                                    [](const QuestionMedium& medium) { return !medium.is_video; });
  const bool numbers = numbering.on && numbering.before + images > 1;
  int64_t number = numbering.before;
  std::string block;
  for (size_t i = 0; i < media.size(); ++i) {
    block += media[i].is_video ? kVideoMark : kImageMark;
    const bool numbered = numbers && !media[i].is_video;
    if (numbered) block += std::to_string(++number);
    const bool joined = numbered && i + 1 < media.size() && !media[i + 1].is_video;
    if (!joined) block += '\n';
  }
  return block;
}

}  // namespace

std::string with_model_marks(const std::string& text, std::span<const QuestionMedium> media,
                             const ImageNumbering& numbering) {
  refuse_model_marks(text);
  std::string content;
  size_t next = 0;
  for (const UserSegment& segment : user_segments(text)) {
    content += segment.text;
    if (segment.mark.empty()) continue;
    const bool video = segment.mark == kUserVideoMark;
    if (next < media.size() && media[next].is_video != video) {
      throw UsageError(fmt::format("mark {} of the text is {}, but medium {} is {}", next + 1,
                                   segment.mark, media[next].path.string(),
                                   video ? "an image" : "a video"));
    }
    ++next;
    content += video ? kVideoMark : kImageMark;
  }
  if (next != 0 && next != media.size()) {
    throw UsageError(fmt::format(
        "the text has {} image and video marks for {} media; a mark that is meant as text is "
        "written \\<image>",
        next, media.size()));
  }
  return next != 0 ? content : media_block(media, numbering) + content;
}

}  // namespace owl3
