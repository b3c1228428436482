#include "benchmarks/data_set.h"

#include <algorithm>

#include "benchmarks/data_readers.h"
#include "benchmarks/families.h"
#include "benchmarks/parquet_readers.h"
#include "benchmarks/python_text.h"
#include "benchmarks/registry.h"
#include "benchmarks/split_files.h"
#include "core/error.h"
#include "core/similar.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

BenchmarkSet set_of(std::string task, std::string name, std::string title, bool cut,
                    std::vector<BenchmarkSource> sources) {
  return {std::move(name), std::move(task), std::move(title), cut, std::move(sources)};
}

/// A set whose rows are read as the official evaluation has them.
std::vector<BenchmarkSource> rows_named(const std::string& name) {
  return {{{name + ".jsonl"}, readers::official_rows}, {{name + ".json"}, readers::official_rows}};
}

std::vector<BenchmarkSource> with_rows_named(const std::string& name,
                                             std::vector<BenchmarkSource> sources) {
  for (BenchmarkSource& source : rows_named(name)) sources.push_back(std::move(source));
  return sources;
}

std::vector<BenchmarkSource> with_parquet(
    std::vector<BenchmarkSource> sources, std::vector<std::string> files,
    BenchmarkData (*read)(const std::vector<std::filesystem::path>& files)) {
  sources.push_back({std::move(files), read});
  return sources;
}

std::vector<std::string> with_ending(std::vector<std::string> names, const char* ending) {
  for (std::string& name : names) name += ending;
  return names;
}

/// `split` is that of Hugging Face's copy.
BenchmarkSet mmbench(const std::string& name, const std::string& split, const std::string& title) {
  return set_of("MMBenchTask", name, title, true,
                {{{name + ".jsonl", name + ".tsv"}, readers::mmbench_rows_and_table},
                 {{name + ".tsv"}, readers::mmbench_table},
                 {{split + "-*.parquet"}, readers::mmbench_parquet}});
}

BenchmarkSet pope(const std::string& part) {
  return set_of("VQATask", "pope_" + part, "POPE's \"" + part + "\" questions (RUCAIBox/POPE)",
                true,
                {{{"coco_pope_" + part + ".json"}, readers::pope},
                 {{"ImageQA_POPE_" + part + ".jsonl"}, readers::pope},
                 {{"pope_" + part + ".jsonl"}, readers::pope},
                 {{"Full/" + part + "-*.parquet"}, readers::pope_parquet}});
}

std::vector<BenchmarkSet> all_sets() {
  return {
      mmbench("mmbench_test_en_20231003", "en/test", "MMBench, English test (opencompass.org.cn)"),
      mmbench("mmbench_test_cn_20231003", "cn/test", "MMBench, Chinese test (opencompass.org.cn)"),
      mmbench("mmbench_dev_en_20231003", "en/dev", "MMBench, English dev (opencompass.org.cn)"),
      mmbench("mmbench_dev_cn_20231003", "cn/dev", "MMBench, Chinese dev (opencompass.org.cn)"),
      set_of("MMVetBench", "mmvet", "MM-Vet (yuweihao/MM-Vet)", true,
             {{{"mm-vet.json"}, readers::mmvet}}),
      pope("random"),
      pope("popular"),
      pope("adversarial"),
      set_of("AI2DBench", "ai2d", "AI2D, test (lmms-lab/ai2d)", true,
             with_parquet(rows_named("ai2d"), {"data/test-*.parquet"}, readers::ai2d_parquet)),
      set_of("VQATask", "okvqa_val", "OK-VQA, val (okvqa.allenai.org)", true,
             {{{"OpenEnded_mscoco_val2014_questions.json", "mscoco_val2014_annotations.json"},
               readers::vqa_val_questions_and_annotations},
              {{"okvqa_val.jsonl", "mscoco_val2014_annotations.json"},
               readers::official_rows_and_annotations},
              {{"data/val2014-*.parquet"}, readers::vqa_with_answers_parquet}}),
      set_of("VQATask", "textvqa_val_ocr_v2", "TextVQA, val (textvqa.org)", true,
             {{{"textvqa_val_ocr_v2.jsonl", "textvqa_val_annotations.json"},
               readers::official_rows_and_annotations},
              {{"TextVQA_0.5.1_val.json"}, readers::textvqa},
              {{"data/validation-*.parquet"}, readers::vqa_with_answers_parquet}}),
      set_of("VQATask", "vizwiz_test", "VizWiz, test (vizwiz.org)", true,
             {{{"vizwiz_test.jsonl"}, readers::official_rows},
              {{"test.json"}, readers::vizwiz},
              {{"data/test-*.parquet"}, readers::vizwiz_parquet}}),
      set_of("VQATask", "vqav2_test", "VQA v2.0, test (visualqa.org)", true,
             with_parquet(
                 with_rows_named("vqav2_test", {{{"v2_OpenEnded_mscoco_test2015_questions.json"},
                                                 readers::vqa_test_questions}}),
                 {"data/test-*.parquet"}, readers::vqa_parquet)),
      set_of("VQATask", "gqa_testdev", "GQA, balanced testdev (Stanford)", true,
             with_parquet(with_rows_named("gqa_testdev",
                                          {{{"testdev_balanced.jsonl"}, readers::official_rows},
                                           {{"testdev_balanced_questions.json"}, readers::gqa}}),
                          {"testdev_balanced_instructions/testdev-*.parquet",
                           "testdev_balanced_images/testdev-*.parquet"},
                          readers::gqa_parquet)),
      set_of("NextQATask", "next_qa_mc", "NExT-QA, multiple choice, test (doc-doc/NExT-QA)", false,
             with_parquet(with_rows_named("next_qa_mc",
                                          {{{"test.csv", "map_vid_vidorID.json"}, readers::next_qa},
                                           {{"test.csv"}, readers::next_qa}}),
                          {"MC/test-*.parquet"}, readers::next_qa_parquet)),
      set_of("VideoMMEBench", "videomme", "Video-MME, without subtitles (lmms-lab/Video-MME)",
             false,
             with_parquet(rows_named("videomme"), {"videomme/test-*.parquet"},
                          readers::videomme_parquet)),
      set_of("LongVideoBenchTask", "long_video_bench_dev",
             "LongVideoBench, validation (longvideobench/LongVideoBench)", false,
             with_rows_named("long_video_bench_dev", {{{"lvb_val.json"}, readers::official_rows}})),
      set_of("MvBenchTask", "mvbench", "MVBench (OpenGVLab/MVBench)", false,
             {{with_ending(mvbench_splits(), ".json"), readers::rows_by_part}}),
      set_of("MLVU", "mlvu", "MLVU, multiple choice, dev (MLVU/MVLU)", false,
             {{with_ending({"1_plotQA", "2_needle", "3_ego", "4_count", "5_order", "6_anomaly_reco",
                            "7_topic_reasoning"},
                           ".json"),
               readers::rows_by_part}}),
      set_of("LVBench", "lvbench", "LVBench (zai-org/LVBench)", false,
             {{{"video_info.meta.jsonl"}, readers::lvbench}}),
      set_of("NLVR2Bench", "nlvr2", "NLVR2, unbalanced_test_public (lmms-lab/NLVR2)", false,
             with_parquet(rows_named("nlvr2"), {"data/unbalanced_test_public-*.parquet"},
                          readers::nlvr2_parquet)),
      set_of(
          "QbenchTask", "q_bench2", "Q-Bench2, dev (q-future/Q-Bench2-HF)", false,
          with_parquet(rows_named("q_bench2"), {"data/dev-*.parquet"}, readers::q_bench2_parquet)),
      set_of("LlavaInterleaveBenchTask", "out_domain",
             "LLaVA-Interleave, out of domain (lmms-lab/LLaVA-NeXT-Interleave-Bench)", false,
             with_rows_named("out_domain",
                             {{{"multi_image_out_domain.json"}, readers::official_rows}})),
      set_of(
          "LlavaInterleaveBenchTask", "in_domain",
          "LLaVA-Interleave, in domain (lmms-lab/LLaVA-NeXT-Interleave-Bench)", false,
          with_rows_named("in_domain", {{{"multi_image_in_domain.json"}, readers::official_rows}})),
      set_of("MIBench", "mi_bench", "MIBench (StarBottle/MIBench)", false,
             {{{"multi_image_instruction.json", "multimodal_knowledge_seeking.json"},
               readers::mi_bench},
              {{"multi_image_instruction.jsonl", "multimodal_knowledge_seeking.jsonl"},
               readers::mi_bench}}),
  };
}

/// The files of that name, in the first folder that has one.
std::vector<fs::path> find_files(const BenchmarkSet& set, const fs::path& folder,
                                 const std::string& name) {
  for (const fs::path& root : {folder / set.name, folder}) {
    for (const fs::path& path : {root, root / "json"}) {
      if (auto files = files_named(path, name); !files.empty()) return files;
    }
  }
  return {};
}

/// "a.jsonl with b.tsv"
std::string names_of(const std::vector<std::string>& files) {
  constexpr size_t kMostNamed = 3;
  if (files.size() > kMostNamed) {
    return fmt::format("{} to {} ({} files)", files.front(), files.back(), files.size());
  }
  return python::join(files, " with ");
}

}  // namespace

TaskSettings BenchmarkSet::settings() const {
  if (planned) return *planned;
  TaskSettings own = planned_settings(task, name);
  own.cut = cut;
  return own;
}

std::unique_ptr<BenchmarkTask> BenchmarkSet::make_task() const {
  return make_benchmark_task(task, name, settings());
}

nlohmann::ordered_json settings_json(const TaskSettings& settings) {
  const TaskSettings usual;
  nlohmann::ordered_json json = {{"cut", settings.cut}};
  if (settings.num_frames) json["num_frames"] = *settings.num_frames;
  if (settings.use_number != usual.use_number) json["use_number"] = settings.use_number;
  if (settings.use_llava_style != usual.use_llava_style) {
    json["use_llava_style"] = settings.use_llava_style;
  }
  if (settings.image_index != usual.image_index) json["image_index"] = settings.image_index;
  return json;
}

const std::vector<BenchmarkSet>& benchmark_sets() {
  static const std::vector<BenchmarkSet> kSets = all_sets();
  return kSets;
}

const BenchmarkSet& find_benchmark_set(const std::string& name) {
  std::vector<std::string> names;
  for (const BenchmarkSet& set : benchmark_sets()) {
    if (set.name == name) return set;
    names.push_back(set.name);
  }
  throw UsageError(fmt::format("there is no benchmark {} (owl3 eval bench --list lists them){}",
                               name, did_you_mean(name, names)));
}

std::string expected_files(const BenchmarkSet& set) {
  std::string text;
  for (const BenchmarkSource& source : set.sources) {
    if (!text.empty()) text += &source == &set.sources.back() ? " or " : ", ";
    text += names_of(source.files);
  }
  return text;
}

BenchmarkData read_benchmark(const BenchmarkSet& set, const fs::path& folder) {
  std::string missing;  // of files that lack others which belong to them
  for (const BenchmarkSource& source : set.sources) {
    readers::Paths files;
    size_t found = 0;
    std::string first_missing;
    for (const std::string& name : source.files) {
      const auto named = find_files(set, folder, name);
      found += named.empty() ? 0 : 1;
      if (named.empty() && first_missing.empty()) first_missing = name;
      files.insert(files.end(), named.begin(), named.end());
    }
    if (found == source.files.size()) return source.read(files);
    if (missing.empty() && found > 0) missing = first_missing;
  }
  throw InputError(fmt::format("{}: has no {}: expected {} there or in {}{}", folder.string(),
                               set.title, expected_files(set), (folder / set.name).string(),
                               missing.empty() ? "" : "; " + missing + " is missing"));
}

}  // namespace owl3
