// MLVU and LVBench: long films, multiple choice. The paper reports both, but the official
// evaluation has no classes for them: prompts are those of its other multiple-choice questions
// about films, replies are read by the rule of LongVideoBench and MVBench, its slips left out.
#include <algorithm>
#include <utility>

#include "benchmarks/choice_answers.h"
#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kDefaultFrames = 128;  // as the plan shows of Video-MME, the nearest to both

/// "A. ..." for each.
std::vector<std::string> lettered(const std::vector<std::string>& texts) {
  std::vector<std::string> options;
  for (const std::string& text : texts) {
    options.push_back(letter(std::ssize(options)) + ". " + text);
  }
  return options;
}

BenchmarkPrompt choice_prompt(std::string film, int64_t num_frames, const std::string& question,
                              const std::vector<std::string>& options) {
  BenchmarkPrompt prompt;
  prompt.clips = {{std::move(film), std::nullopt, num_frames}};
  prompt.messages =
      plain_messages(fmt::format("{}\nQuestion: {}\nOptions: {}\n{}", kVideo, question,
                                 python::join(options, "\n"), kAnswerByLetter));
  return prompt;
}

bool is_right(const Json& record) {
  return agrees_with_option(text_field(record, "pred"), text_field(record, "ground_truth"),
                            Compatibility::kIntended);
}

/// Scores by names, in the order in which these come.
class ScoresByName {
 public:
  void add(const std::string& name, double score) {
    const auto found = std::find_if(names_.begin(), names_.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    auto& scores =
        found == names_.end() ? names_.emplace_back(name, Scores()).second : found->second;
    scores.emplace_back(score);
  }

  Json shares() const {
    Json shares = Json::object();
    for (const auto& [name, scores] : names_) shares[name] = share_of(scores);
    return shares;
  }
  /// The mean of the names' shares; NaN of none.
  double mean() const {
    Scores shares;
    for (const auto& [name, scores] : names_) shares.emplace_back(share_of(scores));
    return share_of(shares);
  }

 private:
  using Scores = std::vector<std::optional<double>>;
  std::vector<std::pair<std::string, Scores>> names_;
};

class MlvuTask : public BenchmarkTask {
 public:
  explicit MlvuTask(const TaskSettings& settings)
      : BenchmarkTask(with_frames(settings, kDefaultFrames)) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    // Films of several tasks have the same names, in folders of their own.
    const std::string folder = python::join_path("MLVU/video", place.part);
    BenchmarkPrompt prompt =
        choice_prompt(python::join_path(folder, text_field(row, "video")), *settings().num_frames,
                      text_field(row, "question"), lettered(candidates_of(row)));
    prompt.reference = reference_of(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"raw", row}, {"pred", reply}, {"ground_truth", reference_of(row)}};
  }

  /// M-Avg is the mean of the tasks' shares, whatever the numbers of their questions.
  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility /*mode*/) const override {
    BenchmarkMetrics result;
    ScoresByName tasks;
    for (const Json& record : records) {
      const double score = is_right(record) ? 1 : 0;
      tasks.add(text_field(field(record, "raw"), "question_type"), score);
      result.scores.emplace_back(score);
    }
    result.values = tasks.shares();
    result.values["M-Avg"] = tasks.mean();
    result.values["Accuracy_overall"] = share_of(result.scores);
    return result;
  }

 private:
  static std::vector<std::string> candidates_of(const Json& row) {
    std::vector<std::string> candidates;
    for (const Json& candidate : list_field(row, "candidates")) {
      candidates.push_back(python::text_of(candidate));
    }
    return candidates;
  }

  static std::string reference_of(const Json& row) {
    const std::vector<std::string> candidates = candidates_of(row);
    const std::string answer = python::text_of(field(row, "answer"));
    const auto found = std::find(candidates.begin(), candidates.end(), answer);
    if (found == candidates.end()) {
      throw InputError(fmt::format("the answer \"{}\" is none of the candidates", answer));
    }
    return letter(found - candidates.begin()) + ". " + answer;
  }
};

/// A question of LVBench, in whose text the options stand: "...?\n(A) one\n(B) two".
struct ChoiceQuestion {
  std::string question;
  std::vector<std::string> options;  // without letters
};

ChoiceQuestion split_options(const std::string& text) {
  ChoiceQuestion split;
  size_t begin = 0;  // of the part that ends where the next option begins
  for (char mark = 'A';; ++mark) {
    const std::string next = fmt::format("\n({})", mark);
    const size_t end = text.find(next, begin);
    std::string part(python::strip(std::string_view(text).substr(begin, end - begin)));
    if (mark == 'A') {
      split.question = std::move(part);
    } else {
      split.options.push_back(std::move(part));
    }
    if (end == std::string::npos) break;
    begin = end + next.size();
  }
  if (split.options.size() < 2) {
    throw InputError("the question has no options \"(A) ...\", \"(B) ...\" in lines of their own");
  }
  return split;
}

class LvBenchTask : public BenchmarkTask {
 public:
  explicit LvBenchTask(const TaskSettings& settings)
      : BenchmarkTask(with_frames(settings, kDefaultFrames)) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    const ChoiceQuestion question = split_options(text_field(row, "question"));
    BenchmarkPrompt prompt =
        choice_prompt("LVBench/all_videos/" + text_field(row, "key") + ".mp4",
                      *settings().num_frames, question.question, lettered(question.options));
    prompt.reference = reference_of(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {{"raw", row}, {"pred", reply}, {"ground_truth", reference_of(row)}};
  }

  /// A question of several types counts for each.
  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility /*mode*/) const override {
    BenchmarkMetrics result;
    ScoresByName types;
    for (const Json& record : records) {
      const double score = is_right(record) ? 1 : 0;
      for (const std::string& type : texts_field(field(record, "raw"), "question_type")) {
        types.add(type, score);
      }
      result.scores.emplace_back(score);
    }
    result.values = types.shares();
    result.values["Accuracy_overall"] = share_of(result.scores);
    return result;
  }

 private:
  static std::string reference_of(const Json& row) {
    const std::string answer = text_field(row, "answer");
    const auto options = split_options(text_field(row, "question")).options;
    const int64_t place = answer.size() == 1 ? answer[0] - 'A' : -1;
    if (place < 0 || place >= std::ssize(options)) {
      throw InputError(fmt::format("the answer \"{}\" is the letter of no option", answer));
    }
    return answer + ". " + options[static_cast<size_t>(place)];
  }
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_mlvu_task(const std::string& set,
                                              const TaskSettings& settings) {
  return set == "mlvu" ? std::make_unique<MlvuTask>(settings) : nullptr;
}

std::unique_ptr<BenchmarkTask> make_lvbench_task(const std::string& set,
                                                 const TaskSettings& settings) {
  return set == "lvbench" ? std::make_unique<LvBenchTask>(settings) : nullptr;
}

}  // namespace owl3
