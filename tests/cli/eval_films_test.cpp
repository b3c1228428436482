// owl3 eval bench on films: every benchmark about films from the files of its authors' form, asked
// of owlet.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "film_sets.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using nlohmann::json;

/// A folder for data and results, empty.
class EvalFilms : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "data");
  }

  Outcome bench(const Words& names, const Words& more = {}) const {
    Words words = {"eval", "bench"};
    words.insert(words.end(), names.begin(), names.end());
    for (const std::string& word :
         {std::string("owlet"), std::string("--data"), (folder_ / "data").string(),
          std::string("-o"), (folder_ / "out").string(), std::string("-t"), std::string("1"),
          std::string("--max-new-tokens"), std::string("20")}) {
      words.push_back(word);
    }
    words.insert(words.end(), more.begin(), more.end());
    return run_owl3(words);
  }
  json report(const Words& names, const Words& more = {}) const {
    Words with_json = more;
    with_json.emplace_back("--json");
    const Outcome outcome = bench(names, with_json);
    const json all = json::parse(outcome.out)["benchmarks"];
    const bool has_errors = std::any_of(
        all.begin(), all.end(), [](const json& one) { return one["errors"].get<int64_t>() > 0; });
    EXPECT_EQ(outcome.exit_code, has_errors ? 1 : 0) << outcome.err;
    return all;
  }
  /// The records' lines behind the first.
  std::vector<json> rows(const std::string& name) const {
    std::vector<json> rows;
    std::istringstream all(read_text(folder_ / "out" / name));
    std::string line;
    std::getline(all, line);
    while (std::getline(all, line)) rows.push_back(json::parse(line));
    return rows;
  }

  const fs::path folder_ = scratch_folder() / "films";
  const FilmSets sets_{folder_ / "data"};
};

/// The middles of so many equal parts of the frames begin <= i < end.
std::vector<int64_t> middles(int64_t begin, int64_t end, int64_t count) {
  std::vector<int64_t> frames;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = begin + (end - begin) * i / count;
    const int64_t to = begin + (end - begin) * (i + 1) / count;
    frames.push_back((from + to - 1) / 2);
  }
  return frames;
}

/// Whether a reply tells the colour of a ground, and which.
bool names_ground(const std::string& reply, const std::string& colour) {
  return reply.find(colour + " ground") != std::string::npos ||
         reply.find("to " + colour + ".") != std::string::npos;
}

TEST_F(EvalFilms, EveryBenchmarkRunsFromItsAuthorsFiles) {
  sets_.next_qa(8);
  sets_.videomme(8);
  sets_.long_video_bench(8);
  sets_.mvbench();
  sets_.mlvu(2);
  sets_.lvbench(4);
  const Words names = {"next_qa_mc", "videomme", "long_video_bench_dev",
                       "mvbench",    "mlvu",     "lvbench"};
  const int64_t counts[] = {8, 8, 8, 20, 14, 8};
  const size_t frames[] = {8, 128, 64, 16, 128, 128};
  const json all = report(names);
  ASSERT_EQ(all.size(), names.size());
  int right = 0, wrong = 0;  // of the replies that tell a ground
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(all[i]["rows"], counts[i]);
    EXPECT_EQ(all[i]["answered"], counts[i]);
    EXPECT_EQ(all[i]["errors"], 0) << all[i];
    EXPECT_TRUE(all[i]["metrics"].is_object());
    // owlet describes the clip, whatever the form of the question: the rules of the last four find
    // the colour in that, those of the first two want a letter.
    const double mean = all[i]["mean_score"]["mean"].get<double>();
    if (i >= 2) {
      EXPECT_GE(mean, 0.45) << names[i] << ": guessing has a quarter";
    }
    for (const json& row : rows(names[i] + ".jsonl")) {
      EXPECT_EQ(row["evidence"].size(), frames[i]) << row;
      for (const char* colour : kColours) {
        if (!names_ground(row["reply"].get<std::string>(), colour)) continue;
        const std::string reference = row["reference"].get<std::string>();
        if (i >= 2) ++(reference.ends_with(colour) ? right : wrong);
      }
    }
  }
  EXPECT_GE(right, 25);
  EXPECT_LE(wrong, 2);
  EXPECT_EQ(all[4]["metrics"].size(), 9U) << "seven tasks and two means";
  EXPECT_EQ(all[5]["metrics"].size(), 4U) << "three types and all";
}

TEST_F(EvalFilms, ShowsTheFramesWithinTheBounds) {
  // 24 frames of one clip, then 24 of another.
  const DrawnClip &before = drawn_clips().at(0), &clip = drawn_clips().at(1);
  PngFilm film(64, 4);
  for (int i = 0; i < 24; ++i) film.add_frame(before.pictures.at(0));
  for (int i = 0; i < 24; ++i) film.add_frame(clip.pictures.at(0));
  film.write(folder_ / "data" / "mvbench" / "star" / "Charades_v1_480" / "a.mp4");
  sets_.mvbench();
  const auto ask = [&](double start, double end) {
    sets_.write("mvbench/json/action_sequence.json", json::array({{{"video", "a.mp4"},
                                                                   {"question", "What?"},
                                                                   {"candidates", clip.options},
                                                                   {"answer", clip.ground},
                                                                   {"start", start},
                                                                   {"end", end}}})
                                                         .dump());
    fs::remove_all(folder_ / "out");
    report({"mvbench"}, {"--limit", "1"});
    return rows("mvbench.jsonl").at(0);
  };
  const json second = ask(6, 12);
  EXPECT_EQ(second["frames"], json(middles(24, 48, 16)));
  EXPECT_EQ(second["film"], "dataset/mvbench/video/star/Charades_v1_480/a.mp4");
  EXPECT_EQ(second["evidence"].size(), 16U);
  // From the film's begin, which the official code takes for no bounds.
  EXPECT_EQ(ask(0, 6)["frames"], json(middles(0, 24, 16)));
  EXPECT_EQ(ask(11.5, 99)["frames"].at(0), 46) << "where there are fewer frames, all";
  EXPECT_EQ(ask(11.5, 99)["frames"].at(15), 47) << "and the last again";
  EXPECT_NE(ask(12, 13)["error"].get<std::string>().find("no frame of the clip"),
            std::string::npos);
}

TEST_F(EvalFilms, OfficialBoundsAreARunOfTheirOwn) {
  sets_.long_video_bench(1);
  sets_.videomme(1);
  report({"long_video_bench_dev", "videomme"});
  const Outcome other = bench({"long_video_bench_dev"}, {"--official-compat"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_TRUE(is_one_line(other.err)) << other.err;
  EXPECT_NE(other.err.find("frame_choice is \"intended\" there, \"official\" here"),
            std::string::npos)
      << other.err;
  EXPECT_EQ(bench({"videomme"}, {"--official-compat"}).exit_code, 0) << "without bounds they agree";
}

TEST_F(EvalFilms, WhatIsMissingIsAnErrorRow) {
  sets_.mvbench();
  sets_.long_video_bench(3);
  const fs::path films = folder_ / "data" / "long_video_bench_dev" / "videos";
  fs::remove(films / "lv0.mp4");
  const std::string whole = read_text(films / "lv1.mp4");
  fs::resize_file(films / "lv1.mp4", 300);  // within the first frame
  fs::remove_all(folder_ / "data" / "mvbench" / "video" / "tvqa");
  const json all = report({"long_video_bench_dev", "mvbench"});
  EXPECT_EQ(all[0]["errors"], 2);
  EXPECT_EQ(all[0]["mean_score"]["rows"], 3) << "as an empty reply";
  EXPECT_EQ(all[1]["errors"], 1);
  EXPECT_EQ(all[1]["mean_score"]["rows"], 20);
  const auto lines = rows("long_video_bench_dev.jsonl");
  EXPECT_NE(lines.at(0)["error"].get<std::string>().find(
                "there is no film dataset/LongVideoBench/videos/lv0.mp4 in"),
            std::string::npos);
  EXPECT_NE(lines.at(1)["error"].get<std::string>().find("lv1.mp4"), std::string::npos);
  EXPECT_NE(rows("mvbench.jsonl")
                .at(18)["error"]
                .get<std::string>()
                .find("there is no folder of pictures dataset/mvbench/video/tvqa/"),
            std::string::npos);
  std::ofstream(films / "lv1.mp4", std::ios::binary) << whole;
  EXPECT_EQ(report({"long_video_bench_dev"})[0]["errors"], 1) << "asked again";
}

TEST_F(EvalFilms, AFilmThatCouldNotBeShownIsNoPoint) {
  sets_.videomme(8);  // the right option goes round: A is that of some
  const fs::path videos = folder_ / "data" / "videomme" / "data";
  fs::remove_all(videos);
  const json none = report({"videomme"})[0];
  EXPECT_EQ(none["errors"], none["rows"]);
  EXPECT_EQ(none["mean_score"]["mean"], 0.0) << "the rule reads A from an empty reply";
  for (const json& row : rows("videomme.jsonl")) {
    EXPECT_TRUE(row["record"]["pred"].is_null()) << row;
    EXPECT_EQ(row["score"], 0.0) << row;
  }
  report({"videomme"}, {"--official-compat"});
  EXPECT_EQ(rows("videomme.jsonl").at(0)["record"]["pred"], "") << "as the official code";
}

TEST_F(EvalFilms, AFilmThatBreaksOffIsTold) {
  sets_.long_video_bench(1);
  EXPECT_EQ(report({"long_video_bench_dev"})[0]["warnings"], 0);
  const fs::path file = folder_ / "out" / "long_video_bench_dev.jsonl";
  std::istringstream before(read_text(file));
  std::ofstream after(file);
  for (std::string line; std::getline(before, line);) {
    json one = json::parse(line);
    if (one.contains("row")) one["warning"] = "lv0.mp4: frame 7 cannot be decoded";
    after << one.dump() << "\n";
  }
  after.close();
  const json told = report({"long_video_bench_dev"})[0];
  EXPECT_EQ(told["warnings"], told["rows"]);
  EXPECT_NE(told["first_warning"].get<std::string>().find("frame 7 cannot be decoded"),
            std::string::npos)
      << told;
  const std::string page = (folder_ / "out.html").string();
  const Outcome table = bench({"long_video_bench_dev"}, {"--report", page});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("asked with a film that is broken"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("frame 7 cannot be decoded"), std::string::npos) << table.out;
  EXPECT_NE(read_text(page).find("Rows about films that are broken: "), std::string::npos);
  // Without its line a row is asked again.
  const std::string all = read_text(file);
  std::ofstream(file) << all.substr(0, all.find('\n') + 1);
  EXPECT_EQ(report({"long_video_bench_dev"})[0]["warnings"], 0);
}

TEST_F(EvalFilms, TellsWhichFileIsMissing) {
  const auto refusal = [&](const char* name) {
    const Outcome outcome = bench({name});
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(refusal("lvbench").find(
                "has no LVBench (zai-org/LVBench): expected video_info.meta.jsonl there or in"),
            std::string::npos);
  EXPECT_NE(refusal("mlvu").find("expected 1_plotQA.json to 7_topic_reasoning.json (7 files)"),
            std::string::npos);
  sets_.mvbench();
  fs::remove(folder_ / "data" / "mvbench" / "json" / "scene_transition.json");
  EXPECT_NE(refusal("mvbench").find("; scene_transition.json is missing"), std::string::npos);
}

}  // namespace
}  // namespace owl3::test
