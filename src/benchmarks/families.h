// The families of benchmarks: each a file that knows its rows, prompts and metrics.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "benchmarks/task.h"

namespace owl3 {

// Each makes the task of a data set, or nothing where it has no such set.

std::unique_ptr<BenchmarkTask> make_vqa_task(const std::string& set, const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_mmbench_task(const std::string& set,
                                                 const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_mmvet_task(const std::string& set,
                                               const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_ai2d_task(const std::string& set, const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_nlvr2_task(const std::string& set,
                                               const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_q_bench_task(const std::string& set,
                                                 const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_mi_bench_task(const std::string& set,
                                                  const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_llava_task(const std::string& set,
                                               const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_next_qa_task(const std::string& set,
                                                 const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_videomme_task(const std::string& set,
                                                  const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_long_video_task(const std::string& set,
                                                    const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_mvbench_task(const std::string& set,
                                                 const TaskSettings& settings);
/// The splits of "mvbench", in the order of the official evaluation.
std::vector<std::string> mvbench_splits();
/// Multiple choice about long films; the official evaluation has no classes for them.
std::unique_ptr<BenchmarkTask> make_mlvu_task(const std::string& set, const TaskSettings& settings);
std::unique_ptr<BenchmarkTask> make_lvbench_task(const std::string& set,
                                                 const TaskSettings& settings);
/// Open questions about films: the official class without a data set.
std::unique_ptr<BenchmarkTask> make_video_qa_task(const std::string& set,
                                                  const TaskSettings& settings);

}  // namespace owl3
