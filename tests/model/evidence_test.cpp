// What attention reads from images, against an independent float32 implementation: whole, in pieces
// and in company, and folders that are not of the form.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/scratch_folder.h"
#include "eval/evidence_check.h"
#include "model/golden_cases.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(OWL3_TEST_DATA);

EvidenceReport check(const fs::path& folder, Precision precision, bool splits = false) {
  EvidenceCheckOptions options;
  options.model_options.precision = precision;
  options.model_options.threads = 2;
  options.splits = splits;
  return check_evidence(folder, options);
}

class GoldenEvidence : public testing::TestWithParam<GoldenCase> {};

INSTANTIATE_TEST_SUITE_P(EveryCheckpoint, GoldenEvidence, every_golden_case(), golden_case_name);

TEST_P(GoldenEvidence, HoldsForEveryPromptHoweverItIsRead) {
  const auto& [folder, precision] = GetParam();
  const bool in_pieces = precision == Precision::kFloat32 || folder == "gated-tied";
  const EvidenceReport report = check(kData / "evidence" / folder, precision, in_pieces);
  EXPECT_GE(report.results.size(), 12u);
  for (const EvidenceCheck& result : report.results) {
    EXPECT_TRUE(result.passed) << result.prompt << ", layer " << result.layer << ": "
                               << result.worst;
    EXPECT_EQ(result.gate.has_value(), folder != "unified");
    // Far inside the tolerance, so that a small fault does not hide in it.
    if (precision == Precision::kFloat32) {
      EXPECT_LT(std::max(result.by_image, result.by_key.value_or(0)), 1e-5) << result.prompt;
    }
  }
}

/// A copy of golden evidence, to be spoilt.
class SpoiltEvidence : public testing::Test {
 protected:
  SpoiltEvidence() {
    for (const auto& entry : fs::directory_iterator(kData / "evidence" / "gated-tied")) {
      fs::copy_file(entry.path(), folder_ / entry.path().filename().string());
    }
    json_ = nlohmann::json::parse(std::ifstream(folder_ / "evidence.json"));
    json_["model"] = (kData / "model" / "gated-tied").string();
  }

  void write() { std::ofstream(folder_ / "evidence.json") << json_; }
  nlohmann::json& layer() { return json_["prompts"]["interleaved"]["layers"]["3"]; }

  /// The one line that it is refused with.
  std::string refusal() {
    write();
    try {
      check(folder_.path(), Precision::kFloat32);
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    return "taken";
  }

  void set_float(const std::string& file, int64_t index, float value) const {
    std::fstream stream(folder_ / file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(index * 4);
    stream.write(reinterpret_cast<const char*>(&value), sizeof value);
  }

  ScratchFolder folder_;
  nlohmann::json json_;
};

TEST_F(SpoiltEvidence, IsToldWhereItDiffers) {
  write();
  EXPECT_TRUE(check(folder_.path(), Precision::kFloat32).passed());
  // Head 2, token 30, image 1 of [6, 31, 4]; head 5, image 3, key 7 of [6, 4, 16].
  set_float("interleaved.layer3.by_image.f32", (2 * 31 + 30) * 4 + 1, 0.9f);
  set_float("interleaved.layer1.by_key.f32", (5 * 4 + 3) * 16 + 7, NAN);
  json_["prompts"]["many"]["layers"]["1"]["gate_mean_by_head"][4] = 0.5;
  write();
  const EvidenceReport report = check(folder_.path(), Precision::kFloat32);
  EXPECT_FALSE(report.passed());
  std::vector<std::string> differ;
  for (const EvidenceCheck& result : report.results) {
    if (!result.passed) differ.push_back(result.worst);
  }
  ASSERT_EQ(differ.size(), 3u);
  EXPECT_NE(differ[0].find("head 5, last token, image 3, key 7"), std::string::npos) << differ[0];
  EXPECT_NE(differ[1].find("head 2, token 30, image 1"), std::string::npos) << differ[1];
  EXPECT_NE(differ[2].find("gate of head 4"), std::string::npos) << differ[2];
}

TEST_F(SpoiltEvidence, OfAnotherFormIsRefusedInOneLine) {
  const auto expect = [&](const std::string& what, const std::function<void()>& spoil) {
    const nlohmann::json whole = json_;
    spoil();
    const std::string message = refusal();
    EXPECT_NE(message.find(what), std::string::npos) << what << ": " << message;
    json_ = whole;
  };
  expect("has no golden.json", [&] { json_["model"] = "elsewhere"; });
  expect("names no model", [&] { json_.erase("model"); });
  expect("variant is missing", [&] { json_.erase("variant"); });
  expect("variant is unified, but the model is gated", [&] { json_["variant"] = "unified"; });
  expect("prompts is missing", [&] { json_.erase("prompts"); });
  expect("prompts has none", [&] { json_["prompts"] = nlohmann::json::object(); });
  expect("is no prompt of", [&] { json_["prompts"]["other"] = json_["prompts"]["many"]; });
  expect("is no name of files", [&] { json_["prompts"]["../many"] = json_["prompts"]["many"]; });
  expect("layers.2 is no hyper layer", [&] {
    auto& layers = json_["prompts"]["many"]["layers"];
    layers["2"] = layers["1"];
  });
  expect("by_image is missing", [&] { layer().erase("by_image"); });
  expect("by_image is [6, 31, 5]", [&] { layer()["by_image"] = {6, 31, 5}; });
  expect("by_image must be an integer", [&] { layer()["by_image"] = "all"; });
  expect("by_key_last_row is [6, 4, 9]", [&] { layer()["by_key_last_row"] = {6, 4, 9}; });
  expect("has 2 numbers for 6 heads", [&] { layer()["gate_mean_by_head"] = {0.5, 0.5}; });
  expect("bytes, but the shape",
         [&] { std::ofstream(folder_ / "interleaved.layer3.by_image.f32") << "short"; });
  expect("by_key.f32", [&] { fs::remove(folder_ / "interleaved.layer1.by_key.f32"); });
  std::ofstream(folder_ / "evidence.json") << "{";
  EXPECT_THROW(check(folder_.path(), Precision::kFloat32), InputError);
}

}  // namespace
}  // namespace owl3
