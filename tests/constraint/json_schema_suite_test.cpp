// Against the public JSON Schema Test Suite and schemas that people send to servers, where their
// folder lies beside the project: other people's files, which are not part of it.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "constraint/answer_form.h"
#include "constraint/schema_reader.h"

namespace owl3 {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

fs::path cases_folder() {
  return fs::path(OWL3_SOURCE_DIR).parent_path() / "shared" / "json-schema";
}

struct Tally {
  size_t schemas = 0;
  size_t supported = 0;
  std::vector<std::string> refused;
  std::vector<std::string> differing;
  std::vector<double> milliseconds;
};

void run(const std::string& name, const Json& row, Tally& tally) {
  ++tally.schemas;
  AnswerForm form;
  form.schema = row["schema"].dump();
  std::unique_ptr<AnswerGrammar> grammar;
  const auto begin = std::chrono::steady_clock::now();
  try {
    grammar = std::make_unique<AnswerGrammar>(form);
  } catch (const NoAnswer&) {
    // Nothing is valid.
  } catch (const InputError& error) {
    tally.refused.push_back(name + ": " + error.what());
    return;
  }
  tally.milliseconds.push_back(
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  ++tally.supported;
  for (const Json& test : row["tests"]) {
    const std::string instance = test["data"].dump();
    const bool accepted = grammar != nullptr && grammar->accepts(instance);
    if (accepted != test["valid"].get<bool>()) {
      tally.differing.push_back(name + (accepted ? ": accepts " : ": does not accept ") + instance);
    }
  }
}

void report(const std::string& what, Tally& tally) {
  for (const std::string& line : tally.differing) ADD_FAILURE() << line;
  std::sort(tally.milliseconds.begin(), tally.milliseconds.end());
  std::string text = fmt::format("{}: {} of {} supported", what, tally.supported, tally.schemas);
  if (!tally.milliseconds.empty()) {
    text +=
        fmt::format("; compiled in {:.1f} ms (median), {:.1f} ms (most)",
                    tally.milliseconds[tally.milliseconds.size() / 2], tally.milliseconds.back());
  }
  std::cout << text << "\n";
  for (const std::string& line : tally.refused) std::cout << "  refused: " << line << "\n";
}

TEST(JsonSchemaSuite, IsKeptToInAllThatIsSupported) {
  if (!fs::exists(cases_folder())) GTEST_SKIP() << "the test suite is not beside the project";
  Tally tally;
  for (const fs::directory_entry& file : fs::directory_iterator(cases_folder())) {
    if (file.path().extension() != ".json") continue;
    std::ifstream stream(file.path());
    for (const Json& row : Json::parse(stream)) {
      run(file.path().stem().string() + ": " + row["description"].get<std::string>(), row, tally);
    }
  }
  report("test suite", tally);
}

TEST(JsonSchemaSuite, SupportsNineOfTenRealSchemas) {
  const fs::path file = cases_folder() / "real" / "schemas.jsonl";
  if (!fs::exists(file)) GTEST_SKIP() << "the schemas are not beside the project";
  Tally tally;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const Json row = Json::parse(line);
    run(row["name"], row, tally);
  }
  report("real schemas", tally);
  EXPECT_GE(static_cast<double>(tally.supported), 0.9 * static_cast<double>(tally.schemas));
}

}  // namespace
}  // namespace owl3
