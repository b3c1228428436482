#include "eval/exam_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr int64_t kCounts[] = {0, 1, 5, 10, 20, 50, 100, 200, 400};
constexpr std::string_view kNumber = "{number}";

/// A generator for one purpose; the standard says which numbers it gives.
std::mt19937_64 random_for(uint64_t seed, uint64_t a, uint64_t b) {
  std::seed_seq sequence = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                            static_cast<uint32_t>(a), static_cast<uint32_t>(b)};
  return std::mt19937_64(sequence);
}

size_t below(size_t bound, std::mt19937_64& random) {
  return static_cast<size_t>(random() % bound);
}

/// The first `count` places of a shuffled list.
template <typename T>
void shuffle_front(std::vector<T>& values, size_t count, std::mt19937_64& random) {
  for (size_t i = 0; i < std::min(count, values.size()); ++i) {
    std::swap(values[i], values[i + below(values.size() - i, random)]);
  }
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// "A. green\nB. red", the options from the one at `first` on.
std::string lettered(const std::vector<std::string>& options) {
  std::string text;
  for (size_t i = 0; i < options.size(); ++i) {
    text += fmt::format("{}{}. {}", i == 0 ? "" : "\n", static_cast<char>('A' + i), options[i]);
  }
  return text;
}

/// The question as the official evaluation words a choice, the options rotated by `shift`.
Ask ask_with_letters(const ImageQuestion& question, const std::string& images, size_t place,
                     size_t shift) {
  Ask ask;
  ask.lettered = true;
  const auto turn = static_cast<std::ptrdiff_t>(shift);
  ask.options = question.options;
  std::rotate(ask.options.begin(), ask.options.begin() + turn, ask.options.end());
  ask.right = (question.right + question.options.size() - shift) % question.options.size();
  ask.answer = std::string(1, static_cast<char>('A' + *ask.right));
  ask.sentence = ask.answer;
  std::string text = question.text;
  replace_all(text, kNumber, std::to_string(place + 1));
  ask.text = fmt::format(
      "{}{}\nOptions: {}\nAnswer with the option’s letter from the given choices directly.", images,
      text, lettered(ask.options));
  return ask;
}

/// The marks of all images; numbered where the question points by number.
std::string image_marks(size_t images, Pointing by) {
  std::string text;
  for (size_t i = 0; i < images; ++i) {
    text += by == Pointing::kNumber ? fmt::format("Image {}: <image>\n", i + 1) : "<image>\n";
  }
  return text;
}

Exam among_others(const ImageQuestion& question, const std::vector<std::string>& pictures,
                  int64_t count, std::mt19937_64 random) {
  std::vector<std::string> others;
  for (const std::string& picture : pictures) {
    if (picture != question.image) others.push_back(picture);
  }
  const auto taken = static_cast<size_t>(count);
  shuffle_front(others, taken, random);
  others.resize(taken);
  Exam exam;
  exam.by = question.by;
  exam.distractors = count;
  exam.images = std::move(others);
  const size_t place = below(taken + 1, random);
  exam.images.insert(exam.images.begin() + static_cast<std::ptrdiff_t>(place), question.image);
  exam.about = place;
  const std::string marks = image_marks(exam.images.size(), question.by);
  for (size_t shift = 0; shift < question.options.size(); ++shift) {
    exam.asks.push_back(ask_with_letters(question, marks, place, shift));
  }
  return exam;
}

class Planner {
 public:
  Planner(const QuestionFile& file, const PlanOptions& options) : file_(file), options_(options) {
    std::set<std::string> pictures;
    for (const ImageQuestion& question : file.questions) pictures.insert(question.image);
    pictures_.assign(pictures.begin(), pictures.end());
    for (const Exam& exam : file.exams) exam_counts_.insert(exam.distractors);
    most_ = static_cast<int64_t>(pictures_.size()) - 1;
  }

  std::vector<Exam> plan() {
    std::vector<Exam> exams;
    for (const int64_t count : counts()) {
      for (const Pointing by : options_.by) {
        std::vector<Exam> cell = exams_of(count, by);
        std::move(cell.begin(), cell.end(), std::back_inserter(exams));
      }
    }
    if (exams.empty()) throw UsageError("the file has no question of the kind asked for (--by)");
    return exams;
  }

 private:
  std::vector<int64_t> counts() const {
    std::set<int64_t> counts(options_.counts.begin(), options_.counts.end());
    if (counts.empty()) {
      counts = exam_counts_;
      for (const int64_t count : kCounts) {
        if (count <= most_) counts.insert(count);
      }
    }
    for (const int64_t count : counts) {
      if (count <= most_ || exam_counts_.count(count) != 0) continue;
      throw UsageError(exam_counts_.empty()
                           ? fmt::format("{} distractors: the file's {} pictures give at most {}",
                                         count, pictures_.size(), most_)
                           : fmt::format("{} distractors: the file has questions among {}", count,
                                         fmt::join(exam_counts_, ", ")));
    }
    return {counts.begin(), counts.end()};
  }

  /// The questions of a cell that are asked. Single questions are the same ones for every count, so
  /// that counts differ in nothing else.
  std::vector<Exam> exams_of(int64_t count, Pointing by) const {
    std::vector<const Exam*> ready;
    for (const Exam& exam : file_.exams) {
      if (exam.by == by && exam.distractors == count) ready.push_back(&exam);
    }
    std::vector<const ImageQuestion*> single;
    for (const ImageQuestion& question : file_.questions) {
      if (question.by == by && count <= most_) single.push_back(&question);
    }
    const auto wanted = static_cast<size_t>(options_.questions);
    std::mt19937_64 random = random_for(options_.seed, 0, static_cast<uint64_t>(by));
    shuffle_front(ready, wanted, random);
    shuffle_front(single, wanted, random);
    std::vector<Exam> exams;
    for (size_t i = 0; i < ready.size() && exams.size() < wanted; ++i) exams.push_back(*ready[i]);
    for (size_t i = 0; i < single.size() && exams.size() < wanted; ++i) {
      exams.push_back(among_others(*single[i], pictures_, count,
                                   random_for(options_.seed, i + 1, static_cast<uint64_t>(count))));
    }
    return exams;
  }

  const QuestionFile& file_;
  const PlanOptions& options_;
  std::vector<std::string> pictures_;  // of the single questions
  std::set<int64_t> exam_counts_;
  int64_t most_ = 0;  // distractors that the pictures can give
};

}  // namespace

std::vector<Exam> plan_exams(const QuestionFile& file, const PlanOptions& options) {
  return Planner(file, options).plan();
}

}  // namespace owl3
