#include "eval/conversations.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/row_texts.h"
#include "formats/json_reader.h"
#include "training_data/row_file.h"
#include "training_data/sample_rows.h"

namespace owl3 {

namespace {

constexpr const char* kNoTask = "question";

class RowParser {
 public:
  RowParser(std::string_view text, std::string name, const std::filesystem::path& root)
      : name_(std::move(name)),
        json_(parse_row(text, name_)),
        reader_(json_, name_),
        row_(read_row(json_, name_)),
        root_(root) {}

  Conversation conversation() {
    if (!row_.videos.empty()) reader_.fail("videos", "cannot be asked about here");
    const std::vector<std::string> answers = text_list(json_, reader_, "answers");
    const std::vector<std::string> tasks = text_list(json_, reader_, "tasks");
    Conversation conversation;
    conversation.where = name_;
    for (size_t i = 0; i < row_.messages.size(); ++i) {
      const bool asks = i % 2 == 0;
      if (row_.messages[i].role != (asks ? Role::kUser : Role::kAssistant)) {
        reader_.fail("messages", "must be the user's and the assistant's by turns");
      }
      if (asks) conversation.turns.push_back(turn(row_.messages[i].text));
    }
    if (answers.size() != conversation.turns.size()) {
      reader_.fail("answers", "must be one for each of the user's messages");
    }
    if (!tasks.empty() && tasks.size() != answers.size()) {
      reader_.fail("tasks", "must be as many as answers");
    }
    if (used_ != row_.images.size()) reader_.fail("images", "are more than the <image> marks");
    for (size_t i = 0; i < answers.size(); ++i) {
      conversation.turns[i].answer = answers[i];
      conversation.turns[i].task = tasks.empty() ? kNoTask : tasks[i];
    }
    return conversation;
  }

 private:
  ConversationTurn turn(const std::string& text) {
    ConversationTurn turn;
    turn.question = text;
    for (int64_t marks = image_marks_in(text); marks > 0; --marks, ++used_) {
      if (used_ == row_.images.size()) reader_.fail("images", "are fewer than the <image> marks");
      turn.images.push_back(resolve_medium(row_.images[used_].reference, root_));
    }
    return turn;
  }

  std::string name_;
  nlohmann::json json_;
  JsonReader reader_;
  SampleRow row_;
  std::filesystem::path root_;
  size_t used_ = 0;  // of the row's images
};

/// With answers of no words: at least so much the model will have to read.
void check_context(const Conversation& conversation, const Model& model) {
  std::vector<PlannedTurn> turns;
  for (const ConversationTurn& turn : conversation.turns) {
    PlannedTurn planned{turn.question, {}, ""};
    for (const std::string& image : turn.images) planned.media.push_back({.path = image});
    turns.push_back(std::move(planned));
  }
  try {
    Chat(model).check(turns);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", conversation.where, error.what()));
  }
}

}  // namespace

int64_t Conversation::images() const {
  int64_t count = 0;
  for (const ConversationTurn& turn : turns) count += static_cast<int64_t>(turn.images.size());
  return count;
}

std::vector<Conversation> read_conversations(const std::filesystem::path& path) {
  const RowFile rows = RowFile::open(path);
  std::vector<Conversation> conversations;
  for (int64_t i = 0; i < rows.size(); ++i) {
    conversations.push_back(
        RowParser(rows.row(i), rows.where(i), path.parent_path()).conversation());
  }
  return conversations;
}

ConversationScores score_conversations(const std::vector<Conversation>& conversations,
                                       const Model& model, const AnswerCheck& is_right,
                                       int64_t max_new_tokens, const ProgressCallback& progress,
                                       const AnswerCallback& on_answer) {
  for (const Conversation& conversation : conversations) check_context(conversation, model);
  PictureMemory pictures(model);
  GenerationOptions generation = model.preset("eval");
  generation.do_sample = false;
  generation.max_new_tokens = max_new_tokens;
  const auto go_on = [&](std::string_view) { return !progress || progress("", 0, 0); };
  ConversationScores scores;
  try {
    for (size_t i = 0; i < conversations.size(); ++i) {
      if (progress) {
        progress("asking", static_cast<int64_t>(i), static_cast<int64_t>(conversations.size()));
      }
      Chat chat(model);
      for (const ConversationTurn& turn : conversations[i].turns) {
        const std::vector<Medium> media = pictures.media(turn.images, progress);
        const Answer answer = chat.ask(turn.question, media, generation, go_on, progress);
        if (answer.stop_reason == StopReason::kInterrupted) throw Interrupted("interrupted");
        const bool right = is_right(answer.text, turn.answer);
        for (TaskScore* score : {&scores.tasks[turn.task], &scores.all}) {
          ++score->asked;
          score->right += right ? 1 : 0;
        }
        if (on_answer) on_answer(turn, answer.text, right);
      }
    }
  } catch (const Interrupted&) {
    scores.interrupted = true;
  }
  scores.warnings = pictures.warnings();
  return scores;
}

}  // namespace owl3
