// A folder with benchmarks' files, and `owl3 eval bench` run on it with a small random model.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "run_program.h"

namespace owl3::test {

/// A folder for data and results, empty.
class BenchFolder : public testing::Test {
 protected:
  using Words = std::vector<std::string>;
  using json = nlohmann::json;

  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "data");
  }

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / "data" / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void picture(const std::string& name) const {
    const std::filesystem::path path = folder_ / "data" / name;
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::copy_file(OWL3_TEST_DATA "/images/20-RGB-190x300.png", path);
  }

  Outcome bench(const Words& names, const Words& more = {}, const RunOptions& options = {}) const {
    Words words = {"eval", "bench"};
    words.insert(words.end(), names.begin(), names.end());
    for (const std::string& word :
         {model_, std::string("--data"), (folder_ / "data").string(), std::string("-o"),
          (folder_ / "out").string(), std::string("-t"), std::string("1"),
          std::string("--max-new-tokens"), std::string("3")}) {
      words.push_back(word);
    }
    words.insert(words.end(), more.begin(), more.end());
    return run_owl3(words, options);
  }
  json report(const Words& names, const Words& more = {}) const {
    Words with_json = more;
    with_json.emplace_back("--json");
    const Outcome outcome = bench(names, with_json);
    const json all = json::parse(outcome.out)["benchmarks"];
    const bool has_errors = std::any_of(
        all.begin(), all.end(), [](const json& one) { return one["errors"].get<int64_t>() > 0; });
    EXPECT_EQ(outcome.exit_code, has_errors ? 1 : 0) << outcome.err;
    EXPECT_TRUE(!has_errors || is_one_line(outcome.err)) << outcome.err;
    return all;
  }

  std::string text(const std::string& name) const {
    std::ifstream file(folder_ / "out" / name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }
  std::vector<json> lines(const std::string& name) const {
    std::vector<json> lines;
    std::istringstream all(text(name));
    for (std::string line; std::getline(all, line);) lines.push_back(json::parse(line));
    return lines;
  }

  /// POPE's file, with so many questions about one picture.
  void pope(int questions) const {
    std::string rows;
    for (int i = 1; i <= questions; ++i) {
      rows += json({{"question_id", i},
                    {"image", "COCO_val2014_000000000001.jpg"},
                    {"text", "Is there an owl in the image? " + std::to_string(i)},
                    {"label", i % 2 == 0 ? "yes" : "no"}})
                  .dump() +
              "\n";
    }
    write("coco_pope_random.json", rows);
    picture("val2014/COCO_val2014_000000000001.jpg");
  }

  std::filesystem::path folder_ = scratch_folder() / "bench";
  std::string model_ = tiny_checkpoint();
};

}  // namespace owl3::test
