#include "film_sets.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "run_program.h"
#include "training_data/media_reader.h"

namespace owl3::test {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kSide = 64;
constexpr int kFps = 4;
constexpr int kTimes = 3;  // that each picture of a clip is shown
/// A split of MVBench.
struct Split {
  const char* name;
  const char* folder;  // of its films
  bool is_bounded = false;
};
constexpr Split kSplits[] = {{"action_sequence", "star/Charades_v1_480/", true},
                             {"action_prediction", "star/Charades_v1_480/", true},
                             {"action_antonym", "ssv2_video/"},
                             {"fine_grained_action", "Moments_in_Time_Raw/videos/"},
                             {"unexpected_action", "FunQA_test/test/"},
                             {"object_existence", "clevrer/video_validation/"},
                             {"object_interaction", "star/Charades_v1_480/", true},
                             {"object_shuffle", "perception/videos/"},
                             {"moving_direction", "clevrer/video_validation/"},
                             {"action_localization", "sta/sta_video/", true},
                             {"scene_transition", "scene_qa/video/"},
                             {"action_count", "perception/videos/"},
                             {"moving_count", "clevrer/video_validation/"},
                             {"moving_attribute", "clevrer/video_validation/"},
                             {"state_change", "perception/videos/"},
                             {"fine_grained_pose", "nturgbd/"},
                             {"character_order", "perception/videos/"},
                             {"egocentric_navigation", "vlnqa/"},
                             {"episodic_reasoning", "tvqa/frames_fps3_hq/", true},
                             {"counterfactual_inference", "clevrer/video_validation/"}};
constexpr const char* kQuestion = "What colour is the ground?";

std::vector<std::string> options_with(const std::string& colour, int right) {
  std::vector<std::string> options;
  for (const char* other : kColours) {
    if (other != colour && options.size() < 3) options.emplace_back(other);
  }
  options.insert(options.begin() + right, colour);
  return options;
}

/// Whether a row asks for the ground of a clip in which one thing moves, appears or vanishes. Of
/// clips with several things owlet tells their number, whatever it is asked in the official form.
bool is_wanted(const json& tasks) {
  const auto asks = [&](const char* task) {
    return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
  };
  return asks("clip ground") && (asks("clip there") || asks("clip verb") || asks("clip start") ||
                                 asks("clip goes") || asks("clip end"));
}

DrawnClip clip_of(const json& row, const fs::path& folder, MediaReader& reader) {
  DrawnClip clip;
  for (const json& picture : row["images"]) {
    const MediaBytes file = reader.read(folder / picture.get<std::string>());
    clip.pictures.emplace_back(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  }
  const json& tasks = row["tasks"];
  const auto asked = std::find(tasks.begin(), tasks.end(), "clip ground") - tasks.begin();
  clip.ground = row["answers"][asked].get<std::string>();
  return clip;
}

std::vector<DrawnClip> draw_clips() {
  const fs::path folder = scratch_folder() / "drawn";
  const Outcome made =
      run_owl3({"make-data", folder.string(), "--split", "test", "--seed", "5", "--pictures", "100",
                "--clips", "60", "--kind", "clip=100", "-t", "1"});
  if (made.exit_code != 0) throw std::runtime_error("make-data: " + made.err);
  MediaReader reader;                           // the pictures are in an archive
  std::map<std::string, DrawnClip> by_picture;  // a clip may have several rows
  std::istringstream rows(read_text(folder / "clip.jsonl"));
  for (std::string line; std::getline(rows, line);) {
    const json row = json::parse(line);
    if (!is_wanted(row["tasks"])) continue;
    by_picture.try_emplace(row["images"][0].get<std::string>(), clip_of(row, folder, reader));
  }
  std::vector<DrawnClip> clips;
  for (auto& [picture, clip] : by_picture) {
    clip.right = static_cast<int>(clips.size() % 4);
    clip.options = options_with(clip.ground, clip.right);
    clips.push_back(std::move(clip));
  }
  return clips;
}

}  // namespace

PngFilm DrawnClip::film() const {
  PngFilm film(kSide, kFps);
  for (const std::string& picture : pictures) film.add_frame(picture, kTimes);
  return film;
}

const std::vector<DrawnClip>& drawn_clips() {
  static const std::vector<DrawnClip> drawn = draw_clips();
  return drawn;
}

void FilmSets::write(const std::string& name, const std::string& text) const {
  const fs::path path = folder_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void FilmSets::next_qa(size_t clips) const {
  std::string table = "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n";
  json folders = json::object();
  for (size_t i = 0; i < clips; ++i) {
    const DrawnClip& clip = drawn_clips()[i];
    const std::string id = std::to_string(4000 + i);
    table += id + "," + std::to_string(clip.film().frames()) + ",64,64,\"What colour, exactly, " +
             "is the ground\"," + std::to_string(clip.right) + "," + std::to_string(i) +
             (i % 2 == 0 ? ",CW" : ",TP");
    for (const std::string& option : clip.options) table += "," + option;
    table += ",NA\n";
    // Half of the films lie in folders, as in the authors' archive.
    if (i % 2 == 0) folders[id] = "1164/" + id;
    clip.film().write(folder_ /
                      ("next_qa_mc/NExTVideo/" + (i % 2 == 0 ? "1164/" + id : id) + ".mp4"));
  }
  write("next_qa_mc/test.csv", table);
  write("next_qa_mc/map_vid_vidorID.json", folders.dump());
}

void FilmSets::videomme(size_t clips) const {
  std::string rows;
  for (size_t i = 0; i < clips; ++i) {
    const DrawnClip& clip = drawn_clips()[i];
    const std::string id = "Vid-_" + std::to_string(i);
    json options;
    for (size_t k = 0; k < 4; ++k) {
      options.push_back(std::string(1, static_cast<char>('A' + k)) + ". " + clip.options[k]);
    }
    rows += json({{"video_id", std::to_string(i)},
                  {"duration", i % 2 == 0 ? "short" : "long"},
                  {"domain", "Knowledge"},
                  {"sub_category", "Astronomy"},
                  {"videoID", id},
                  {"question_id", std::to_string(i) + "-1"},
                  {"task_type", "Attribute Perception"},
                  {"question", kQuestion},
                  {"options", options},
                  {"answer", clip.letter()}})
                .dump() +
            "\n";
    clip.film().write(folder_ / ("videomme/data/" + id + ".mp4"));
  }
  write("videomme/videomme.jsonl", rows);
}

void FilmSets::long_video_bench(size_t clips) const {
  json rows = json::array();
  for (size_t i = 0; i < clips; ++i) {
    const DrawnClip& clip = drawn_clips()[i];
    const std::string film = "lv" + std::to_string(i) + ".mp4";
    rows.push_back({{"video_id", "lv" + std::to_string(i)},
                    {"question", kQuestion},
                    {"candidates", clip.options},
                    {"correct_choice", clip.right},
                    {"id", "lv" + std::to_string(i) + "_0"},
                    {"video_path", film},
                    {"duration", clip.film().seconds()}});
    clip.film().write(folder_ / ("long_video_bench_dev/videos/" + film));
  }
  write("long_video_bench_dev/lvb_val.json", rows.dump(1));
}

void FilmSets::mlvu(size_t clips) const {
  int number = 0;
  for (const std::string task :
       {"plotQA", "needle", "ego", "count", "order", "anomaly_reco", "topic_reasoning"}) {
    const std::string name = std::to_string(++number) + "_" + task;
    json rows = json::array();
    for (size_t i = 0; i < clips; ++i) {
      const DrawnClip& clip = drawn_clips()[(number + i) % drawn_clips().size()];
      // The same name in each task's folder, another film.
      const std::string film = "film_" + std::to_string(i) + ".mp4";
      rows.push_back({{"video", film},
                      {"duration", clip.film().seconds()},
                      {"question", kQuestion},
                      {"candidates", clip.options},
                      {"answer", clip.ground},
                      {"question_type", task}});
      clip.film().write(folder_ / ("mlvu/video/" + name + "/" + film));
    }
    write("mlvu/json/" + name + ".json", rows.dump(1));
  }
}

void FilmSets::lvbench(size_t clips) const {
  std::string films;
  for (size_t i = 0; i < clips; ++i) {
    const DrawnClip& clip = drawn_clips()[i];
    std::string question = kQuestion;
    for (size_t k = 0; k < 4; ++k) {
      question += "\n(" + std::string(1, static_cast<char>('A' + k)) + ") " + clip.options[k];
    }
    const std::string key = "Cm7_" + std::to_string(i);
    json qa;
    for (const char* type : {"entity recognition", "reasoning"}) {
      qa.push_back({{"uid", std::to_string(10 * i + qa.size())},
                    {"question", question},
                    {"answer", clip.letter()},
                    {"question_type", {type, "summarization"}},
                    {"time_reference", "00:00-00:03"}});
    }
    films += json({{"key", key}, {"type", "cartoon"}, {"qa", qa}}).dump() + "\n";
    clip.film().write(folder_ / ("lvbench/all_videos/" + key + ".mkv"));  // as it was fetched
  }
  write("lvbench/video_info.meta.jsonl", films);
}

void FilmSets::mvbench() const {
  for (size_t i = 0; i < std::size(kSplits); ++i) {
    const std::string split = kSplits[i].name, folder = kSplits[i].folder;
    const DrawnClip& clip = drawn_clips()[i % drawn_clips().size()];
    const DrawnClip& other = drawn_clips()[(i + 1) % drawn_clips().size()];
    json row = {{"video", "clip_" + std::to_string(i) + (i % 2 == 0 ? ".mp4" : ".webm")},
                {"question", kQuestion},
                {"candidates", clip.options},
                {"answer", clip.ground}};
    PngFilm film(kSide, kFps);
    if (kSplits[i].is_bounded) {
      for (const std::string& picture : other.pictures) film.add_frame(picture, kTimes);
      row["start"] = film.seconds();
    }
    for (const std::string& picture : clip.pictures) film.add_frame(picture, kTimes);
    if (kSplits[i].is_bounded) {
      row["end"] = film.seconds();
      for (const std::string& picture : other.pictures) film.add_frame(picture, kTimes);
    }
    if (split == "episodic_reasoning") {
      row["video"] = "show_s01_1";
      stills(clip, other, row);
    } else {
      film.write(folder_ / ("mvbench/video/" + folder + row["video"].get<std::string>()));
    }
    write("mvbench/json/" + split + ".json", json::array({row}).dump(1));
  }
}

void FilmSets::stills(const DrawnClip& clip, const DrawnClip& other, json& row) const {
  constexpr int kFirst = 10, kLast = 25, kAll = 40;
  row["start"] = kFirst / 3.0;
  row["end"] = kLast / 3.0;
  for (int i = 1; i <= kAll; ++i) {
    const DrawnClip& shown = i >= kFirst && i <= kLast ? clip : other;
    const std::string number = std::to_string(i);
    write("mvbench/video/tvqa/frames_fps3_hq/show_s01_1/" + std::string(5 - number.size(), '0') +
              number + ".jpg",
          shown.pictures[static_cast<size_t>(i) % shown.pictures.size()]);
  }
}

}  // namespace owl3::test
