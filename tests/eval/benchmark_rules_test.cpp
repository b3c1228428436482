// What the golden data can't: text as Python treats it, sums as numpy takes them, tables as pandas
// reads them, frames that are drawn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "benchmarks/contractions.h"
#include "benchmarks/frame_choice.h"
#include "benchmarks/python_text.h"
#include "benchmarks/python_values.h"
#include "benchmarks/registry.h"
#include "benchmarks/rouge.h"
#include "benchmarks/spreadsheet.h"
#include "benchmarks/table.h"
#include "core/error.h"

namespace owl3 {
namespace {

using nlohmann::ordered_json;

TEST(PythonText, MakesLettersSmallAsPythonDoes) {
  EXPECT_EQ(python::lower("ÀÉ Straße"), "àé straße");
  EXPECT_EQ(python::lower("İ"), "i̇");          // one character becomes two
  EXPECT_EQ(python::lower("ΟΔΟΣ"), "οδος");    // final sigma
  EXPECT_EQ(python::lower("ΟΔΟΣ."), "οδος.");  // a full stop is no letter
  EXPECT_EQ(python::lower("ΣΑ Σ"), "σα σ");    // not final: nothing before it
}

TEST(PythonText, CutsAtEveryWhiteSpaceOfPython) {
  EXPECT_EQ(python::strip("\x1f\u3000owl\u00a0\n"), "owl");
  EXPECT_EQ(python::strip("\u200bowl"), "\u200bowl");  // no white space to Python
  EXPECT_EQ(python::split(" a\u2003b\x1c c ").size(), 3u);
  EXPECT_EQ(python::split("a  b", " ").size(), 3u);
  EXPECT_TRUE(python::split(" \n").empty());
}

TEST(PythonText, KnowsDigitsAndWordsOfUnicode14) {
  EXPECT_TRUE(python::is_digit(U'٣'));
  EXPECT_FALSE(python::is_digit(U'²'));
  EXPECT_TRUE(python::is_word(U'²'));
  EXPECT_TRUE(python::is_word(U'猫'));
  EXPECT_FALSE(python::is_word(U'。'));
  EXPECT_FALSE(python::is_word(0x11F50));  // a digit since Unicode 15
}

TEST(PythonValues, LookAsInAPythonText) {
  EXPECT_EQ(python::text_of(1.0), "1.0");
  EXPECT_EQ(python::text_of(1e16), "1e+16");
  EXPECT_EQ(python::text_of(0.00001), "1e-05");
  EXPECT_EQ(python::text_of(12.5), "12.5");
  EXPECT_EQ(python::text_of(nullptr), "None");
  EXPECT_EQ(python::text_of(true), "True");
  EXPECT_EQ(python::text_of(ordered_json::parse(R"(["a", "it's", 1])")), "['a', \"it's\", 1]");
}

TEST(PythonValues, ReadWholeNumbersAsIntDoes) {
  EXPECT_EQ(python::integer_of(" 0_0100\n", "x"), 100);
  EXPECT_EQ(python::integer_of("-٣٤", "x"), -34);
  EXPECT_EQ(python::integer_of(7.9, "x"), 7);
  for (const char* text : {"", "1_", "_1", "1__0", "1.0", "x", "99999999999999999999"}) {
    EXPECT_THROW(python::integer_of(text, "x"), InputError) << text;
  }
}

TEST(PythonValues, RoundTiesToEvenByTheExactValue) {
  EXPECT_EQ(python::round_to(6.25, 1), 6.2);
  EXPECT_EQ(python::round_to(8.75, 1), 8.8);
  EXPECT_EQ(python::round_to(2.675, 2), 2.67);  // the binary value is below the tie
  EXPECT_EQ(python::round_to_integer(2.5), 2);
  EXPECT_EQ(python::round_to_integer(-2.5), -2);
  EXPECT_EQ(python::round_to_integer(3.5), 4);
}

TEST(PythonValues, SumInNumpysOrder) {
  // Of 1000 tenths the sum from the left is 99.9999999999986.
  const std::vector<double> tenths(1000, 0.1);
  EXPECT_NE(python::sum(tenths), 100.0);
  EXPECT_EQ(python::numpy_sum(tenths), 100.00000000000001);
  EXPECT_TRUE(std::isnan(python::numpy_mean({})));
}

TEST(PythonValues, JoinPaths) {
  EXPECT_EQ(python::join_path("images/", "a.jpg"), "images/a.jpg");
  EXPECT_EQ(python::join_path("images", "/a.jpg"), "/a.jpg");
  EXPECT_EQ(python::plain_path("data//x/", "./a//b/"), "data/x/a/b");
  EXPECT_EQ(python::plain_path("x", "../a"), "x/../a");
}

TEST(Table, KnowsColumnsOfNumbersAndWhatIsMissing) {
  const Table table = Table::parse_tsv(
      "index\tA\tB\tC\tD\r\n1\t17\tNA\ttrue\t\"a\tb\"\r\n\r\n2\t\t x\tFalse\t\"say \"\"hi\"\"\n\"\n"
      "3\t2.5\tnull\n",
      "t.tsv");
  ASSERT_EQ(table.rows(), 3u);
  EXPECT_EQ(table.cell(0, "index"), 1);
  EXPECT_EQ(table.cell(0, "A"), 17.0);
  EXPECT_TRUE(table.cell(1, "A").is_null());
  EXPECT_TRUE(table.cell(0, "B").is_null());
  EXPECT_EQ(table.cell(1, "B"), " x");
  EXPECT_EQ(table.cell(0, "C"), true);
  EXPECT_EQ(table.cell(0, "D"), "a\tb");
  EXPECT_EQ(table.cell(1, "D"), "say \"hi\"\n");
  EXPECT_TRUE(table.cell(2, "D").is_null());
  const RowFinder rows(table, "index");
  EXPECT_EQ(rows.row(2), 1u);
  EXPECT_EQ(rows.row(2.0), 1u);
  EXPECT_THROW(rows.row(4), InputError);
  EXPECT_EQ(table.text(0, "A"), "17");
  EXPECT_THROW(table.cell(0, "E"), InputError);
}

TEST(Table, RefusesRowsLongerThanItsHeader) {
  EXPECT_THROW(Table::parse_tsv("a\tb\n1\t2\t3\n", "t.tsv"), InputError);
  EXPECT_THROW(Table::parse_tsv("", "t.tsv"), InputError);
}

TEST(Table, RefusesAQuoteThatIsNeverClosed) {
  try {
    Table::parse_tsv("a\tb\r\n\"x\ny\"\tsay \"hi\r\n\n1\t\"two\n3\t4\n", "t.tsv");
    FAIL() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "t.tsv:5: a cell begins with a quote that is never closed");
  }
  const Table inside = Table::parse_tsv("a\tb\n5\" wide\tx\"\n\"y\"z\"\t1\n", "t.tsv");
  ASSERT_EQ(inside.rows(), 2u);
  EXPECT_EQ(inside.text(0, "a"), "5\" wide");
  EXPECT_EQ(inside.text(0, "b"), "x\"");
  EXPECT_EQ(inside.text(1, "a"), "yz\"");
}

TEST(Table, FindsNumbersInAColumnThatOneCellMakesTexts) {
  const Table table = Table::parse_tsv("index\n1\nx\n1000001\n", "t.tsv");
  const RowFinder rows(table, "index");
  EXPECT_EQ(rows.row(1), 0u);
  EXPECT_EQ(rows.row("x"), 1u);
  EXPECT_EQ(rows.row(1000001), 2u);
  EXPECT_THROW(rows.row(2), InputError);
}

TEST(Spreadsheet, CutsTextsAndMarksFormulas) {
  Spreadsheet sheet({"a", "b"});
  sheet.add_row({"=", "=A1"});
  sheet.add_row({std::string(40000, 'x'), "a\r\nb\rc"});
  sheet.add_row({"", 7});
  const ordered_json content = sheet.content();
  EXPECT_EQ(content["formula_cells"], ordered_json::parse(R"(["=A1"])"));
  EXPECT_EQ(content["rows"][1][0].get<std::string>().size(), 32767u);
  EXPECT_EQ(content["rows"][1][1], "a\nb\nc");
  EXPECT_TRUE(content["rows"][2][0].is_null());
  EXPECT_THROW(sheet.add_row({"a\vb", 1}), InputError);
}

TEST(Contractions, GetBackTheOneApostropheThatIsMissing) {
  EXPECT_EQ(restore_apostrophe("wouldnt"), "wouldn't");
  EXPECT_EQ(restore_apostrophe("wouldnt've"), "wouldn't've");
  EXPECT_EQ(restore_apostrophe("wouldn'tve"), "wouldn't've");
  EXPECT_EQ(restore_apostrophe("yall'd've"), "y'all'd've");
  EXPECT_EQ(restore_apostrophe("twas"), "'twas");
}

TEST(Contractions, LeaveOtherWordsAsTheyAre) {
  for (const char* word :
       {"wouldntve", "wouldn't", "wouldn't've", "shed", "Dont", "don", "", "'"}) {
    EXPECT_EQ(restore_apostrophe(word), word);
  }
  EXPECT_EQ(restore_apostrophe("somebody'd"), "somebodyd");
}

TEST(RougeL, IsThatOfThePackageByHand) {
  EXPECT_NEAR(rouge_l("a b", "a b c"), 0.799999995, 1e-9);
  EXPECT_NEAR(rouge_l("the the the", "the"), 0.999999995, 1e-9);
  EXPECT_NEAR(rouge_l("a b c d", "d c b a"), 0.249999995, 1e-9);
  EXPECT_THROW(rouge_l("...", "a"), InputError);
}

TEST(FrameChoice, DrawsWhereTheOfficialCodeDraws) {
  std::mt19937_64 random(7);
  const FrameChoice spread =
      choose_evaluation_frames(300, 30, 8, {1.0, 9.0}, Compatibility::kOfficial);
  ASSERT_EQ(spread.how, FrameChoice::How::kOnePerSegment);
  const std::vector<int64_t> one_each = draw_frames(spread, random);
  ASSERT_EQ(one_each.size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_GE(one_each[i], spread.segments[i].first);
    EXPECT_LT(one_each[i], spread.segments[i].second);
  }
  const FrameChoice dense =
      choose_evaluation_frames(300, 30, 8, {1.0, 1.4}, Compatibility::kOfficial);
  ASSERT_EQ(dense.how, FrameChoice::How::kPermutation);
  const std::vector<int64_t> drawn = draw_frames(dense, random);
  EXPECT_EQ(drawn.size(), 8u);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_GE(drawn.front(), 30);
  EXPECT_LT(drawn.back(), 42);
}

TEST(FrameChoice, RefusesClipsThatCannotBe) {
  const ClipBounds none;
  EXPECT_THROW(choose_evaluation_frames(-1, 30, 8, none, Compatibility::kIntended), InputError);
  EXPECT_THROW(choose_evaluation_frames(10, 0, 8, none, Compatibility::kIntended), InputError);
  EXPECT_THROW(choose_evaluation_frames(10, NAN, 8, none, Compatibility::kIntended), InputError);
  EXPECT_THROW(choose_evaluation_frames(10, 30, 0, none, Compatibility::kIntended), InputError);
  EXPECT_THROW(choose_frames_at_rate(1000000, 0.001, 1000, 0), InputError);
}

TEST(FrameChoice, RoundsTimesAsNumpyDoes) {
  EXPECT_EQ(frame_times({0, 7, 5}, 20), "0.0, 0.4, 0.2");
}

/// A task's metrics of replies to rows.
BenchmarkMetrics metrics_of(const BenchmarkTask& task,
                            const std::vector<std::pair<ordered_json, std::string>>& replies,
                            Compatibility mode = Compatibility::kIntended) {
  std::vector<ordered_json> records;
  for (const auto& [row, reply] : replies) records.push_back(task.record(row, {}, reply, mode));
  return task.metrics(records, {}, mode);
}

ordered_json mlvu_row(const char* type, ordered_json candidates, ordered_json answer) {
  return {{"video", "a.mp4"},
          {"question", "How many owls?"},
          {"candidates", std::move(candidates)},
          {"answer", std::move(answer)},
          {"question_type", type}};
}

TEST(Mlvu, AsksAsTheOfficialCodeAsksAboutFilms) {
  const auto task = make_benchmark_task("MLVU", "mlvu", {});
  RowPlace place;
  place.part = "4_count";
  const BenchmarkPrompt prompt = task->prompt(mlvu_row("count", {1, 2}, 2), place);
  EXPECT_EQ(prompt.messages.front().content,
            "<|video|>\nQuestion: How many owls?\nOptions: A. 1\nB. 2\nAnswer with the option’s "
            "letter from the given choices directly.");
  EXPECT_EQ(prompt.reference, "B. 2");
  ASSERT_EQ(prompt.clips.size(), 1u);
  EXPECT_EQ(prompt.clips[0].path, "MLVU/video/4_count/a.mp4");
  EXPECT_EQ(prompt.clips[0].num_frames, 128);
  EXPECT_FALSE(prompt.clips[0].bounds);
  EXPECT_THROW(task->prompt(mlvu_row("count", {1, 2}, 3), place), InputError);
}

TEST(Mlvu, MeansTheTasksWhateverTheirQuestions) {
  const auto task = make_benchmark_task("MLVU", "mlvu", {});
  const ordered_json one = mlvu_row("ego", {"an owl", "a dog"}, "an owl");
  const ordered_json other = mlvu_row("needle", {"an owl", "a dog"}, "a dog");
  // An empty reply is wrong in both modes: there are no official faults to repeat.
  const BenchmarkMetrics metrics = metrics_of(
      *task, {{one, "A"}, {one, "B"}, {one, "A. an owl"}, {one, ""}, {other, "It is a dog."}},
      Compatibility::kOfficial);
  EXPECT_EQ(
      metrics.values,
      (ordered_json{{"ego", 0.5}, {"needle", 1.0}, {"M-Avg", 0.75}, {"Accuracy_overall", 0.6}}));
  EXPECT_EQ(metrics.scores.size(), 5u);
}

TEST(LvBench, TakesTheOptionsOutOfTheQuestion) {
  const auto task = make_benchmark_task("LVBench", "lvbench", {});
  const ordered_json row = {
      {"key", "Cm7-_x"},
      {"question", "What (A) year?\n(A) 1636\n(B) (A) 1366 \n(C) 1363\n(D) 1633"},
      {"answer", "B"},
      {"question_type", {"reasoning", "summarization"}}};
  const BenchmarkPrompt prompt = task->prompt(row, {});
  EXPECT_EQ(prompt.messages.front().content,
            "<|video|>\nQuestion: What (A) year?\nOptions: A. 1636\nB. (A) 1366\nC. 1363\nD. 1633\n"
            "Answer with the option’s letter from the given choices directly.");
  EXPECT_EQ(prompt.reference, "B. (A) 1366");
  EXPECT_EQ(prompt.clips.at(0).path, "LVBench/all_videos/Cm7-_x.mp4");
  ordered_json other = row;
  other["question_type"] = {"reasoning"};
  EXPECT_EQ(metrics_of(*task, {{row, "B"}, {other, "A"}}).values,
            (ordered_json{{"reasoning", 0.5}, {"summarization", 1.0}, {"Accuracy_overall", 0.5}}));
  for (const char* answer : {"E", "", "AB", "b"}) {
    other["answer"] = answer;
    EXPECT_THROW(task->prompt(other, {}), InputError) << answer;
  }
  other["answer"] = "A";
  other["question"] = "Which?";
  EXPECT_THROW(task->prompt(other, {}), InputError);
}

TEST(MvBench, HasARecordWithoutTheFolderOfStills) {
  const auto task = make_benchmark_task("MvBenchTask", "mvbench", {});
  const ordered_json row = {{"video", "show"},    {"question", "What?"}, {"candidates", {"an owl"}},
                            {"answer", "an owl"}, {"start", 0},          {"end", 9}};
  RowPlace place;
  place.part = "episodic_reasoning";
  EXPECT_EQ(task->stills_folder(row, place), "dataset/mvbench/video/tvqa/frames_fps3_hq/show");
  EXPECT_THROW(task->prompt(row, place), InputError);
  EXPECT_EQ(task->record(row, place, "", Compatibility::kIntended)["ground_truth"], "A. an owl");
  place.files_in_folder = 27;
  EXPECT_EQ(task->prompt(row, place).images.size(), 16u);
  place.part = "action_antonym";
  EXPECT_FALSE(task->stills_folder(row, place));
}

TEST(Tables, AreReadWithCommasToo) {
  const Table table = Table::parse_csv(
      "\xef\xbb\xbfvideo,question\r\n12,\"What, and \"\"why\"\"\nis it?\"\r\n13,a\tb\r\n", "t.csv");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.cell(0, "video"), 12);
  EXPECT_EQ(table.text(0, "question"), "What, and \"why\"\nis it?");
  EXPECT_EQ(table.text(1, "question"), "a\tb");
  EXPECT_THROW(Table::parse_csv("a,b\n1,2,3\n", "t.csv"), InputError);
}

}  // namespace
}  // namespace owl3
