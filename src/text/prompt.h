// The ChatML prompt of mPLUG-Owl3, with image tokens (model-spec: Prompt; Images and cutting).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/variant.h"
#include "text/tokenizer.h"

namespace owl3 {

inline constexpr std::string_view kImageMark = "<|image|>";
inline constexpr std::string_view kVideoMark = "<|video|>";

/// How many of the two marks the text has.
size_t count_media_marks(std::string_view text);

enum class Role { kSystem, kUser, kAssistant };

/// Control tokens written out in a message, such as <|im_end|>: read as the characters they are, so
/// that no text can end its message or begin another, or recognised, as the official code does.
enum class ControlTokens { kText, kRecognised };

/// One message; a user's text has one kImageMark or kVideoMark per medium, in order.
struct Message {
  Role role = Role::kUser;
  std::string content;
};

/// How an image stands in the text: uncut (one image token), or cut to rows x cols tiles and a
/// global view (rows * cols + 1 image tokens).
struct ImageLayout {
  int rows = 0;  // 0: uncut
  int cols = 0;
};
struct VideoLayout {
  int64_t frames = 0;  // one image token each
};
using MediaLayout = std::variant<ImageLayout, VideoLayout>;

/// The tokenised prompt.
struct Prompt {
  std::vector<std::string> pieces;       // each tokenised on its own
  std::vector<int32_t> ids;              // [T]
  std::vector<int64_t> media_positions;  // index into ids of every image token, ascending
  std::vector<int64_t> answer_begins;    // index into ids behind each answer's header, ascending
};

/// Builds a prompt message by message, so that a conversation can be continued: ids already built
/// never change when messages are appended.
class PromptBuilder {
 public:
  /// The tokenizer must outlive the builder and have the special tokens the variant needs;
  /// otherwise InputError.
  PromptBuilder(const Tokenizer& tokenizer, Variant variant,
                ControlTokens control_tokens = ControlTokens::kText);

  /// Appends a whole message. `media` are those of its marks, in order; UsageError when their
  /// numbers differ. Before a first message that is no system message, the empty system message is
  /// inserted.
  void add(const Message& message, const std::vector<MediaLayout>& media = {});
  /// Appends plain text, as pre-training has it: no roles around it, <|endoftext|> after it.
  void add_document(std::string_view content, const std::vector<MediaLayout>& media = {});
  /// Appends "\n<|im_start|>assistant\n": generation begins here.
  void begin_answer();
  /// Appends text, or ids, as they are, behind which generation begins: no message can follow. Ids
  /// that there are not, or that stand for an image, are a UsageError.
  void begin_plain(std::string_view text);
  void begin_plain(std::span<const int32_t> ids);
  /// After any of these: the answer's ids as generated (without stop tokens), then <|im_end|> and
  /// <|endoftext|>.
  void end_answer(const std::vector<int32_t>& ids);

  const Prompt& prompt() const { return prompt_; }

 private:
  void ensure_system_message();
  void add_answer_header();
  void add_user_message(std::string_view content, const std::vector<MediaLayout>& media);
  void add_marked_text(std::string_view content, const std::vector<MediaLayout>& media);
  void add_media(const ImageLayout& image);
  void add_media(const VideoLayout& video);
  void add_image_token();
  void flush_text();
  void write(std::string_view words);
  void add_piece(std::string piece, std::span<const TextRange> literal = {});

  const Tokenizer* tokenizer_;
  Variant variant_;
  ControlTokens control_tokens_;
  int32_t image_id_ = 0;
  int32_t end_id_ = 0;
  int32_t end_of_text_id_ = 0;
  std::string text_;                // since the last image token; merges never cross one
  std::vector<TextRange> literal_;  // what of it is to be read as text
  bool answering_ = false;
  Prompt prompt_;
};

/// A whole conversation at once. `media` are those of all messages in order. When the last message
/// is an assistant's with empty content, the prompt ends where generation begins.
Prompt build_prompt(const Tokenizer& tokenizer, Variant variant,
                    const std::vector<Message>& messages, const std::vector<MediaLayout>& media,
                    ControlTokens control_tokens = ControlTokens::kText);

}  // namespace owl3
