#include "training_data/sample.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/counted.h"
#include "core/error.h"
#include "text/user_marks.h"
#include "training_data/sample_rows.h"

namespace owl3 {
namespace {

struct MarkKind {
  std::string_view written;  // in the row
  std::string_view own;      // the model's
  std::string_view noun;
};
constexpr MarkKind kImageKind{kUserImageMark, kImageMark, "image"};
constexpr MarkKind kVideoKind{kUserVideoMark, kVideoMark, "video"};

/// Rows of grounding have these filled from `objects`, which this trainer does not.
constexpr std::array<std::string_view, 3> kForeignMarks = {"<ref-object>", "<bbox>", "<audio>"};

/// Turns a row into a sample, or says what is wrong with it.
class SampleBuilder {
 public:
  SampleBuilder(SampleRow row, const std::string& name, const SampleOptions& options)
      : row_(std::move(row)), name_(name), options_(options) {}

  Sample build() {
    check_roles();
    is_document_ = row_.messages.size() == 1;
    for (const RowMessage& message : row_.messages) check_text(message);
    mark_films_as_such();
    place_unmarked_media();
    check_counts(kImageKind, row_.images.size());
    check_counts(kVideoKind, row_.videos.size());
    for (RowMessage& message : row_.messages) {
      sample_.messages.push_back({message.role, with_own_marks(message)});
      sample_.learnt.push_back(message.role == Role::kAssistant && message.learnt);
    }
    choose_learnt();
    return std::move(sample_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw InputError(
        fmt::format("{}: {}", name_, fmt::format(format, std::forward<Args>(args)...)));
  }

  /// [system] (user assistant)+, or an assistant alone.
  void check_roles() const {
    const auto& messages = row_.messages;
    if (messages.empty()) fail("the row has no messages");
    if (messages.size() == 1 && messages[0].role == Role::kAssistant) return;
    const size_t first = messages[0].role == Role::kSystem ? 1 : 0;
    for (size_t i = first; i < messages.size(); ++i) {
      const bool users_turn = (i - first) % 2 == 0;
      if (messages[i].role != (users_turn ? Role::kUser : Role::kAssistant)) {
        fail(
            "{}: here the {}'s turn is expected: user and assistant alternate, after at most one "
            "system message",
            messages[i].place, users_turn ? "user" : "assistant");
      }
    }
    if (messages.back().role != Role::kAssistant) {
      fail("{}: the row ends without an answer to learn", messages.back().place);
    }
  }

  void check_text(const RowMessage& message) const {
    const std::string& text = message.text;
    if (message.role == Role::kAssistant && text.empty())
      fail("{}: the answer is empty", message.place);
    for (const MarkKind& kind : {kImageKind, kVideoKind}) {
      if (text.find(kind.own) != text.npos) {
        fail("{}: {} is the model's own mark; write {}", message.place, kind.own, kind.written);
      }
      if (!may_have_media(message) && count_user_marks(text, kind.written) > 0) {
        fail("{}: {} may stand in the user's text only", message.place, kind.written);
      }
    }
    for (const std::string_view mark : kForeignMarks) {
      if (text.find(mark) != text.npos) fail("{}: {} is not supported", message.place, mark);
    }
  }

  bool may_have_media(const RowMessage& message) const {
    return message.role == Role::kUser || is_document_;
  }

  size_t count_marks(const MarkKind& kind) const {
    int64_t count = 0;
    for (const RowMessage& message : row_.messages) {
      count += count_user_marks(message.text, kind.written);
    }
    return static_cast<size_t>(count);
  }

  /// LLaVA's rows of films have <image> where the film stands.
  void mark_films_as_such() {
    const bool films_only = row_.images.empty() && !row_.videos.empty();
    if (!films_only || count_marks(kVideoKind) > 0) return;
    if (count_marks(kImageKind) != row_.videos.size()) return;
    for (RowMessage& message : row_.messages) {
      std::string& text = message.text;
      for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, mark->end())) {
        if (!mark->places_medium()) continue;
        text.replace(mark->begin + mark->backslashes, mark->name.size(), kVideoKind.written);
      }
    }
  }

  void place_unmarked_media() {
    if (count_marks(kImageKind) + count_marks(kVideoKind) > 0) return;
    const auto place = std::find_if(row_.messages.begin(), row_.messages.end(),
                                    [this](const auto& m) { return may_have_media(m); });
    // With newline_after_media, the line's end is that of the mark.
    const bool always = options_.newline_after_media == MediaNewlines::kAlways;
    const std::string_view end = always ? "" : "\n";
    std::string marks;
    for (size_t i = 0; i < row_.images.size(); ++i) marks.append(kImageKind.written).append(end);
    for (size_t i = 0; i < row_.videos.size(); ++i) marks.append(kVideoKind.written).append(end);
    place->text.insert(0, marks);
  }

  void check_counts(const MarkKind& kind, size_t media) const {
    const size_t marks = count_marks(kind);
    if (marks == media) return;
    fail("{} {} mark{} but {}", marks, kind.written, marks == 1 ? "" : "s",
         counted(media, kind.noun));
  }

  std::string with_own_marks(const RowMessage& message) {
    std::string content;
    for (const UserSegment& segment : user_segments(message.text)) {
      content.append(segment.text);
      if (segment.mark.empty()) continue;
      const MarkKind& kind = segment.mark == kVideoKind.written ? kVideoKind : kImageKind;
      content.append(kind.own);
      if (options_.newline_after_media == MediaNewlines::kAlways) content.append("\n");
      add_medium(kind);
    }
    const bool parted =
        options_.newline_after_media == MediaNewlines::kAuto && message.role == Role::kUser;
    return parted ? with_media_lines(content) : content;
  }

  void add_medium(const MarkKind& kind) {
    const bool is_video = kind.own == kVideoMark;
    size_t& next = is_video ? next_video_ : next_image_;
    RowMedium& medium = is_video ? row_.videos[next] : row_.images[next];
    ++next;
    sample_.media.push_back({is_video, std::move(medium.reference), std::move(medium.place)});
  }

  void choose_learnt() {
    std::vector<bool>& learnt = sample_.learnt;
    if (options_.loss == Loss::kLastAnswer) std::fill(learnt.begin(), learnt.end() - 1, false);
    if (std::find(learnt.begin(), learnt.end(), true) == learnt.end()) {
      fail("no answer is left to learn: each has \"loss\": false");
    }
  }

  SampleRow row_;
  const std::string& name_;
  const SampleOptions& options_;
  bool is_document_ = false;
  size_t next_image_ = 0;
  size_t next_video_ = 0;
  Sample sample_;
};

}  // namespace

bool Sample::has_video() const {
  return std::any_of(media.begin(), media.end(), [](const auto& m) { return m.is_video; });
}

MediaLines Sample::media_lines() const {
  MediaLines found = MediaLines::kNone;
  for (const Message& message : messages) {
    if (message.role != Role::kUser) continue;
    const MediaLines lines = owl3::media_lines(message.content);
    if (lines == MediaLines::kNone) continue;
    if (lines != MediaLines::kAsChat) return lines;
    found = lines;
  }
  return found;
}

Sample parse_sample(std::string_view row, const std::string& name, const SampleOptions& options) {
  return SampleBuilder(read_row(parse_row(row, name), name), name, options).build();
}

}  // namespace owl3
