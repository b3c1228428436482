#include "eval/bench_films.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "benchmarks/frame_choice.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

std::optional<double> seconds_of(const Json& bound) {
  if (bound.is_null()) return std::nullopt;
  if (!bound.is_number()) {
    throw InputError(fmt::format("a clip's bound is {}, which is no number", bound.dump()));
  }
  return bound.get<double>();
}

ClipBounds bounds_of(const PromptClip& clip) {
  if (!clip.bounds) return {};
  return {seconds_of(clip.bounds->first), seconds_of(clip.bounds->second)};
}

std::vector<int64_t> numbers_of(int64_t frames, double fps, const PromptClip& clip,
                                Compatibility mode) {
  const ClipBounds bounds = bounds_of(clip);
  FrameChoice choice = choose_evaluation_frames(frames, fps, clip.num_frames, bounds, mode);
  if (choice.how != FrameChoice::How::kFrames) {
    choice =
        choose_evaluation_frames(frames, fps, clip.num_frames, bounds, Compatibility::kIntended);
  }
  return choice.frames;
}

std::string name_of(const std::filesystem::path& path, const PromptClip& clip) {
  const Json bounds = clip.bounds ? Json{clip.bounds->first, clip.bounds->second} : Json();
  return fmt::format("{} {} {}", path.string(), clip.num_frames,
                     bounds.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool has_bounds(const BenchmarkTask& task, const BenchmarkRow& row) {
  if (!task.settings().num_frames) return false;  // no film
  try {
    const BenchmarkPrompt prompt = task.prompt(row.row, row.place);
    return !prompt.clips.empty() && prompt.clips.front().bounds.has_value();
  } catch (const InputError&) {
    return false;  // told when it is asked
  }
}

}  // namespace

void count_stills(const BenchmarkTask& task, const BenchMedia& media, BenchmarkData& data) {
  for (BenchmarkRow& row : data.rows) {
    const auto folder = task.stills_folder(row.row, row.place);
    if (folder) row.place.files_in_folder = media.files_in(*folder);
  }
}

std::string frame_choice_of(const BenchmarkTask& task, const BenchmarkData& data,
                            Compatibility mode) {
  const bool bounded = std::any_of(data.rows.begin(), data.rows.end(),
                                   [&](const BenchmarkRow& row) { return has_bounds(task, row); });
  if (!bounded) return "";
  return mode == Compatibility::kOfficial ? "official" : "intended";
}

const ShownFrames& BenchFilms::show(const std::filesystem::path& path, const PromptClip& clip,
                                    const ProgressCallback& progress) {
  const std::string name = name_of(path, clip);
  if (name == shown_clip_) return shown_;
  shown_clip_.clear();
  shown_ = {};  // before the next is encoded: its room is free then
  const FrameChooser choose = [&](int64_t frames, double fps) {
    return shown_.numbers = numbers_of(frames, fps, clip, mode_);
  };
  shown_.images = memory_.add_frames(path, choose, {}, progress);
  shown_.warning = shown_.images.front().warning();
  shown_clip_ = name;
  return shown_;
}

}  // namespace owl3
