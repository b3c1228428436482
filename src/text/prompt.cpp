#include "text/prompt.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/error.h"
#include "text/utf8.h"

namespace owl3 {
namespace {

constexpr std::string_view kStart = "<|im_start|>";
constexpr std::string_view kEnd = "<|im_end|>";
constexpr std::string_view kEndOfText = "<|endoftext|>";
constexpr std::string_view kStartCut = "<|start_cut|>";
constexpr std::string_view kEndCut = "<|end_cut|>";
constexpr std::string_view kStartVideo = "<|start_video_frame|>";
constexpr std::string_view kEndVideo = "<|end_video_frame|>";

// Far above what fits in any memory; keeps a mistyped number from making gigabytes of text.
constexpr int kMaxGridSide = 100;
constexpr int64_t kMaxFrames = 1'000'000;

/// A mark in a user's text, and where it is.
struct Mark {
  size_t begin = std::string_view::npos;
  bool is_video = false;
  size_t length() const { return is_video ? kVideoMark.size() : kImageMark.size(); }
};

/// What both begin with is looked for, once: a text of many images would else be searched to its
/// end for a film's mark, from each of them.
Mark next_mark(std::string_view text, size_t from) {
  constexpr std::string_view kBoth = "<|";
  for (size_t at = text.find(kBoth, from); at != text.npos; at = text.find(kBoth, at + 1)) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kImageMark)) return {at, false};
    if (rest.starts_with(kVideoMark)) return {at, true};
  }
  return {};
}

void check(const ImageLayout& image) {
  const bool uncut = image.rows == 0 && image.cols == 0;
  const auto in_range = [](int side) { return side >= 1 && side <= kMaxGridSide; };
  if (!uncut && (!in_range(image.rows) || !in_range(image.cols))) {
    throw UsageError(
        fmt::format("an image can't be cut to {} rows and {} columns", image.rows, image.cols));
  }
}

void check(const VideoLayout& video) {
  if (video.frames < 1 || video.frames > kMaxFrames) {
    throw UsageError(
        fmt::format("a video has 1 to {} frames in a prompt, not {}", kMaxFrames, video.frames));
  }
}

void check_text(std::string_view content) {
  if (const size_t at = find_invalid_utf8(content); at != std::string::npos) {
    throw UsageError(fmt::format("the message is not UTF-8 at byte {}", at));
  }
}

void check_media(std::string_view content, std::span<const MediaLayout> media) {
  const size_t marks = count_media_marks(content);
  if (marks != media.size()) {
    throw UsageError(fmt::format("the message has {} {} or {} marks, but {} images and videos",
                                 marks, kImageMark, kVideoMark, media.size()));
  }
  size_t from = 0;
  for (const MediaLayout& layout : media) {
    const Mark mark = next_mark(content, from);
    if (mark.is_video != std::holds_alternative<VideoLayout>(layout)) {
      throw UsageError(fmt::format("the message has {} where {} is given",
                                   mark.is_video ? kVideoMark : kImageMark,
                                   mark.is_video ? "an image" : "a video"));
    }
    std::visit([](const auto& medium) { check(medium); }, layout);
    from = mark.begin + mark.length();
  }
}

}  // namespace

size_t count_media_marks(std::string_view text) {
  size_t count = 0;
  for (Mark mark = next_mark(text, 0); mark.begin != std::string_view::npos;
       mark = next_mark(text, mark.begin + mark.length())) {
    ++count;
  }
  return count;
}

PromptBuilder::PromptBuilder(const Tokenizer& tokenizer, Variant variant,
                             ControlTokens control_tokens)
    : tokenizer_(&tokenizer), variant_(variant), control_tokens_(control_tokens) {
  std::vector<std::string_view> needed = {kStart, kEnd, kEndOfText, kImageMark};
  if (variant == Variant::kUnified) {
    needed.insert(needed.end(), {kStartCut, kEndCut, kStartVideo, kEndVideo});
  }
  for (const std::string_view token : needed) {
    if (!tokenizer.id_of_added_token(token)) {
      throw InputError(fmt::format(
          "the tokenizer has no added token {}, which a {} mPLUG-Owl3 needs; is its tokenizer.json "
          "that of the checkpoint?",
          token, name_of(variant)));
    }
  }
  image_id_ = *tokenizer.id_of_added_token(kImageMark);
  end_id_ = *tokenizer.id_of_added_token(kEnd);
  end_of_text_id_ = *tokenizer.id_of_added_token(kEndOfText);
}

void PromptBuilder::add(const Message& message, const std::vector<MediaLayout>& media) {
  // All that can be wrong is looked at before anything is added.
  if (answering_) throw UsageError("the answer has not ended yet; no message can follow");
  check_text(message.content);
  if (message.role != Role::kUser && count_media_marks(message.content) > 0) {
    throw UsageError(
        fmt::format("{} and {} may stand in a user's message only", kImageMark, kVideoMark));
  }
  check_media(message.content, media);
  if (message.role != Role::kSystem) ensure_system_message();
  switch (message.role) {
    case Role::kSystem:
      text_ = fmt::format("{}system\n", kStart);
      write(message.content);
      text_.append(kEnd);
      flush_text();
      break;
    case Role::kUser:
      add_user_message(message.content, media);
      break;
    case Role::kAssistant:
      add_answer_header();
      write(message.content);
      text_.append(kEnd);
      flush_text();
      add_piece(std::string(kEndOfText));
      break;
  }
}

void PromptBuilder::add_document(std::string_view content, const std::vector<MediaLayout>& media) {
  if (answering_) throw UsageError("the answer has not ended yet; no document can follow");
  check_text(content);
  check_media(content, media);
  add_marked_text(content, media);
  flush_text();
  add_piece(std::string(kEndOfText));
}

void PromptBuilder::begin_answer() {
  if (answering_) throw UsageError("the answer has already begun");
  ensure_system_message();
  add_answer_header();
  answering_ = true;
}

void PromptBuilder::begin_plain(std::string_view text) {
  if (answering_) throw UsageError("the answer has already begun");
  check_text(text);
  check_media(text, {});
  write(text);
  flush_text();
  answering_ = true;
}

void PromptBuilder::begin_plain(std::span<const int32_t> ids) {
  if (answering_) throw UsageError("the answer has already begun");
  for (const int32_t id : ids) {
    if (id < 0 || tokenizer_->bytes_of(id).empty()) {
      throw UsageError(fmt::format("there is no token {}", id));
    }
    if (id == image_id_) throw UsageError(fmt::format("token {} stands for an image", id));
  }
  prompt_.pieces.push_back(tokenizer_->decode(ids));
  prompt_.ids.insert(prompt_.ids.end(), ids.begin(), ids.end());
  answering_ = true;
}

void PromptBuilder::end_answer(const std::vector<int32_t>& ids) {
  if (!answering_) throw UsageError("no answer has begun");
  answering_ = false;
  // The ids as generated, not those of their text: another cutting would not match the cache.
  prompt_.pieces.push_back(tokenizer_->decode(ids).append(kEnd));
  prompt_.ids.insert(prompt_.ids.end(), ids.begin(), ids.end());
  prompt_.ids.push_back(end_id_);
  prompt_.pieces.emplace_back(kEndOfText);
  prompt_.ids.push_back(end_of_text_id_);
}

void PromptBuilder::ensure_system_message() {
  if (prompt_.pieces.empty()) add_piece(fmt::format("{}system\n{}", kStart, kEnd));
}

void PromptBuilder::add_answer_header() {
  add_piece(fmt::format("\n{}assistant\n", kStart));
  prompt_.answer_begins.push_back(static_cast<int64_t>(prompt_.ids.size()));
}

void PromptBuilder::add_user_message(std::string_view content,
                                     const std::vector<MediaLayout>& media) {
  text_ = fmt::format("\n{}user\n", kStart);
  add_marked_text(content, media);
  text_.append(kEnd);
  flush_text();
}

void PromptBuilder::add_marked_text(std::string_view content,
                                    const std::vector<MediaLayout>& media) {
  size_t from = 0;
  for (const MediaLayout& layout : media) {
    const Mark mark = next_mark(content, from);
    write(content.substr(from, mark.begin - from));
    std::visit([this](const auto& medium) { add_media(medium); }, layout);
    from = mark.begin + mark.length();
  }
  write(content.substr(from));
}

void PromptBuilder::add_media(const ImageLayout& image) {
  if (image.rows == 0) {
    add_image_token();
    return;
  }
  const bool gated = variant_ == Variant::kGated;
  text_.append(
      gated ? fmt::format("Cut to {} rows {} columns with a global view\n", image.rows, image.cols)
            : fmt::format("{}{}*{}\n", kStartCut, image.rows, image.cols));
  for (int row = 0; row < image.rows; ++row) {
    for (int col = 0; col < image.cols; ++col) {
      if (col > 0) text_.append(" ");
      if (gated) text_.append(fmt::format("subimg({},{})", row, col));
      add_image_token();
    }
    text_.append("\n");
  }
  if (gated) text_.append("global_view");
  add_image_token();
  if (!gated) text_.append(kEndCut);
}

void PromptBuilder::add_media(const VideoLayout& video) {
  const bool gated = variant_ == Variant::kGated;
  if (!gated) text_.append(kStartVideo);
  for (int64_t frame = 0; frame < video.frames; ++frame) add_image_token();
  if (!gated) text_.append(kEndVideo);
}

void PromptBuilder::add_image_token() {
  flush_text();
  prompt_.pieces.emplace_back(kImageMark);
  prompt_.media_positions.push_back(static_cast<int64_t>(prompt_.ids.size()));
  prompt_.ids.push_back(image_id_);
}

/// Words of a person's, or of the model's.
void PromptBuilder::write(std::string_view words) {
  const size_t begin = text_.size();
  text_.append(words);
  if (control_tokens_ == ControlTokens::kText) literal_.push_back({begin, text_.size()});
}

void PromptBuilder::flush_text() {
  const std::vector<TextRange> literal = std::exchange(literal_, {});
  if (!text_.empty()) add_piece(std::exchange(text_, {}), literal);
}

void PromptBuilder::add_piece(std::string piece, std::span<const TextRange> literal) {
  const std::vector<int32_t> ids = tokenizer_->encode(piece, literal);
  prompt_.ids.insert(prompt_.ids.end(), ids.begin(), ids.end());
  prompt_.pieces.push_back(std::move(piece));
}

Prompt build_prompt(const Tokenizer& tokenizer, Variant variant,
                    const std::vector<Message>& messages, const std::vector<MediaLayout>& media,
                    ControlTokens control_tokens) {
  size_t marks = 0;
  for (const Message& message : messages) marks += count_media_marks(message.content);
  if (marks != media.size()) {
    throw UsageError(fmt::format("the messages have {} {} or {} marks, but {} images and videos",
                                 marks, kImageMark, kVideoMark, media.size()));
  }
  PromptBuilder builder(tokenizer, variant, control_tokens);
  auto next = media.begin();
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const bool last = i + 1 == messages.size();
    if (last && message.role == Role::kAssistant && message.content.empty()) {
      builder.begin_answer();
      break;
    }
    const auto end = next + static_cast<ptrdiff_t>(count_media_marks(message.content));
    builder.add(message, {next, end});
    next = end;
  }
  return builder.prompt();
}

}  // namespace owl3
