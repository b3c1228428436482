// `owl3 bench` through the program, on the tiny checkpoint.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/bench/bench_checks.h"
#include "core/error.h"
#include "run_program.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

/// With few repetitions and tokens, unless `more` says otherwise.
Outcome bench(const Words& more, const RunOptions& options = {}) {
  Words words = {"bench", tiny_checkpoint()};
  words.insert(words.end(), more.begin(), more.end());
  for (const auto& [option, value] :
       {std::pair{"-r", "2"}, std::pair{"--prefill", "16"}, std::pair{"--decode", "2"}}) {
    if (std::find(more.begin(), more.end(), option) == more.end()) {
      words.insert(words.end(), {option, value});
    }
  }
  return run_owl3(words, options);
}

Json bench_json(Words more) {
  more.push_back("--json");
  const Outcome outcome = bench(more);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return Json::parse(outcome.out);
}

std::vector<std::string> tests_of(const Json& run) {
  std::vector<std::string> names;
  for (const Json& test : run.at("tests")) names.push_back(test.at("test"));
  return names;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void expect_refusal(const Outcome& outcome, int exit_code, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
}

/// A folder for the program's temporary files, of its own.
class TemporaryRoot {
 public:
  explicit TemporaryRoot(const std::string& name) : path_(scratch_folder() / name) {
    fs::create_directory(path_);
    ::setenv("TMPDIR", path_.c_str(), 1);
  }
  ~TemporaryRoot() {
    if (old_.empty()) {
      ::unsetenv("TMPDIR");
    } else {
      ::setenv("TMPDIR", old_.c_str(), 1);
    }
  }
  bool is_empty() const { return fs::is_empty(path_); }

 private:
  std::string old_ = std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "";
  fs::path path_;
};

TEST(Bench, PrintsJsonWithEveryField) {
  const Json json = bench_json({"-t", "1", "--images", "1,2", "--batch", "3"});
  EXPECT_EQ(json.at("model"), tiny_checkpoint());
  EXPECT_EQ(json.at("repetitions"), 2);
  EXPECT_EQ(json.at("command").get<std::string>().rfind("owl3 bench ", 0), 0u);
  EXPECT_FALSE(json.at("machine").at("processor").get<std::string>().empty());
  const Json& peaks = json.at("machine").at("peaks").at(0);
  EXPECT_EQ(peaks.at("threads"), 1);
  for (const char* peak : {"float32_gflops", "int8_gops", "memory_gigabytes_per_second"}) {
    EXPECT_GT(peaks.at(peak), 0) << peak;
  }
  EXPECT_TRUE(peaks.contains("bf16_gflops"));

  ASSERT_EQ(json.at("runs").size(), 1u);
  const Json& run = json.at("runs").at(0);
  EXPECT_EQ(run.at("type"), "bf16");
  EXPECT_TRUE(run.at("device").is_string());
  EXPECT_GT(run.at("weight_bytes"), 1'000'000);
  EXPECT_GT(run.at("peak_memory_bytes"), run.at("weight_bytes"));
  EXPECT_EQ(tests_of(run),
            (std::vector<std::string>{"encode 1 image", "encode 3 at once", "prefill 16 tokens",
                                      "decode", "prefill 1 image", "decode at 1 image",
                                      "second question, 1 image", "prefill 2 images",
                                      "decode at 2 images", "second question, 2 images"}));
  for (const Json& test : run.at("tests")) {
    EXPECT_EQ(test.at("seconds").size(), 2u) << test;
    for (const char* field :
         {"median_seconds", "min_seconds", "seconds_per_item", "rate", "items", "peak_fraction"}) {
      EXPECT_GT(test.at(field), 0) << field << test;
    }
    EXPECT_GE(test.at("spread"), 0) << test;
    EXPECT_LE(test.at("min_seconds"), test.at("median_seconds")) << test;
    EXPECT_TRUE((std::set<std::string>{"float32", "bf16", "int8", "memory"}).count(test.at("peak")))
        << test;
  }
  const Json& two = run.at("tests").back();
  EXPECT_EQ(two.at("images"), 2);
  EXPECT_EQ(two.at("visual_memory_bytes").get<int64_t>(),
            2 * run.at("tests").at(5).at("visual_memory_bytes").get<int64_t>());
}

TEST(Bench, MeasuresEveryTypeOnEveryNumberOfThreads) {
  const TemporaryRoot temporary("types");
  const Json json = bench_json(
      {"--types", "bf16,q8_0,q4_0", "--vision", "bf16", "-t", "1,2", "--tests", "decode"});
  const Json& runs = json.at("runs");
  ASSERT_EQ(runs.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(runs[i].at("type"), (std::vector<std::string>{"bf16", "q8_0", "q4_0"})[i / 2]);
    EXPECT_EQ(runs[i].at("threads"), 1 + i % 2);
    EXPECT_EQ(tests_of(runs[i]), std::vector<std::string>{"decode"});
  }
  EXPECT_GT(runs[0].at("weight_bytes"), runs[2].at("weight_bytes"));
  EXPECT_GT(runs[2].at("weight_bytes"), runs[4].at("weight_bytes"));
  EXPECT_EQ(json.at("machine").at("peaks").size(), 2u);
  EXPECT_TRUE(temporary.is_empty());
}

TEST(Bench, MeasuresAFileThatIsOfTheTypeAlreadyAsItIs) {
  const std::string file = (scratch_folder() / "bench-q8_0.gguf").string();
  ASSERT_EQ(run_owl3({"convert", tiny_checkpoint(), file, "--type", "q8_0"}).exit_code, 0);
  // A folder for temporary files that is not there is not missed.
  const char* old = std::getenv("TMPDIR");
  const std::string kept = old != nullptr ? old : "";
  ::setenv("TMPDIR", "/no/such/folder", 1);
  const Words words = {"bench", file, "--tests", "encode", "-t", "1", "-r", "1", "--types"};
  Words same = words;
  same.push_back("q8_0");
  Words other = words;
  other.push_back("q4_0");
  const Outcome as_it_is = run_owl3(same);
  const Outcome converted = run_owl3(other);
  old != nullptr ? ::setenv("TMPDIR", kept.c_str(), 1) : ::unsetenv("TMPDIR");
  EXPECT_EQ(as_it_is.exit_code, 0) << as_it_is.err;
  expect_refusal(converted, 1, "TMPDIR");
}

TEST(Bench, KeepsVisualMemoryInInt8WhenAsked) {
  const Words tests = {"--tests", "images", "--images", "4", "-t", "1"};
  const auto memory = [&](const Words& more) {
    Words words = tests;
    words.insert(words.end(), more.begin(), more.end());
    return bench_json(words)
        .at("runs")
        .at(0)
        .at("tests")
        .at(0)
        .at("visual_memory_bytes")
        .get<int>();
  };
  EXPECT_LT(memory({"--visual-memory-int8", "--vision-int8"}), memory({}));
  EXPECT_LT(memory({}), memory({"--precision", "float32"}));
}

TEST(Bench, PrintsATable) {
  const Outcome outcome = bench({"--images", "3", "-t", "1"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* part :
       {"GFLOP/s float32", "GOP/s int8", "GB/s from memory", "type  ", "of peak",
        "second question, 3 images", "peak memory", "visual memory of 3 images"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << outcome.out;
  }
}

TEST(Bench, PrintsMarkdownReadyToPaste) {
  const Outcome outcome = bench({"--markdown", "--tests", "encode,decode", "-t", "1"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<std::string> table;
  for (const std::string& line : lines_of(outcome.out)) {
    if (line.starts_with("|")) table.push_back(line);
  }
  ASSERT_EQ(table.size(), 4u) << outcome.out;
  EXPECT_EQ(table[1].rfind("|---|", 0), 0u);
  for (const std::string& line : table) {
    EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 10) << line;
  }
  EXPECT_EQ(table[2].rfind("| bf16 | 1 | encode 1 image | ", 0), 0u) << table[2];
  EXPECT_EQ(outcome.out.rfind("```sh\nowl3 bench ", 0), 0u) << outcome.out;
  EXPECT_NE(outcome.out.find("Peaks measured in the same run"), std::string::npos) << outcome.out;
}

TEST(Bench, TellsWhatConversationsGetTogetherAndEach) {
  const Json json = bench_json({"--tests", "decode", "--parallel", "1,3", "-t", "1", "-r", "1"});
  const Json& run = json.at("runs")[0];
  EXPECT_EQ(tests_of(run), (std::vector<std::string>{"decode", "decode, 3 at once"}));
  for (const Json& test : run.at("tests")) {
    const auto conversations = test.at("conversations").get<double>();
    EXPECT_EQ(test.at("items").get<double>(),
              conversations * run.at("tests")[0].at("items").get<double>());
    EXPECT_NEAR(test.at("rate_per_conversation").get<double>() * conversations,
                test.at("rate").get<double>(), 1e-6 * test.at("rate").get<double>());
    EXPECT_NEAR(
        test.at("seconds_per_item").get<double>() * test.at("rate_per_conversation").get<double>(),
        1, 1e-6);
  }
  expect_refusal(bench({"--parallel", "0"}), 2, "--parallel");
}

TEST(Bench, ExplainsItself) {
  const Outcome outcome = run_owl3({"bench", "--help"});
  for (const char* part : {"A name (owl3 list), checkpoint folder or .gguf file", "--types",
                           "--markdown", "Examples:\n  owl3 bench MODEL\n"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part << outcome.out;
  }
  // Lists are one word, so the model may follow them.
  EXPECT_EQ(run_owl3({"bench", "--tests", "encode", "--images", "1,2", "-r", "1", "-t", "1",
                      tiny_checkpoint()})
                .exit_code,
            0);
}

TEST(Bench, RefusesWrongUsageInOneLine) {
  expect_refusal(run_owl3({"bench"}), 2, "MODEL");
  expect_refusal(run_owl3({"bench", "/no/such/model"}), 1, "/no/such/model");
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"--images", "one"},       {"--images", "-1"},
      {"--images", "1,,x"},      {"-r", "0"},
      {"--prefill", "0"},        {"--decode", "none"},
      {"--precision", "int3"},   {"--threads", "-1"},
      {"--threads", "1,two"},    {"--types", "q5_k"},
      {"--types", "bf16,q9"},    {"--types", ""},
      {"--tests", "encode,all"}, {"--tests", "paint"},
      {"--batch", "0"},          {"--vision", "q8_0"}};  // which means nothing without --types
  for (const auto& [option, value] : wrong) {
    const Outcome outcome = bench({option, value});
    EXPECT_EQ(outcome.exit_code, 2) << option << " " << value << ": " << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_EQ(outcome.out, "") << option << " " << value;
  }
  expect_refusal(bench({"--json", "--markdown"}), 2, "--json");
}

TEST(Bench, RefusesMoreThanTheContextHolds) {
  expect_refusal(bench({"--images", "1,30000", "--decode", "10000"}), 2, "context ends at 32768");
}

TEST(Bench, RefusesMoreImagesThanTheMemoryHolds) {
  const Checkpoint checkpoint = Checkpoint::open(tiny_checkpoint());
  cli::BenchOptions options;
  options.images = {1, 1000};
  const std::vector<cli::BenchModel> models = cli::models_to_measure(checkpoint, options);
  // Two hyper layers, keys and values of 2 heads of 32, 16 tokens, 2 bytes.
  const int64_t needed =
      static_cast<int64_t>(checkpoint.weight_bytes()) + 1000 * (2 * 2 * 64 * 16 * 2);
  const auto check = [&](int64_t available) {
    cli::check_memory(checkpoint, models, options, {64'000'000'000, available});
  };
  check(needed);
  try {
    check(needed - 1);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("--images 1000: "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("; 999 fit"), std::string::npos) << error.what();
  }
  options.tests = {"decode"};
  check(needed - 1);
}

TEST(Bench, LeavesNothingWhenItIsInterrupted) {
  const TemporaryRoot temporary("interrupted-bench");
  const Words long_run = {"--types", "q4_0,q8_0", "-t", "1", "-r", "1000", "--decode", "500"};
  for (const int delay : {5, 20, 100, 1000}) {
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome = bench(long_run, {.signal_when =
                                                 [&] {
                                                   return std::chrono::steady_clock::now() - start >
                                                          std::chrono::milliseconds(delay);
                                                 },
                                             .signals = {SIGTERM}});
    EXPECT_EQ(outcome.exit_code, 143) << outcome.err;
    EXPECT_TRUE(temporary.is_empty()) << delay;
  }
  const Outcome outcome = bench(long_run, {.interrupt_after_output = true});
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  EXPECT_TRUE(temporary.is_empty());
}

}  // namespace

}  // namespace owl3::test
