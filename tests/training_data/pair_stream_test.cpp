#include "training_data/pair_stream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "training_files.h"

namespace owl3 {
namespace {

class PairStreamTest : public ::testing::Test {
 protected:
  PairStreamTest() {
    std::string rows;
    for (int i = 0; i < 20; ++i) {
      const std::string picture = fmt::format("{}.ppm", i);
      folder_.write(picture, test::picture(20, 10, 10 * i));
      const std::string caption = fmt::format("picture {}", i);
      rows += i % 2 == 0
                  ? test::row("<image>\nwhat?", caption, {picture})
                  : nlohmann::json({{"response", caption}, {"image", picture}}).dump() + "\n";
    }
    path_ = folder_.write("a.jsonl", rows);
  }

  PairOptions options() const {
    PairOptions options;
    options.sources = {{path_}};
    options.image_size = 8;
    options.pairs = 6;
    return options;
  }

  static std::vector<std::string> captions_of(const PairBatch& batch) {
    std::vector<std::string> captions;
    for (const auto& text : batch.texts) {
      captions.push_back(test::tokenizer().decode(std::vector<int32_t>(text.begin(), text.end())));
    }
    return captions;
  }

  ScratchFolder folder_;
  std::filesystem::path path_;
};

TEST_F(PairStreamTest, PairsEachImageWithItsCaption) {
  PairOptions one_epoch = options();
  one_epoch.order.epochs = 1;
  PairStream stream(test::tokenizer(), one_epoch);
  std::vector<std::string> seen;
  while (const auto batch = stream.next()) {
    ASSERT_EQ(batch->images.size(), 6u);
    const std::vector<std::string> captions = captions_of(*batch);
    for (size_t i = 0; i < 6; ++i) {
      int number = 0;
      ASSERT_EQ(std::sscanf(captions[i].c_str(), "picture %d<|endoftext|>", &number), 1);
      EXPECT_EQ(captions[i], fmt::format("picture {}<|endoftext|>", number));
      EXPECT_EQ(batch->images[i].rgb[0], 10 * number);
      EXPECT_EQ(batch->images[i].width, 8);
      EXPECT_EQ(batch->image_hash[i], image_hash_of(batch->images[i]));
      seen.push_back(captions[i]);
    }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen.size(), 18u) << "three whole steps of 20 samples";
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST_F(PairStreamTest, CutsLongCaptionsBeforeTheirEnd) {
  PairOptions brief = options();
  brief.text_tokens = 3;
  PairStream stream(test::tokenizer(), brief);
  const PairBatch batch = stream.next().value();
  for (const auto& text : batch.texts) {
    ASSERT_EQ(text.size(), 3u);
    EXPECT_EQ(text.back(), test::special("<|endoftext|>"));
  }
}

TEST_F(PairStreamTest, TwoProcessesSeeTheSamplesOfOneAndGoOnFromAState) {
  PairStream alone(test::tokenizer(), options());
  PairOptions half = options();
  half.pairs = 3;
  half.world = 2;
  half.workers = 0;
  PairStream first(test::tokenizer(), half);
  half.rank = 1;
  PairStream second(test::tokenizer(), half);
  for (int step = 0; step < 8; ++step) {
    const nlohmann::json state = alone.state();
    const std::vector<std::string> whole = captions_of(alone.next().value());
    std::vector<std::string> parts = captions_of(first.next().value());
    for (const std::string& caption : captions_of(second.next().value())) parts.push_back(caption);
    EXPECT_EQ(parts, whole);
    EXPECT_EQ(first.state(), alone.state());
    PairStream resumed(test::tokenizer(), options());
    resumed.restore(state, "state.json");
    EXPECT_EQ(captions_of(resumed.next().value()), whole);
  }
  PairOptions other = options();
  other.pairs = 7;
  PairStream wider(test::tokenizer(), other);
  EXPECT_EQ(message_of<InputError>([&] { wider.restore(alone.state(), "state.json"); }),
            "state.json: saved with other data or options: pairs_per_step was 6 and is 7");
}

TEST_F(PairStreamTest, LeavesOutWhatIsBrokenWhereAsked) {
  PairOptions skipping = options();
  const std::string row = test::row("<image>", "whole", {"0.ppm"});
  skipping.sources = {
      {folder_.write("broken.jsonl", row + test::row("<image>", "gone", {"none.png"}) + row)}};
  skipping.pairs = 3;
  skipping.skip_broken = true;
  PairStream stream(test::tokenizer(), skipping);
  const PairBatch batch = stream.next().value();
  EXPECT_EQ(batch.images.size(), 2u);
  EXPECT_EQ(batch.texts.size(), 2u);
  ASSERT_EQ(stream.left_out().samples.size(), 1u);
  EXPECT_NE(stream.left_out().samples[0].find("broken.jsonl:2: "), std::string::npos);
  const StreamCheckReport report = stream.check({});
  EXPECT_EQ(report.rows, 3);
  EXPECT_EQ(report.broken, 1);
}

TEST_F(PairStreamTest, SaysWhichRowIsNoPair) {
  const auto error_of = [&](const std::string& line) {
    PairOptions bad = options();
    bad.sources = {{folder_.write("bad.jsonl", line)}};
    bad.pairs = 1;
    PairStream stream(test::tokenizer(), bad);
    return message_of<InputError>([&] { stream.next(); });
  };
  const std::string where = (folder_ / "bad.jsonl").string() + ":1: ";
  EXPECT_EQ(error_of(test::row("q", "a")), where + "a pair needs exactly one image");
  EXPECT_EQ(error_of(test::row("q", "a", {"0.ppm", "1.ppm"})),
            where + "a pair needs exactly one image");
  EXPECT_EQ(error_of(R"({"query":"q","response":"r","history":[["a","b"]],"image":"0.ppm"})"),
            where + "a pair needs exactly one answer, the caption");
  EXPECT_EQ(error_of(R"({"response":"<image> ","image":"0.ppm"})"), where + "the caption is empty");
  PairOptions none = options();
  none.pairs = 0;
  EXPECT_THROW(PairStream(test::tokenizer(), none), UsageError);
}

}  // namespace
}  // namespace owl3
