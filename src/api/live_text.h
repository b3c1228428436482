// The text of a live conversation: a user's turn that stays open while frames come, each of them an
// image token, and is closed by a question.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "text/prompt.h"

namespace owl3 {

class LiveText {
 public:
  /// Behind the beginning: a prompt that has its system message.
  explicit LiveText(PromptBuilder beginning);

  /// Of the whole text, what was forgotten included.
  int64_t tokens() const;
  int64_t beginning_tokens() const { return static_cast<int64_t>(beginning_.prompt().ids.size()); }
  /// The ids from `first` on.
  std::vector<int32_t> ids_from(int64_t first) const;
  /// What so many frames more will add; the last of it are their image tokens.
  std::vector<int32_t> ids_of_frames(int64_t frames) const;
  void add_frames(int64_t frames);
  /// The window's oldest frame leaves it, and with it what was said before the next one.
  void forget_frame();

  /// All of it with a question about it, where an answer begins. Throws as PromptBuilder::add().
  PromptBuilder with_question(const std::string& question) const;
  /// The question has been answered: with_question()'s prompt with the answer behind it.
  void close_turn(const std::string& question, PromptBuilder with_answer,
                  std::vector<int32_t> answer);

  /// The same without what is forgotten; where that has more than so many tokens, without the
  /// oldest questions either.
  LiveText anew(int64_t most_tokens) const;
  /// Where the window's frames stand in it, when it is anew.
  std::vector<int64_t> frame_positions() const;

 private:
  struct Turn {
    int64_t frames = 0;  // of it, in the window
    std::string question;
    std::vector<int32_t> answer;
  };

  void add_turn(const Turn& turn);

  PromptBuilder beginning_;
  PromptBuilder closed_;               // with all closed turns
  std::vector<int32_t> opening_;       // of a turn with frames, up to the first
  int32_t image_id_ = 0;               // a frame's token
  std::deque<Turn> turns_;             // that are closed, but for those forgotten
  int64_t open_frames_ = 0;            // of the open turn; 0: there is none
  int64_t open_frames_in_window_ = 0;  // of these
};

}  // namespace owl3
