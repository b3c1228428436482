// Files of questions: the two kinds of rows, and what is refused by line.
#include "eval/question_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "eval/question_rows.h"

namespace owl3 {
namespace {

QuestionFile read(const ScratchFolder& folder, const std::string& rows) {
  return read_question_file(folder.write("questions.jsonl", rows));
}

TEST(QuestionFile, TakesRowsOfOneGroupAsOneQuestion) {
  const ScratchFolder folder;
  std::string rows;
  for (int shift = 0; shift < 4; ++shift) rows += complete_row(7, shift, {"a.png", "t.tar/b.png"});
  rows += complete_row(8, 0, {"c.png"}, "number");
  const QuestionFile file = read(folder, rows);
  ASSERT_EQ(file.exams.size(), 2u);
  const Exam& exam = file.exams[0];
  EXPECT_EQ(exam.by, Pointing::kContent);
  EXPECT_EQ(exam.distractors, 1);
  ASSERT_EQ(exam.images.size(), 2u);
  EXPECT_EQ(exam.images[1], (folder / "t.tar/b.png").string());
  ASSERT_EQ(exam.asks.size(), 4u);
  for (const Ask& ask : exam.asks) EXPECT_EQ(ask.options.at(*ask.right), "green");
  EXPECT_NE(exam.asks[0].right, exam.asks[1].right);
  EXPECT_EQ(exam.asks[0].text, "<image>1<image>2\nWhich colour?");
  EXPECT_EQ(exam.asks[0].sentence, "The ground is green.");
  EXPECT_EQ(file.exams[1].by, Pointing::kNumber);
}

TEST(QuestionFile, ReadsQuestionsAboutOneImage) {
  const ScratchFolder folder;
  const QuestionFile file =
      read(folder, single_row("a.png", "B") + single_row("b.png", "blue") +
                       single_row("c.png", "pink", "Which colour has image {number}?"));
  ASSERT_EQ(file.questions.size(), 3u);
  EXPECT_EQ(file.questions[0].text, "Which colour is it?");
  EXPECT_EQ(file.questions[0].right, 1u) << "by its letter";
  EXPECT_EQ(file.questions[1].right, 2u) << "by its words";
  EXPECT_EQ(file.questions[2].by, Pointing::kNumber);
}

TEST(QuestionFile, CountsMarksAsQuestionsDo) {
  const ScratchFolder folder;
  const QuestionFile file =
      read(folder, single_row("a.png", "red", "<image>\\nWhat is \\\\<image>?") +
                       single_row("b.png", "red", "Is \\\\\\\\<image> red?"));
  EXPECT_EQ(file.questions[0].text, "What is \\<image>?");
  EXPECT_EQ(file.questions[1].text, "Is \\ red?");
}

TEST(QuestionFile, NamesTheLineThatIsWrong) {
  const ScratchFolder folder;
  const std::string good = single_row("a.png", "red");
  const auto refusal = [&](const std::string& row) {
    const std::string message = message_of<InputError>([&] { read(folder, good + row); });
    EXPECT_NE(message.find("questions.jsonl:2: "), std::string::npos) << message;
    return message;
  };
  EXPECT_NE(refusal(single_row("b.png", "yellow")).find("none of the options"), std::string::npos);
  EXPECT_NE(refusal("{\"messages\": 3}\n"), "");
  std::string row = complete_row(1, 0, {"a.png", "b.png"});
  EXPECT_NE(refusal(row.replace(row.find("<image>2"), 8, "2")).find("2 entries"),
            std::string::npos);
  row = complete_row(1, 0, {"a.png"}, "colour");
  EXPECT_NE(refusal(row).find("by must be content or number"), std::string::npos);
  row = single_row("b.png", "red");
  EXPECT_NE(refusal(row.replace(row.find("\"green\""), 7, "\"red\"")).find("twice"),
            std::string::npos);
  row = single_row("b.png", "red");
  EXPECT_NE(refusal(row.replace(row.find("\"answer\""), 8, "\"other\"")).find("answer is missing"),
            std::string::npos);
}

TEST(QuestionFile, RefusesAGroupOfDifferentImages) {
  const ScratchFolder folder;
  const std::string message = message_of<InputError>(
      [&] { read(folder, complete_row(1, 0, {"a.png"}) + complete_row(1, 1, {"b.png"})); });
  EXPECT_NE(message.find("questions.jsonl:2: group 1 has other images"), std::string::npos)
      << message;
}

}  // namespace
}  // namespace owl3
