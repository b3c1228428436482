// Video-MME: films of three lengths, without subtitles.
#include <array>
#include <map>
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

constexpr int64_t kDefaultFrames = 16;
constexpr std::array kDurations = {"short", "medium", "long"};
/// Questions right, and all.
struct Count {
  int64_t right = 0, all = 0;

  void add(bool is_right) {
    right += is_right ? 1 : 0;
    ++all;
  }
  /// As the official code writes it: a blank in front, one decimal.
  std::string percent() const {
    const double share = all == 0 ? 0 : 100 * static_cast<double>(right) / static_cast<double>(all);
    return fmt::format("{: .1f}%", share);
  }
};

/// Counts by what a field of the rows says.
class Counts {
 public:
  explicit Counts(const char* key) : key_(key) {}

  void add(const Json& row, bool is_right) { counts_[text_field(row, key_)].add(is_right); }

  Count operator[](const std::string& name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? Count() : found->second;
  }

  /// The percentages that are not 0.
  Json nonzero() const {
    Json result = Json::object();
    for (const auto& [name, count] : counts_) {
      const std::string percent = count.percent();
      if (percent != Count().percent()) result[name] = percent;
    }
    return result;
  }

 private:
  const char* key_;
  std::map<std::string, Count> counts_;
};

/// See unasked_record().
bool is_unasked(const Json& record) {
  return field(record, "pred").is_null();
}

class VideoMmeTask : public BenchmarkTask {
 public:
  explicit VideoMmeTask(const TaskSettings& settings)
      : BenchmarkTask(with_frames(settings, kDefaultFrames)) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    BenchmarkPrompt prompt;
    const std::string film = python::text_of(field(row, "videoID"));
    prompt.clips = {{python::plain_path("dataset/videomme/data", film + ".mp4"), std::nullopt,
                     *settings().num_frames}};
    prompt.messages = plain_messages(fmt::format(
        "{}\nQuestion: {}\nOptions: {}\n{}", kVideo, python::text_of(field(row, "question")),
        python::join(texts_field(row, "options"), "\n"), kAnswerByLetter));
    prompt.reference = field(row, "answer");
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    if (!row.is_object()) throw InputError("the row is no JSON object");
    Json record = row;
    record["pred"] = reply;
    return record;
  }

  /// The rule reads A from an empty reply.
  Json unasked_record(const Json& row, const RowPlace& place, Compatibility mode) const override {
    Json unasked = record(row, place, "", mode);
    if (mode == Compatibility::kIntended) unasked["pred"] = nullptr;
    return unasked;
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& truth,
                           Compatibility mode) const override;
};

BenchmarkMetrics VideoMmeTask::metrics(const std::vector<Json>& records,
                                       const BenchmarkTruth& /*truth*/, Compatibility mode) const {
  Counts durations("duration"), domains("domain"), sub_categories("sub_category");
  Counts task_types("task_type");
  Count all;
  BenchmarkMetrics result;
  for (const Json& record : records) {
    const Json& answer = field(record, "answer");
    const bool right =
        !is_unasked(record) && answer == videomme_answer(text_field(record, "pred"), mode);
    durations.add(record, right);
    domains.add(record, right);
    sub_categories.add(record, right);
    task_types.add(record, right);
    all.add(right);
    result.scores.emplace_back(right ? 1 : 0);
  }
  Json correct_and_total = Json::object();
  result.values = {{"Duration", Json::object()}};
  for (const char* name : kDurations) {
    const Count count = durations[name];
    result.values[name] = count.percent();
    if (count.all > 0) correct_and_total[name] = {count.right, count.all};
  }
  result.values["Accuracy Overall"] = all.percent();
  Json overall = Json::object();
  if (all.percent() != Count().percent()) overall["Overall"] = all.percent();
  result.details = {{"correct_and_total", std::move(correct_and_total)},
                    {"printed_nonzero",
                     {{"Video Domains", domains.nonzero()},
                      {"Video Sub Categories", sub_categories.nonzero()},
                      {"Task Categories", task_types.nonzero()},
                      {"Overall Performance", std::move(overall)}}}};
  return result;
}

}  // namespace

std::unique_ptr<BenchmarkTask> make_videomme_task(const std::string& set,
                                                  const TaskSettings& settings) {
  return set == "videomme" ? std::make_unique<VideoMmeTask>(settings) : nullptr;
}

}  // namespace owl3
