// Which questions are asked among which images.
#include "eval/exam_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/scratch_folder.h"
#include "eval/question_rows.h"

namespace owl3 {
namespace {

QuestionFile singles(int count) {
  QuestionFile file;
  for (int i = 0; i < count; ++i) {
    ImageQuestion question;
    question.by = i % 2 == 0 ? Pointing::kContent : Pointing::kNumber;
    question.text = i % 2 == 0 ? "Which colour?" : "Which colour has image {number}?";
    question.image = fmt::format("{}.png", i);
    question.options = {"red", "green", "blue"};
    question.right = 1;
    file.questions.push_back(question);
  }
  return file;
}

TEST(ExamPlan, PutsTheImageAmongOthersOnce) {
  PlanOptions options;
  options.counts = {0, 5, 19};
  options.questions = 4;
  const std::vector<Exam> exams = plan_exams(singles(20), options);
  ASSERT_EQ(exams.size(), 3u * 2 * 4);
  for (const Exam& exam : exams) {
    ASSERT_EQ(exam.images.size(), static_cast<size_t>(exam.distractors) + 1);
    EXPECT_EQ(std::set<std::string>(exam.images.begin(), exam.images.end()).size(),
              exam.images.size());
    ASSERT_EQ(exam.asks.size(), 3u);
    std::set<size_t> places;
    for (const Ask& ask : exam.asks) {
      EXPECT_EQ(ask.options.at(*ask.right), "green");
      places.insert(*ask.right);
      EXPECT_NE(ask.text.find(fmt::format("{}. green", ask.answer)), ask.text.npos) << ask.text;
      EXPECT_EQ(exam.by == Pointing::kNumber, ask.text.find("Image 1: <image>\n") == 0);
      EXPECT_EQ(ask.text.find("{number}"), ask.text.npos);
    }
    EXPECT_EQ(places.size(), 3u) << "every rotation";
  }
}

TEST(ExamPlan, NamesTheNumberOfTheQuestionsOwnImage) {
  PlanOptions options;
  options.counts = {7};
  options.by = {Pointing::kNumber};
  std::set<std::string> numbers;
  for (const Exam& exam : plan_exams(singles(20), options)) {
    const std::string& text = exam.asks[0].text;
    const size_t at = text.find("has image ") + 10;
    const auto number = static_cast<size_t>(std::stoi(text.substr(at)));
    const int own = std::stoi(exam.images.at(number - 1));
    EXPECT_EQ(own % 2, 1) << "questions by number are about odd images";
    numbers.insert(text.substr(at, 2));
  }
  EXPECT_GT(numbers.size(), 2u) << "not always the same place";
}

TEST(ExamPlan, IsAFunctionOfTheSeed) {
  PlanOptions options;
  options.counts = {5};
  options.questions = 3;
  const auto images = [&](uint64_t seed) {
    options.seed = seed;
    std::vector<std::string> all;
    for (const Exam& exam : plan_exams(singles(20), options)) {
      all.insert(all.end(), exam.images.begin(), exam.images.end());
    }
    return all;
  };
  EXPECT_EQ(images(1), images(1));
  EXPECT_NE(images(1), images(2));
}

TEST(ExamPlan, AsksTheSameQuestionsForEveryCount) {
  PlanOptions options;
  options.counts = {0, 3};
  options.by = {Pointing::kContent};
  options.questions = 5;
  const std::vector<Exam> exams = plan_exams(singles(20), options);
  ASSERT_EQ(exams.size(), 10u);
  for (size_t i = 0; i < 5; ++i) {
    const auto& among = exams[5 + i].images;
    EXPECT_EQ(std::count(among.begin(), among.end(), exams[i].images[0]), 1);
  }
}

TEST(ExamPlan, TakesCompleteQuestionsAsTheyAre) {
  const ScratchFolder folder;
  std::string rows;
  for (int group = 0; group < 6; ++group) {
    for (int shift = 0; shift < 4; ++shift) {
      rows += complete_row(
          group, shift,
          group < 3 ? std::vector<std::string>{"a"} : std::vector<std::string>{"a", "b", "c"});
    }
  }
  const QuestionFile file = read_question_file(folder.write("q.jsonl", rows));
  PlanOptions options;
  options.questions = 2;
  const std::vector<Exam> exams = plan_exams(file, options);
  ASSERT_EQ(exams.size(), 4u);
  EXPECT_EQ(exams[0].distractors, 0);
  EXPECT_EQ(exams[3].distractors, 2);
  options.counts = {2};
  EXPECT_EQ(plan_exams(file, options).size(), 2u);
}

TEST(ExamPlan, TellsWhatTheFileCannotGive) {
  PlanOptions options;
  options.counts = {20};
  EXPECT_NE(message_of<UsageError>([&] {
              plan_exams(singles(20), options);
            }).find("the file's 20 pictures give at most 19"),
            std::string::npos);
  const ScratchFolder folder;
  const QuestionFile file =
      read_question_file(folder.write("q.jsonl", complete_row(0, 0, {"a", "b"})));
  EXPECT_NE(message_of<UsageError>([&] {
              plan_exams(file, options);
            }).find("20 distractors: the file has questions among 1"),
            std::string::npos);
  options = {};
  options.by = {Pointing::kNumber};
  EXPECT_NE(message_of<UsageError>([&] { plan_exams(file, options); }).find("--by"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
