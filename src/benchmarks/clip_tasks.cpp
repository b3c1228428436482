// LongVideoBench and MVBench: clips within bounds, and replies that name an option or say it.
#include <array>
#include <map>
#include <utility>

#include "benchmarks/choice_answers.h"
#include "benchmarks/families.h"
#include "benchmarks/frame_choice.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/row_fields.h"
#include "benchmarks/task_parts.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kDefaultFrames = 16;
constexpr double kStillsPerSecond = 3;

bool is_right(const Json& record, Compatibility mode) {
  return agrees_with_option(text_field(record, "pred"), text_field(record, "ground_truth"), mode);
}

class LongVideoTask : public BenchmarkTask {
 public:
  explicit LongVideoTask(const TaskSettings& settings)
      : BenchmarkTask(with_frames(settings, kDefaultFrames)) {}

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    const Json clip = clip_of(row);
    BenchmarkPrompt prompt;
    prompt.clips = {
        {clip["video"], std::pair(clip["bound"][0], clip["bound"][1]), *settings().num_frames}};
    prompt.messages = plain_messages(fmt::format(
        "Question: {}\n{}\nOptions: {}\n{}", kVideo, clip["question"].get<std::string>(),
        python::join(texts_field(clip, "options"), "\n"), kAnswerByLetter));
    prompt.reference = clip["answer"];
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& /*place*/, const std::string& reply,
              Compatibility /*mode*/) const override {
    const Json clip = clip_of(row);
    return {{"raw", clip}, {"pred", reply}, {"ground_truth", clip["answer"]}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility mode) const override {
    BenchmarkMetrics result;
    for (const Json& record : records) result.scores.emplace_back(is_right(record, mode) ? 1 : 0);
    result.values = {{"Accuracy_overall", share_of(result.scores)}};
    return result;
  }

 private:
  /// The row as the official data set hands it on.
  static Json clip_of(const Json& row) {
    const std::vector<std::string> candidates = texts_field(row, "candidates");
    std::vector<std::string> options;
    for (const std::string& candidate : candidates) {
      options.push_back(letter(std::ssize(options)) + ". " + candidate);
    }
    // Without a right answer the reference has no letter, and the first candidate's text.
    const bool known = row.contains("correct_choice");
    const int64_t choice = known ? integer_field(row, "correct_choice") : 0;
    const std::string text = entry_of(row["candidates"], choice, "candidates");
    return {{"video",
             python::join_path("dataset/LongVideoBench/videos", text_field(row, "video_path"))},
            {"bound", {0, field(row, "duration")}},
            {"question", python::replace_all(text_field(row, "question"), kVideo, "")},
            {"options", options},
            {"answer", letter(known ? choice : -1) + ". " + text},
            {"id", field(row, "id")}};
  }
};

/// A split of MVBench: where its films are, and what they are.
struct Split {
  const char* name;
  const char* folder;
  bool bounded = false;  // rows have start and end
  bool stills = false;   // clips are folders of stills
};

constexpr std::array<Split, 20> kSplits = {
    {{"action_sequence", "star/Charades_v1_480/", true, false},
     {"action_prediction", "star/Charades_v1_480/", true, false},
     {"action_antonym", "ssv2_video/", false, false},
     {"fine_grained_action", "Moments_in_Time_Raw/videos/", false, false},
     {"unexpected_action", "FunQA_test/test/", false, false},
     {"object_existence", "clevrer/video_validation/", false, false},
     {"object_interaction", "star/Charades_v1_480/", true, false},
     {"object_shuffle", "perception/videos/", false, false},
     {"moving_direction", "clevrer/video_validation/", false, false},
     {"action_localization", "sta/sta_video/", true, false},
     {"scene_transition", "scene_qa/video/", false, false},
     {"action_count", "perception/videos/", false, false},
     {"moving_count", "clevrer/video_validation/", false, false},
     {"moving_attribute", "clevrer/video_validation/", false, false},
     {"state_change", "perception/videos/", false, false},
     {"fine_grained_pose", "nturgbd/", false, false},
     {"character_order", "perception/videos/", false, false},
     {"egocentric_navigation", "vlnqa/", false, false},
     {"episodic_reasoning", "tvqa/frames_fps3_hq/", true, true},
     {"counterfactual_inference", "clevrer/video_validation/", false, false}}};

const Split& find_split(const std::string& name) {
  for (const Split& split : kSplits) {
    if (name == split.name) return split;
  }
  throw InputError(fmt::format("MVBench has no split \"{}\"", name));
}

class MvBenchTask : public BenchmarkTask {
 public:
  explicit MvBenchTask(const TaskSettings& settings)
      : BenchmarkTask(with_frames(settings, kDefaultFrames)) {}

  std::optional<std::string> stills_folder(const Json& row, const RowPlace& place) const override {
    const Json video = row.is_object() ? row.value("video", Json()) : Json();
    if (!find_split(place.part).stills || !video.is_string()) return std::nullopt;
    return path_of(row, place);
  }

  BenchmarkPrompt prompt(const Json& row, const RowPlace& place) const override {
    const Json clip = clip_of(row, place);
    BenchmarkPrompt prompt;
    std::string shown(kVideo);
    if (clip["video"].is_null() && clip["image"].is_null()) {
      throw InputError(fmt::format("there is no folder of pictures {}", path_of(row, place)));
    }
    if (clip["video"].is_null()) {
      shown.clear();
      for (const Json& image : clip["image"]) {
        prompt.images.push_back(image);
        shown += kImage;
      }
    } else {
      PromptClip film{clip["video"], std::nullopt, *settings().num_frames};
      if (!clip["bound"].is_null()) film.bounds.emplace(clip["bound"][0], clip["bound"][1]);
      prompt.clips.push_back(std::move(film));
    }
    prompt.messages = plain_messages(
        fmt::format("{}\n{}\n{}", shown, clip["question"].get<std::string>(), kAnswerByLetter));
    prompt.reference = clip["answer"];
    prompt.sample_index = place.index;
    return prompt;
  }

  Json record(const Json& row, const RowPlace& place, const std::string& reply,
              Compatibility /*mode*/) const override {
    const Json clip = clip_of(row, place);
    return {{"raw", clip}, {"pred", reply}, {"ground_truth", clip["answer"]}};
  }

  BenchmarkMetrics metrics(const std::vector<Json>& records, const BenchmarkTruth& /*truth*/,
                           Compatibility mode) const override {
    BenchmarkMetrics result;
    std::vector<std::pair<std::string, std::vector<std::optional<double>>>> splits;
    std::map<std::string, size_t> places;
    for (const Json& record : records) {
      const double score = is_right(record, mode) ? 1 : 0;
      const std::string split = text_field(field(record, "raw"), "category");
      const auto [place, is_new] = places.try_emplace(split, splits.size());
      if (is_new) splits.push_back({split, {}});
      splits[place->second].second.emplace_back(score);
      result.scores.emplace_back(score);
    }
    result.values = Json::object();
    for (const auto& [split, scores] : splits) result.values[split] = share_of(scores);
    result.values["Accuracy_overall"] = share_of(result.scores);
    return result;
  }

 private:
  static std::string path_of(const Json& row, const RowPlace& place) {
    return python::join_path(std::string("dataset/mvbench/video/") + find_split(place.part).folder,
                             text_field(row, "video"));
  }

  /// The row as the official data set hands it on: the question with its options, the reference
  /// with its letter. Without "image" where its folder of pictures is missing.
  Json clip_of(const Json& row, const RowPlace& place) const {
    const Split& split = find_split(place.part);
    const std::string path = path_of(row, place);
    Json bound = nullptr;
    if (split.bounded) bound = {field(row, "start"), field(row, "end")};
    const Json& answer = field(row, "answer");
    std::vector<std::string> lines = {
        fmt::format("Question: {}", python::text_of(field(row, "question"))), "Options:"};
    int64_t right = -1;  // of equal candidates the last
    for (const Json& candidate : list_field(row, "candidates")) {
      const int64_t place_of = std::ssize(lines) - 2;
      if (candidate == answer) right = place_of;
      lines.push_back(letter(place_of) + ". " + python::text_of(candidate));
    }
    const std::string question = python::join(lines, "\n");
    return {{"video", split.stills ? Json(nullptr) : Json(path)},
            {"image", split.stills ? stills(path, bound, place) : Json(nullptr)},
            {"question", python::strip_end(question)},
            {"answer", letter(right) + ". " + python::text_of(answer)},
            {"bound", bound},
            {"category", split.name}};
  }

  /// The pictures of a folder that stand for the clip.
  Json stills(const std::string& folder, const Json& bound, const RowPlace& place) const {
    if (!place.files_in_folder) return nullptr;
    ClipBounds bounds;
    if (!bound.is_null()) {
      for (const Json& second : bound) {
        if (!second.is_number())
          throw InputError("\"start\" and \"end\" of the row are no numbers");
      }
      bounds = {bound[0].get<double>(), bound[1].get<double>()};
    }
    Json images = Json::array();
    for (const int64_t frame : choose_folder_frames(
             bounds, kStillsPerSecond, 1, *place.files_in_folder, *settings().num_frames)) {
      images.push_back(python::join_path(folder, fmt::format("{:05d}.jpg", frame)));
    }
    return images;
  }
};

}  // namespace

std::vector<std::string> mvbench_splits() {
  std::vector<std::string> names;
  for (const Split& split : kSplits) names.emplace_back(split.name);
  return names;
}

std::unique_ptr<BenchmarkTask> make_long_video_task(const std::string& set,
                                                    const TaskSettings& settings) {
  return set == "long_video_bench_dev" ? std::make_unique<LongVideoTask>(settings) : nullptr;
}

std::unique_ptr<BenchmarkTask> make_mvbench_task(const std::string& set,
                                                 const TaskSettings& settings) {
  return set == "mvbench" ? std::make_unique<MvBenchTask>(settings) : nullptr;
}

}  // namespace owl3
