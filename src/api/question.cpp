#include "api/question.h"

#include <algorithm>

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

/// A mark as users write it, with the backslashes before it: an odd number of them makes it plain
/// text, and two stand for one. Without a mark behind them, backslashes are what they are.
struct UserMark {
  size_t backslashes = 0;
  std::string_view name;  // empty: none begins here
};

UserMark user_mark_at(std::string_view text, size_t at) {
  const size_t mark = std::min(text.find_first_not_of('\\', at), text.size());
  for (const std::string_view name : {kUserImageMark, kUserVideoMark}) {
    if (text.substr(mark).starts_with(name)) return {mark - at, name};
  }
  return {mark - at, {}};
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
  for (size_t at = 0; at < text.size();) {
    const UserMark mark = user_mark_at(text, at);
    if (mark.name.empty()) {
      const size_t length = std::max<size_t>(mark.backslashes, 1);
      content += text.substr(at, length);
      at += length;
      continue;
    }
    at += mark.backslashes + mark.name.size();
    content.append(mark.backslashes / 2, '\\');
    if (mark.backslashes % 2 == 1) {
      content += mark.name;
      continue;
    }
    const bool video = mark.name == kUserVideoMark;
    if (next < media.size() && media[next].is_video != video) {
      throw UsageError(fmt::format("mark {} of the text is {}, but medium {} is {}", next + 1,
                                   mark.name, media[next].path.string(),
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

bool places_media(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const UserMark mark = user_mark_at(text, at);
    if (!mark.name.empty() && mark.backslashes % 2 == 0) return true;
    at += std::max<size_t>(mark.backslashes + mark.name.size(), 1);
  }
  return false;
}

}  // namespace owl3
