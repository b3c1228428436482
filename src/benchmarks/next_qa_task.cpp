// NExT-QA: why, how, when and what of films, with five options.
#include <map>

#include "benchmarks/families.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/short_answers.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kDefaultFrames = 8;
constexpr int kMostOptions = 10;
constexpr const char* kTypes[] = {"CW", "CH", "TN", "TC", "DC", "DL", "DO"};
constexpr char kGroups[] = {'C', 'T', 'D'};

std::string options_of(const Json& row) {
  std::vector<std::string> lines;
  for (int i = 0; i < kMostOptions; ++i) {
    const std::string key = fmt::format("a{}", i);
    // An option keeps the letter of its number where one before it is missing.
    if (row.contains(key)) {
      lines.push_back(fmt::format("{}. {}", letter(i), python::text_of(row[key])));
    }
  }
  return python::join(lines, "\n");
}

std::string reference_of(const Json& row) {
  return letter(python::integer_of(field(row, "answer"), "the answer"));
}

/// Questions right, and all.
struct Count {
  double right = 0, all = 0;

  Count& operator+=(const Count& other) {
    right += other.right;
    all += other.all;
    return *this;
  }
  double percent() const { return python::divide(right * 100.0, all); }
};

class NextQaTask : public BenchmarkTask {
 public:
  explicit NextQaTask(const TaskSettings& settings)
      : BenchmarkTask(with_frames(settings, kDefaultFrames)) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    const std::string film = python::text_of(field(row, "video"));
    prompt.clips = {{python::plain_path("dataset/nextqa/NExTVideo", film + ".mp4"), std::nullopt,
                     *settings().num_frames}};
    prompt.messages = plain_messages(fmt::format("{}\nQuestion: {}\nOptions: {}\n{}", kVideo,
                                                 python::text_of(field(row, "question")),
                                                 options_of(row), kAnswerByLetter));
    prompt.reference = reference_of(row);
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    return {
        {"raw", row}, {"pred", reply.empty() ? "X" : reply}, {"ground_truth", reference_of(row)}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& truth,
                           Compatibility mode) const override;
};

bool is_right(const Json& record, Compatibility mode) {
  const auto said = next_qa_answer(text_field(record, "pred"), mode);
  if (!said && mode == Compatibility::kOfficial) {
    throw InputError("the official code ends at a reply that begins with white space");
  }
  return said == python::lower(reference_of(field(record, "raw")));
}

std::string question_key(const Json& row) {
  return python::text_of(field(row, "video")) + "_" + python::text_of(field(row, "qid"));
}

/// TP, "what was before", counts as TN.
std::string type_of(const Json& row) {
  const std::string type = python::text_of(field(row, "type"));
  if (type == "TP") return "TN";
  for (const char* known : kTypes) {
    if (type == known) return type;
  }
  throw InputError(fmt::format("NExT-QA has no questions of the type \"{}\"", type));
}

BenchmarkMetrics NextQaTask::metrics(const std::vector<Json>& records,
                                     const BenchmarkTruth& /*truth*/, Compatibility mode) const {
  // Of replies to one question the last counts, for each time that it is asked.
  std::map<std::string, bool> right;
  for (const Json& record : records) {
    right[question_key(field(record, "raw"))] = is_right(record, mode);
  }
  std::map<std::string, Count> types;
  std::map<char, Count> groups;
  Count all;
  BenchmarkMetrics result;
  for (const Json& record : records) {
    const Json& row = field(record, "raw");
    const double score = right.at(question_key(row)) ? 1 : 0;
    const std::string type = type_of(row);
    const Count one{score, 1};
    types[type] += one;
    groups[type.front()] += one;
    all += one;
    result.scores.emplace_back(score);
  }
  Json category = Json::object();
  // Of a type without questions nothing can be said; the official code divides by 0.
  const auto add = [&](const std::string& name, const Count& count) {
    if (count.all > 0 || mode == Compatibility::kOfficial) category[name] = count.percent();
  };
  for (const char* type : kTypes) add(type, types[type]);
  for (const char group : kGroups) add(std::string(1, group), groups[group]);
  result.values = {{"Accuracy", all.percent()}, {"category", std::move(category)}};
  return result;
}

}  // namespace

std::unique_ptr<BenchmarkTask> make_next_qa_task(const std::string& set,
                                                 const TaskSettings& settings) {
  return set == "next_qa_mc" ? std::make_unique<NextQaTask>(settings) : nullptr;
}

}  // namespace owl3
