// Benchmarks as Hugging Face has them (tests/data/parquet/benchmarks): rows in the official form,
// pictures from columns.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "benchmarks/data_set.h"
#include "core/error.h"
#include "core/scratch_folder.h"
#include "eval/bench_media.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const fs::path kFolder = OWL3_TEST_DATA "/parquet/benchmarks";
constexpr size_t kPixelBytes = 69;

/// What a set's rows ask, and the sizes of their pictures' files.
struct Asked {
  BenchmarkData data;
  std::vector<BenchmarkPrompt> prompts;
  std::vector<std::vector<size_t>> picture_bytes;
};

Asked asked(const std::string& name, const fs::path& folder = kFolder) {
  const BenchmarkSet& set = find_benchmark_set(name);
  Asked result{read_benchmark(set, folder), {}, {}};
  const auto task = set.make_task();
  const BenchMedia media(set, result.data, folder);
  MediaReader reader;
  for (const BenchmarkRow& row : result.data.rows) {
    if (!row.error.empty()) continue;
    result.prompts.push_back(task->prompt(row.row, row.place));
    result.picture_bytes.emplace_back();
    for (const MediaBytes& file : media.pictures(row, result.prompts.back(), reader)) {
      result.picture_bytes.back().push_back(file.bytes.size());
      EXPECT_EQ(file.bytes[1], std::byte{'P'}) << "a PNG";
    }
  }
  return result;
}

std::string error_of(const std::string& name, const fs::path& folder) {
  try {
    asked(name, folder);
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(ParquetReaders, PutPicturesWhereThePromptHasThem) {
  const Asked ai2d = asked("ai2d");
  ASSERT_EQ(ai2d.prompts.size(), 4U) << "three rows of one file, and one of the other";
  EXPECT_EQ(ai2d.data.rows[3].row["image"], "test-00001-of-00002.parquet:1:image");
  EXPECT_EQ(ai2d.data.rows[3].place.index, 3);
  EXPECT_NE(ai2d.prompts[1].messages[0].content.find("A. backpack\nB. red circle\n"),
            std::string::npos)
      << ai2d.prompts[1].messages[0].content;
  EXPECT_EQ(ai2d.prompts[1].reference, "B");
  EXPECT_EQ(ai2d.picture_bytes[0], std::vector<size_t>{1782});
  EXPECT_EQ(ai2d.picture_bytes[1], std::vector<size_t>{5338});
  const Asked nlvr2 = asked("nlvr2");
  EXPECT_EQ(nlvr2.picture_bytes.at(1), (std::vector<size_t>{1782, 5338}));
  EXPECT_EQ(nlvr2.prompts[0].reference, "yes");
  EXPECT_EQ(nlvr2.prompts[1].reference, "no");
  const Asked q_bench2 = asked("q_bench2");
  EXPECT_EQ(q_bench2.picture_bytes.at(0), (std::vector<size_t>{5593, 6182}));
  EXPECT_EQ(q_bench2.prompts[0].reference, "A");
}

TEST(ParquetReaders, JoinQuestionsAndPicturesOfGqa) {
  const Asked gqa = asked("gqa_testdev");
  ASSERT_EQ(gqa.data.rows.size(), 3U);
  EXPECT_EQ(gqa.data.rows[0].row["question_id"], "201");
  EXPECT_EQ(gqa.data.rows[0].row["answer"], "yes");
  EXPECT_EQ(gqa.picture_bytes,
            (std::vector<std::vector<size_t>>{{kPixelBytes + 1}, {kPixelBytes}}));
  EXPECT_NE(gqa.data.rows[2].error.find("no picture n9"), std::string::npos);
}

TEST(ParquetReaders, KnowAnnotatorsAnswers) {
  for (const char* name : {"okvqa_val", "textvqa_val_ocr_v2"}) {
    const Asked set = asked(name);
    ASSERT_EQ(set.prompts.size(), 1U) << name << ": " << set.data.rows.at(0).error;
    const auto& annotations = set.data.truth.annotations;
    ASSERT_EQ(annotations.size(), 1U);
    EXPECT_EQ(annotations[0]["answers"].size(), 10U);
    EXPECT_EQ(annotations[0]["question_id"], set.data.rows[0].row["question_id"]);
    EXPECT_TRUE(annotations[0]["question_id"].is_number());
  }
}

TEST(ParquetReaders, TellOneSetFromAnother) {
  EXPECT_EQ(asked("vqav2_test").prompts.size(), 1U);
  EXPECT_EQ(asked("vizwiz_test").prompts.size(), 1U);
  EXPECT_EQ(asked("pope_random").prompts.at(0).reference, "no");
  // Files of the same name, in the folder of another set.
  EXPECT_NE(error_of("ai2d", kFolder / "vizwiz_test").find("has no column \"options\""),
            std::string::npos);
  EXPECT_NE(asked("vizwiz_test", kFolder / "vqav2_test").data.rows.at(0).error, "");
  EXPECT_NE(asked("vqav2_test", kFolder / "vizwiz_test").data.rows.at(0).error, "");
}

TEST(ParquetReaders, GroupRowsOfMmbenchByTheirPictures) {
  const Asked set = asked("mmbench_dev_en_20231003");
  ASSERT_EQ(set.prompts.size(), 3U) << set.data.rows.at(0).error;
  EXPECT_EQ(set.prompts[0].messages.at(1).content.find("Context: N/A"),
            std::string("<|image|>").size());
  const auto task = find_benchmark_set("mmbench_dev_en_20231003").make_task();
  std::vector<Json> records;
  const std::string replies[] = {"A", "A",
                                 "A"};  // of the first two rows, one question, half is right
  for (size_t i = 0; i < 3; ++i) {
    const BenchmarkRow& row = set.data.rows[i];
    records.push_back(task->record(row.row, row.place, replies[i], Compatibility::kIntended));
  }
  const auto metrics = task->metrics(records, set.data.truth, Compatibility::kIntended);
  EXPECT_EQ(metrics.values["Accuracy"], 50.0) << metrics.values;
  EXPECT_TRUE(metrics.values["L2-Accuracy"].contains("attribute")) << metrics.values;
}

TEST(ParquetReaders, HaveTheQuestionsAboutFilms) {
  const Asked next_qa = asked("next_qa_mc");
  ASSERT_EQ(next_qa.prompts.size(), 2U) << next_qa.data.rows.at(0).error;
  EXPECT_EQ(next_qa.prompts[0].clips.at(0).path, "dataset/nextqa/NExTVideo/4010069381.mp4");
  EXPECT_EQ(next_qa.prompts[1].reference, "E");
  EXPECT_NE(next_qa.prompts[1].messages[0].content.find("D. none\nE. NA\n"), std::string::npos);
  const Asked videomme = asked("videomme");
  ASSERT_EQ(videomme.prompts.size(), 2U) << videomme.data.rows.at(0).error;
  EXPECT_EQ(videomme.prompts[0].clips.at(0).path, "dataset/videomme/data/Vid-_0.mp4");
  EXPECT_EQ(videomme.prompts[0].reference, "C");
  EXPECT_NE(videomme.prompts[0].messages[0].content.find("Options: A. 1.\nB. 2.\nC. 3.\n"),
            std::string::npos);
  EXPECT_EQ(videomme.data.rows[1].row["duration"], "long");
}

TEST(ParquetReaders, WantEveryPartOfASplit) {
  const ScratchFolder scratch;
  const fs::path& folder = scratch.path();
  fs::create_directories(folder / "data");
  const fs::path parts = kFolder / "ai2d/data";
  fs::copy_file(parts / "test-00001-of-00002.parquet", folder / "data/test-00001-of-00002.parquet");
  EXPECT_NE(error_of("ai2d", folder).find("part 00000 of 2 is missing"), std::string::npos)
      << error_of("ai2d", folder);
  fs::copy_file(parts / "test-00000-of-00002.parquet", folder / "data/test-00000-of-00002.parquet");
  EXPECT_EQ(error_of("ai2d", folder), "");
  fs::copy_file(parts / "test-00000-of-00002.parquet",
                folder / "data/test-00000-of-00002-0123456789abcdef.parquet");
  EXPECT_NE(error_of("ai2d", folder).find("there twice"), std::string::npos);
  EXPECT_NE(error_of("nlvr2", folder).find("data/unbalanced_test_public-*.parquet"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
