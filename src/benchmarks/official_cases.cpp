#include "benchmarks/official_cases.h"

#include <string>
#include <utility>
#include <vector>

#include "benchmarks/answer_rules.h"
#include "benchmarks/frame_choice.h"
#include "benchmarks/python_values.h"
#include "benchmarks/registry.h"
#include "benchmarks/row_fields.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

std::string set_of(const Json& golden_case) {
  const Json& set = field(golden_case, "ds_name");
  return set.is_null() ? "" : text_field(golden_case, "ds_name");
}

std::unique_ptr<BenchmarkTask> task_of(const Json& golden_case) {
  const std::string task = text_field(golden_case, "task"), set = set_of(golden_case);
  TaskSettings settings = planned_settings(task, set);
  const Json given = golden_case.value("settings", Json::object());
  settings.use_number = given.value("use_number", settings.use_number);
  settings.use_llava_style = given.value("use_llava_style", settings.use_llava_style);
  settings.image_index = given.value("image_index", settings.image_index);
  if (given.contains("num_frames")) settings.num_frames = integer_field(given, "num_frames");
  return make_benchmark_task(task, set, settings);
}

RowPlace place_of(const Json& golden_case) {
  RowPlace place;
  place.index = integer_field(golden_case, "index");
  place.part = golden_case.value(golden_case.contains("split") ? "split" : "part", "");
  place.rotation = golden_case.value("rotation", int64_t{0});
  if (place.rotation < 0) throw InputError("the rotation is below 0");
  if (golden_case.contains("files_in_folder")) {
    place.files_in_folder = integer_field(golden_case, "files_in_folder");
  }
  return place;
}

Json json_of(const PromptClip& clip) {
  Json json = {{"video", clip.path}};
  if (clip.bounds) json["bound"] = {clip.bounds->first, clip.bounds->second};
  json["num_frames"] = clip.num_frames;
  return json;
}

// ---- metrics: rows of the golden data to the records of each task.

using MakeRecord = Json (*)(const Json& row, const std::string& raw);

/// Records whose task makes them of a whole row of the data set, which the golden data shorten.
constexpr std::pair<const char*, MakeRecord> kRecords[] = {
    {"MMBenchTask",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"index", field(row, "index")}, {"prediction", raw}};
     }},
    {"MIBench",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"index", field(row, "id")},
               {"prediction", raw},
               {"ground_truth", field(row, "answer_letter")},
               {"category", field(row, "task")},
               {"category_top", field(row, "category")}};
     }},
    {"AI2DBench",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"pred", raw}, {"ground_truth", field(row, "answer_letter")}};
     }},
    {"QbenchTask",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"prediction", raw}, {"ground_truth", field(row, "answer_letter")}};
     }},
    {"LongVideoBenchTask",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"pred", raw}, {"ground_truth", field(row, "answer")}};
     }},
    {"MvBenchTask",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"raw", {{"category", field(row, "split")}}},
               {"pred", raw},
               {"ground_truth", field(row, "answer")}};
     }},
    {"LlavaInterleaveBenchTask",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"index", field(row, "sample_id")},
               {"prediction", raw},
               {"ground_truth", field(row, "answer")},
               {"sub_task", field(row, "dataset")},
               {"question_type", field(row, "question_type")}};
     }},
    {"VideoQA",
     [](const Json& row, const std::string& raw) -> Json {
       return {{"answer", raw}, {"annotation", field(row, "answer")}};
     }},
};

Json record_of(const BenchmarkTask& task, const std::string& name, const Json& row, int64_t index,
               Compatibility mode) {
  const std::string raw = text_field(row, "raw");
  for (const auto& [known, make] : kRecords) {
    if (name == known) return make(row, raw);
  }
  Json whole = row;
  whole.erase("raw");
  if (name == "VQATask" && !whole.contains("question_id")) whole["question_id"] = index;
  RowPlace place;
  place.index = row.value("index", index);
  return task.record(whole, place, raw, mode);
}

/// The annotations of a row's question, as the official files have them.
Json annotation_of(const Json& row, bool distinct_ids) {
  Json answers = Json::array();
  for (const std::string& answer : texts_field(row, "answers")) {
    Json entry = {{"answer", answer}};
    if (distinct_ids) entry["answer_id"] = answers.size() + 1;
    answers.push_back(std::move(entry));
  }
  return {{"question_id", field(row, "question_id")},
          {"question_type", field(row, "question_type")},
          {"answer_type", field(row, "answer_type")},
          {"answers", std::move(answers)}};
}

Table table_of_rows(const Json& rows) {
  const std::vector<std::string> columns = {"index", "image", "question", "A",          "B",
                                            "C",     "D",     "answer",   "l2-category"};
  std::vector<std::vector<std::string>> cells;
  for (const Json& row : rows) {
    std::vector<std::string> texts;
    for (const std::string& column : columns) {
      texts.push_back(row.contains(column) && !row[column].is_null() ? python::text_of(row[column])
                                                                     : "");
    }
    cells.push_back(std::move(texts));
  }
  return {columns, cells};
}

BenchmarkTruth truth_of(const Json& golden_case, const std::string& task, const Json& rows) {
  BenchmarkTruth truth;
  if (golden_case.contains("answer_ids")) {
    const bool distinct = golden_case["answer_ids"] == "distinct";
    for (const Json& row : rows) truth.annotations.push_back(annotation_of(row, distinct));
  }
  if (task == "MMBenchTask") truth.table = std::make_shared<Table>(table_of_rows(rows));
  return truth;
}

// ---- frames

ClipBounds bounds_of(const Json& start, const Json& end) {
  ClipBounds bounds;
  if (!start.is_null()) bounds.start = start.get<double>();
  if (!end.is_null()) bounds.end = end.get<double>();
  return bounds;
}

CaseResult evaluation_frames(const Json& row, Compatibility mode) {
  const double fps = number_field(row, "fps");
  for (const char* key : {"start", "end"}) {
    if (!field(row, key).is_null()) number_field(row, key);
  }
  const FrameChoice choice =
      choose_evaluation_frames(integer_field(row, "frames"), fps, integer_field(row, "num_frames"),
                               bounds_of(row["start"], row["end"]), mode);
  CaseResult result;
  result.more["segments"] = choice.segments;
  if (choice.how == FrameChoice::How::kFrames) {
    result.result = choice.frames;
    result.more["timestamps"] = frame_times(choice.frames, fps);
  } else {
    result.result = "random";
    result.more["how"] =
        choice.how == FrameChoice::How::kOnePerSegment ? "one_per_segment" : "permutation";
  }
  return result;
}

CaseResult folder_frames(const Json& row) {
  const Json& bound = field(row, "bound");
  ClipBounds bounds;
  if (python::is_truthy(bound)) {
    const Json &start = entry_of(bound, 0, "bound"), &end = entry_of(bound, 1, "bound");
    if (!start.is_number() || !end.is_number()) throw InputError("\"bound\" has no two numbers");
    bounds = bounds_of(start, end);
  }
  return {choose_folder_frames(bounds, number_field(row, "fps"), integer_field(row, "first_index"),
                               integer_field(row, "max_frame"), integer_field(row, "num_frames"))};
}

}  // namespace

CaseResult answer_case(const Json& golden_case, Compatibility mode) {
  RuleResult result = apply_answer_rule(golden_case, mode);
  return {std::move(result.answer), std::move(result.details)};
}

CaseResult metrics_case(const Json& golden_case, Compatibility mode) {
  const std::string name = text_field(golden_case, "task");
  const auto task = task_of(golden_case);
  const Json& rows = list_field(golden_case, "rows");
  const auto missing = golden_case.value("replies_missing_for_last", size_t{0});
  std::vector<Json> records;
  for (size_t i = 0; i + missing < rows.size(); ++i) {
    records.push_back(record_of(*task, name, rows[i], static_cast<int64_t>(i), mode));
  }
  BenchmarkMetrics metrics = task->metrics(records, truth_of(golden_case, name, rows), mode);
  if (!golden_case.contains("answer_ids")) {
    return {std::move(metrics.values), std::move(metrics.details)};
  }
  // The golden data have what the VQA scorer knows in one object.
  Json all = std::move(metrics.details);
  all["accuracy"] = std::move(metrics.values);
  return {std::move(all)};
}

CaseResult frames_case(const Json& golden_case, Compatibility mode) {
  const std::string sampler = text_field(golden_case, "sampler");
  if (sampler == "eval") return evaluation_frames(golden_case, mode);
  if (sampler == "mvbench_folder") return folder_frames(golden_case);
  if (sampler == "fps_rule") {
    return {choose_frames_at_rate(
        integer_field(golden_case, "frames"), number_field(golden_case, "fps"),
        number_field(golden_case, "output_fps"), integer_field(golden_case, "max_frames"))};
  }
  if (sampler == "chat") {
    return {choose_chat_frames(integer_field(golden_case, "frames"),
                               number_field(golden_case, "fps"),
                               integer_field(golden_case, "num_frames"))};
  }
  throw InputError(fmt::format("there is no sampler \"{}\"", sampler));
}

CaseResult prompt_case(const Json& golden_case, Compatibility /*mode*/) {
  const auto task = task_of(golden_case);
  const BenchmarkPrompt prompt = task->prompt(field(golden_case, "row"), place_of(golden_case));
  Json result = {{"messages", Json::array()},
                 {"images", prompt.images},
                 {"videos", Json::array()},
                 {"gt_answer", prompt.reference},
                 {"sample_index", prompt.sample_index},
                 {"cut", task->settings().cut}};
  for (const auto& message : prompt.messages) {
    result["messages"].push_back({{"role", message.role}, {"content", message.content}});
  }
  for (const PromptClip& clip : prompt.clips) result["videos"].push_back(json_of(clip));
  if (!prompt.clips.empty()) {
    result["num_frames"] = prompt.clips.front().num_frames;
    result["expanded"] = prompt.expanded();
  }
  return {std::move(result)};
}

CaseResult output_case(const Json& golden_case, Compatibility mode) {
  return {task_of(golden_case)
              ->record(field(golden_case, "row"), place_of(golden_case),
                       text_field(golden_case, "raw"), mode)};
}

CaseResult plan_case(const Json& golden_case, Compatibility /*mode*/) {
  const auto position = static_cast<size_t>(integer_field(golden_case, "position"));
  if (position >= official_plan().size()) {
    throw InputError(fmt::format("the plan has {} entries", official_plan().size()));
  }
  const PlanEntry& entry = official_plan()[position];
  Json result = {{"task", entry.task}, {"ds_name", entry.set}, {"cut", entry.cut}};
  result["num_frames"] = nullptr;
  result["use_number"] = entry.use_number ? Json(*entry.use_number) : Json(nullptr);
  result["submit_only"] = nullptr;
  try {
    const auto task = make_benchmark_task(entry.task, entry.set, entry.settings());
    if (task->settings().num_frames) result["num_frames"] = *task->settings().num_frames;
    result["submit_only"] = task->submit_only();
  } catch (const InputError&) {  // the data set does not exist, officially either
    result["error"] = true;
  }
  return {std::move(result)};
}

CaseResult submission_case(const Json& golden_case, Compatibility mode) {
  const std::string name = text_field(golden_case, "task");
  const auto task = task_of(golden_case);
  std::vector<Json> records;
  for (const Json& row : list_field(golden_case, "rows")) {
    records.push_back(record_of(*task, name, row, std::ssize(records), mode));
  }
  BenchmarkTruth truth;
  if (golden_case.contains("tsv")) {
    truth.table =
        std::make_shared<Table>(Table::parse_tsv(text_field(golden_case, "tsv"), "the table"));
  }
  Submission submission = task->submission(records, truth);
  CaseResult result{std::move(submission.content)};
  if (submission.file_text) result.more["file_text"] = *submission.file_text;
  return result;
}

}  // namespace owl3
