#include "api/live_text.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace owl3 {

namespace {

/// As a film stands before a question.
std::string about_frames(const std::string& question) {
  return fmt::format("{}\n{}", kVideoMark, question);
}

}  // namespace

LiveText::LiveText(PromptBuilder beginning)
    : beginning_(std::move(beginning)), closed_(beginning_) {
  // Tokens are never joined across an image, so a turn's opening does not depend on its rest.
  PromptBuilder probe = closed_;
  probe.add({Role::kUser, about_frames("")}, {VideoLayout{1}});
  const Prompt& prompt = probe.prompt();
  const int64_t image = prompt.media_positions.back();
  opening_.assign(prompt.ids.begin() + beginning_tokens(), prompt.ids.begin() + image);
  image_id_ = prompt.ids[static_cast<size_t>(image)];
}

int64_t LiveText::tokens() const {
  const auto closed = static_cast<int64_t>(closed_.prompt().ids.size());
  if (open_frames_ == 0) return closed;
  return closed + static_cast<int64_t>(opening_.size()) + open_frames_;
}

std::vector<int32_t> LiveText::ids_from(int64_t first) const {
  OWL3_CHECK(first >= 0 && first <= tokens());
  const std::vector<int32_t>& closed = closed_.prompt().ids;
  const auto behind_closed = std::min(first, static_cast<int64_t>(closed.size()));
  std::vector<int32_t> ids(closed.begin() + behind_closed, closed.end());
  if (open_frames_ == 0) return ids;
  const int64_t skipped = first - behind_closed;
  const auto opening = std::min(skipped, static_cast<int64_t>(opening_.size()));
  ids.insert(ids.end(), opening_.begin() + opening, opening_.end());
  ids.insert(ids.end(), static_cast<size_t>(open_frames_ - (skipped - opening)), image_id_);
  return ids;
}

std::vector<int32_t> LiveText::ids_of_frames(int64_t frames) const {
  std::vector<int32_t> ids;
  if (open_frames_ == 0) ids = opening_;
  ids.insert(ids.end(), static_cast<size_t>(frames), image_id_);
  return ids;
}

void LiveText::add_frames(int64_t frames) {
  open_frames_ += frames;
  open_frames_in_window_ += frames;
}

void LiveText::forget_frame() {
  const auto drop_turns_without_frames = [&] {
    while (!turns_.empty() && turns_.front().frames == 0) turns_.pop_front();
  };
  drop_turns_without_frames();
  --(turns_.empty() ? open_frames_in_window_ : turns_.front().frames);
  drop_turns_without_frames();
}

PromptBuilder LiveText::with_question(const std::string& question) const {
  PromptBuilder prompt = closed_;
  if (open_frames_ > 0) {
    prompt.add({Role::kUser, about_frames(question)}, {VideoLayout{open_frames_}});
  } else {
    prompt.add({Role::kUser, question});
  }
  prompt.begin_answer();
  return prompt;
}

void LiveText::close_turn(const std::string& question, PromptBuilder with_answer,
                          std::vector<int32_t> answer) {
  turns_.push_back({open_frames_in_window_, question, std::move(answer)});
  closed_ = std::move(with_answer);
  open_frames_ = open_frames_in_window_ = 0;
}

void LiveText::add_turn(const Turn& turn) {
  add_frames(turn.frames);
  PromptBuilder prompt = with_question(turn.question);
  prompt.end_answer(turn.answer);
  close_turn(turn.question, std::move(prompt), turn.answer);
}

LiveText LiveText::anew(int64_t most_tokens) const {
  std::deque<Turn> turns = turns_;
  int64_t open_frames = open_frames_in_window_;
  for (;;) {
    LiveText text(beginning_);
    for (const Turn& turn : turns) text.add_turn(turn);
    text.add_frames(open_frames);
    if (text.tokens() <= most_tokens || turns.empty()) return text;
    const int64_t frames = turns.front().frames;
    turns.pop_front();
    (turns.empty() ? open_frames : turns.front().frames) += frames;
  }
}

std::vector<int64_t> LiveText::frame_positions() const {
  std::vector<int64_t> positions = closed_.prompt().media_positions;
  const int64_t first_open = tokens() - open_frames_;
  for (int64_t i = 0; i < open_frames_; ++i) positions.push_back(first_open + i);
  return positions;
}

}  // namespace owl3
