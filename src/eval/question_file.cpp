#include "eval/question_file.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/row_texts.h"
#include "eval/scoring.h"
#include "formats/json_reader.h"
#include "text/user_marks.h"
#include "training_data/media_reader.h"
#include "training_data/row_file.h"
#include "training_data/sample.h"
#include "training_data/sample_rows.h"

namespace owl3 {

namespace {

constexpr std::string_view kNumber = "{number}";
constexpr int64_t kMaxDistractors = 1'000'000;
constexpr size_t kMaxOptions = 26;

/// The question without its image's mark, and without the line end behind that.
std::string without_mark(std::string text) {
  for (auto mark = next_user_mark(text, 0); mark; mark = next_user_mark(text, mark->end())) {
    if (!mark->places_medium() || mark->name != kUserImageMark) continue;
    const size_t end = mark->end();
    const bool line_end = end < text.size() && text[end] == '\n';
    // Of the backslashes before it, two stand for one.
    const size_t kept = mark->begin + mark->backslashes / 2;
    return text.erase(kept, end + (line_end ? 1 : 0) - kept);
  }
  return text;
}

class RowParser {
 public:
  RowParser(std::string_view text, std::string name, const std::filesystem::path& root)
      : name_(std::move(name)),
        json_(parse_row(text, name_)),
        reader_(json_, name_),
        row_(read_row(json_, name_)) {
    for (const RowMedium& image : row_.images) {
      images_.push_back(resolve_medium(image.reference, root));
    }
    if (!row_.videos.empty()) fail("videos", "cannot be asked about here");
    if (row_.messages.empty() || row_.messages[0].role != Role::kUser) {
      fail("messages", "must begin with the user's");
    }
  }

  bool is_complete() const { return reader_.has("distractors"); }
  /// Rows of one question have the same.
  std::optional<int64_t> group() const {
    return reader_.optional_integer("group", 0, std::numeric_limits<int64_t>::max());
  }

  Exam exam() const {
    Exam exam;
    exam.distractors = reader_.integer("distractors", 0, kMaxDistractors);
    const std::string by = reader_.optional_string("by").value_or("content");
    const auto pointing = pointing_of(by);
    if (!pointing) fail("by", "must be content or number");
    exam.by = *pointing;
    exam.images = images_;
    const auto images = static_cast<int64_t>(images_.size());
    if (const auto about = reader_.optional_integer("about", 1, images)) {
      exam.about = static_cast<size_t>(*about - 1);
    }
    Ask ask;
    ask.text = row_.messages[0].text;
    if (image_marks_in(ask.text) != static_cast<int64_t>(images_.size())) {
      fail("images", fmt::format("has {} entries, but the question {} <image> marks",
                                 images_.size(), image_marks_in(ask.text)));
    }
    ask.options = options();
    ask.answer = answer();
    if (!ask.options.empty()) ask.right = right_option(ask.options, ask.answer);
    if (row_.messages.size() > 1) ask.sentence = row_.messages[1].text;
    exam.asks.push_back(std::move(ask));
    return exam;
  }

  ImageQuestion question() const {
    if (images_.size() != 1) {
      fail("images", "must be one: a row that has more says how many are distractors");
    }
    ImageQuestion question;
    question.text = without_mark(row_.messages[0].text);
    if (image_marks_in(question.text) != 0)
      fail("images", "has one entry, but the question more marks");
    if (question.text.find(kNumber) != question.text.npos) question.by = Pointing::kNumber;
    question.image = images_[0];
    question.options = options();
    if (question.options.size() < 2) fail("options", "must be two or more");
    question.right = right_option(question.options, answer());
    return question;
  }

 private:
  [[noreturn]] void fail(const char* key, const std::string& what) const {
    reader_.fail(key, what);
  }

  std::vector<std::string> options() const {
    std::vector<std::string> texts = text_list(json_, reader_, "options");
    if (texts.size() > kMaxOptions) fail("options", "are more than 26");
    for (size_t i = 0; i < texts.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (words_of(texts[i]) == words_of(texts[j])) {
          fail("options", fmt::format("name \"{}\" twice", texts[i]));
        }
      }
    }
    return texts;
  }

  std::string answer() const {
    std::vector<std::string> answers = text_list(json_, reader_, "answers");
    if (const auto single = reader_.optional_string("answer")) answers = {*single};
    if (answers.size() != 1) fail("answer", "is missing");
    if (words_of(answers[0]).empty()) fail("answer", "has no words");
    return answers[0];
  }

  /// The option that the answer is, or else whose letter, or else whose part it is.
  size_t right_option(const std::vector<std::string>& options, const std::string& answer) const {
    const std::vector<std::string> words = words_of(answer);
    std::vector<size_t> parts;
    for (size_t i = 0; i < options.size(); ++i) {
      const std::vector<std::string> option = words_of(options[i]);
      if (option == words) return i;
      if (has_words(option, words)) parts.push_back(i);
    }
    if (answer.size() == 1 && answer[0] >= 'A' &&
        static_cast<size_t>(answer[0] - 'A') < options.size()) {
      return static_cast<size_t>(answer[0] - 'A');
    }
    if (parts.size() != 1) fail("answer", "is none of the options");
    return parts[0];
  }

  std::string name_;
  nlohmann::json json_;
  JsonReader reader_;
  SampleRow row_;
  std::vector<std::string> images_;
};

}  // namespace

QuestionFile read_question_file(const std::filesystem::path& path) {
  const RowFile rows = RowFile::open(path);
  QuestionFile file;
  std::map<int64_t, size_t> groups;  // -> index in exams
  for (int64_t i = 0; i < rows.size(); ++i) {
    const RowParser row(rows.row(i), rows.where(i), path.parent_path());
    if (!row.is_complete()) {
      file.questions.push_back(row.question());
      continue;
    }
    Exam exam = row.exam();
    const auto group = row.group();
    const auto known = group ? groups.find(*group) : groups.end();
    if (known == groups.end()) {
      if (group) groups[*group] = file.exams.size();
      file.exams.push_back(std::move(exam));
      continue;
    }
    Exam& first = file.exams[known->second];
    if (exam.images != first.images || exam.by != first.by || exam.about != first.about) {
      throw InputError(fmt::format("{}: group {} has other images, \"by\" or \"about\" than before",
                                   rows.where(i), *group));
    }
    first.asks.push_back(std::move(exam.asks[0]));
  }
  return file;
}

}  // namespace owl3
