// Rows of training data: conversations about pictures of a pool, in the form that is written as a
// line of JSONL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "owlet/pool.h"
#include "owlet/questions.h"

namespace owl3 {

/// What rows are for. Each kind has its mixture of tasks (docs/owlet.md).
enum class RowKind {
  kSiglip,
  kEcho,
  kText,
  kPages,
  kLists,
  kRecall,
  kStage1,
  kStage2,
  kStage3,
  kSingle,
  kClip,
  kDistractors,
  kDemo
};
inline constexpr int kRowKinds = 13;
std::string_view name_of(RowKind kind);
std::optional<RowKind> row_kind_of(std::string_view name);

/// How images of a sequence stand in the prompt.
enum class Numbering {
  kMixed,   // mostly kAfter; some rows otherwise
  kAfter,   // "<image>1<image>2": a number's token sees its image, and can remember what it shows
  kBefore,  // "Image 1: <image>\nImage 2: <image>\n"
  kBare     // "<image>\n<image>\n", as `owl3 chat` puts images in front of a question
};

/// A conversation, or a document.
struct Row {
  /// The user's and the assistant's alternate, the user's first. One alone is a document: all of it
  /// is learnt, and it has no questions, so no tasks and answers.
  std::vector<std::string> messages;
  std::vector<int> pictures;         // of the pool, in the order of the <image> marks
  std::vector<std::string> tasks;    // of each answer
  std::vector<std::string> answers;  // keys: words that a right answer has
  // Of a question among distractors only:
  int distractors = -1;
  std::string by;                    // "content" or "number"
  std::vector<std::string> options;  // in the order that the question names them
  int64_t group = -1;                // rows of one question, with its options rotated
  int about = 0;                     // the number of the image asked about, from 1
};

struct RowOptions {
  uint64_t seed = 0;
  int max_images = 400;  // of a sequence; of the distractors around the image asked about
  Numbering numbering = Numbering::kMixed;
};

/// Adds question and answer; `before` goes in front of the question.
void add_turn(Row& row, const Turn& turn, const std::string& before = {});
/// Adds a conversation, `before` in front of its first question.
void add_turns(Row& row, const std::vector<Turn>& turns, const std::string& before = {});

/// The images' part of a user's message, marks and numbers, up to where the question begins.
std::string image_block(Numbering numbering, const std::vector<std::string>& marks);

class RowMaker {
 public:
  /// Pool and maker must outlive it. A kind with clips needs a pool with clips.
  RowMaker(const Pool& pool, const SceneMaker& maker, const RowOptions& options);

  /// Row `index` of a kind: a pure function of these and the options.
  Row make(RowKind kind, int64_t index) const;

 private:
  Row pair(int64_t index, Random& random) const;
  Row caption_row(Random& random) const;
  Row stage2(Random& random) const;
  Row stage3(Random& random) const;
  Row demo(int64_t index, Random& random) const;
  Row single(int turns, Random& random) const;
  Row sequence(int images, Random& random) const;
  Row captions(Random& random) const;
  Row captions_by_turns(Random& random) const;
  Row selective_caption(Random& random) const;
  Row reading(Random& random) const;
  Row clip(bool describe_only, Random& random) const;
  Row distractors(int64_t index) const;
  Row pages(Random& random) const;
  Row lists(ListForm form, Random& random) const;

  std::vector<int> pick_images(int count, Random& random) const;
  int sequence_length(Random& random) const;
  Numbering numbering_for(int images, Random& random) const;

  const Pool* pool_;
  const SceneMaker* maker_;
  RowOptions options_;
};

/// Text alone: the same conversations with captions in the images' places, and small talk about
/// numbers and things (text_rows.cpp).
Row make_text_row(const SceneMaker& maker, Random& random);

/// Lists to be said again, word by word.
Row make_echo_row(Random& random);

}  // namespace owl3
