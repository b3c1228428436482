#include "benchmarks/registry.h"

#include <utility>

#include "benchmarks/families.h"
#include "core/error.h"

namespace owl3 {

namespace {

using MakeTask = std::unique_ptr<BenchmarkTask> (*)(const std::string& set,
                                                    const TaskSettings& settings);

constexpr std::pair<const char*, MakeTask> kClasses[] = {
    {"VQATask", make_vqa_task},
    {"MMBenchTask", make_mmbench_task},
    {"MMVetBench", make_mmvet_task},
    {"AI2DBench", make_ai2d_task},
    {"NLVR2Bench", make_nlvr2_task},
    {"QbenchTask", make_q_bench_task},
    {"MIBench", make_mi_bench_task},
    {"LlavaInterleaveBenchTask", make_llava_task},
    {"NextQATask", make_next_qa_task},
    {"VideoMMEBench", make_videomme_task},
    {"LongVideoBenchTask", make_long_video_task},
    {"MvBenchTask", make_mvbench_task},
    {"VideoQA", make_video_qa_task},
    // Of the paper's tables, and not of the official evaluation.
    {"MLVU", make_mlvu_task},
    {"LVBench", make_lvbench_task},
};

}  // namespace

std::unique_ptr<BenchmarkTask> make_benchmark_task(const std::string& task, const std::string& set,
                                                   const TaskSettings& settings) {
  for (const auto& [name, make] : kClasses) {
    if (task != name) continue;
    if (auto made = make(set, settings)) return made;
    throw InputError(fmt::format("the official {} has no data set \"{}\"", task, set));
  }
  throw InputError(fmt::format("the official evaluation has no task \"{}\"", task));
}

TaskSettings PlanEntry::settings() const {
  TaskSettings settings;
  settings.cut = cut;
  settings.num_frames = num_frames;
  settings.use_number = use_number.value_or(settings.use_number);
  return settings;
}

const std::vector<PlanEntry>& official_plan() {
  static const std::vector<PlanEntry> kPlan = {
      {"MMBenchTask", "mmbench_test_en_20231003", true, {}, {}},
      {"MMBenchTask", "mmbench_test_cn_20231003", true, {}, {}},
      {"MMVetBench", "mmvet", true, {}, {}},
      {"VQATask", "pope_random", true, {}, {}},
      {"VQATask", "pope_popular", true, {}, {}},
      {"VQATask", "pope_adversarial", true, {}, {}},
      {"AI2DBench", "ai2d", true, {}, false},
      {"VQATask", "okvqa_val", true, {}, {}},
      {"VQATask", "textvqa_val", true, {}, {}},
      {"VQATask", "textvqa_val_ocr_v2", true, {}, {}},
      {"VQATask", "vizwiz_test", true, {}, {}},
      {"VQATask", "vqav2_test", true, {}, {}},
      {"VQATask", "gqa_testdev", true, {}, {}},
      {"NextQATask", "next_qa_mc", false, {}, {}},
      {"VideoMMEBench", "videomme", false, 128, {}},
      {"LongVideoBenchTask", "long_video_bench_dev", false, 64, {}},
      {"MvBenchTask", "mvbench", false, 16, {}},
      {"NLVR2Bench", "nlvr2", false, {}, {}},
      {"QbenchTask", "q_bench2", false, {}, {}},
      {"LlavaInterleaveBenchTask", "out_domain", false, {}, {}},
  };
  return kPlan;
}

TaskSettings planned_settings(const std::string& task, const std::string& set) {
  for (const PlanEntry& entry : official_plan()) {
    if (entry.task == task && entry.set == set) return entry.settings();
  }
  return {};
}

}  // namespace owl3
