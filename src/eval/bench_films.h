// The films of a benchmark's questions: the frames that the official evaluation shows, as images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmarks/data_set.h"
#include "benchmarks/task.h"
#include "eval/bench_media.h"
#include "owl3/owl3.h"

namespace owl3 {

/// What is shown of a clip.
struct ShownFrames {
  std::vector<Medium> images;
  std::vector<int64_t> numbers;  // of each in the film: 0 for the first that is shown
  std::string warning;           // what was not right with the film
};

/// Counts the stills of clips that are folders of them, which is to be known before they are asked
/// about.
void count_stills(const BenchmarkTask& task, const BenchMedia& media, BenchmarkData& data);

/// How a run chooses the frames of its clips, for its records: "intended" or "official". Empty
/// where no clip has bounds, as both choose alike then.
std::string frame_choice_of(const BenchmarkTask& task, const BenchmarkData& data,
                            Compatibility mode);

class BenchFilms {
 public:
  /// `memory` outlives it.
  BenchFilms(VisualMemory& memory, Compatibility mode) : memory_(memory), mode_(mode) {}

  /// The frames that the official sampler takes, in order. Where it draws them at random, those of
  /// the intended choice. Questions that follow each other about the same frames read the film
  /// once. Throws InputError, and Interrupted when `progress` says so.
  const ShownFrames& show(const std::filesystem::path& path, const PromptClip& clip,
                          const ProgressCallback& progress);

 private:
  VisualMemory& memory_;
  Compatibility mode_;
  std::string shown_clip_;  // what `shown_` is of
  ShownFrames shown_;
};

}  // namespace owl3
