// Whole conversations about images, scored answer by answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "eval/picture_memory.h"

namespace owl3 {

struct ConversationTurn {
  std::string question;             // <image> marks in it
  std::vector<std::string> images;  // as MediaReader takes them, one per mark
  std::string task;                 // what the answer is counted under
  std::string answer;               // the words that make it right
};

struct Conversation {
  std::string where;  // "rows.jsonl:17"
  std::vector<ConversationTurn> turns;

  int64_t images() const;
};

/// Rows as `owl3 make-data` writes them: messages and images as in training data, `answers`, one
/// for each of the assistant's messages, and `tasks` likewise (may be missing). Throws InputError
/// that names file and line.
std::vector<Conversation> read_conversations(const std::filesystem::path& path);

struct TaskScore {
  int64_t asked = 0;
  int64_t right = 0;
};

struct ConversationScores {
  std::map<std::string, TaskScore> tasks;
  TaskScore all;
  bool interrupted = false;
  std::vector<std::string> warnings;  // what was not right with pictures, a line each
};

/// Whether a reply is right, by the turn's answer.
using AnswerCheck = std::function<bool(std::string_view reply, std::string_view answer)>;
using AnswerCallback =
    std::function<void(const ConversationTurn& turn, const std::string& reply, bool right)>;

/// Asks turn by turn, greedily: what the model said itself stands before a follow-up, not what
/// would have been right. Throws UsageError, before any picture is read, for a conversation that
/// the model's context can't hold. Interrupted by `progress`, it gives the scores so far.
ConversationScores score_conversations(const std::vector<Conversation>& conversations,
                                       const Model& model, const AnswerCheck& is_right,
                                       int64_t max_new_tokens, const ProgressCallback& progress,
                                       const AnswerCallback& on_answer = {});

}  // namespace owl3
