// What a stream leaves out because it can't be read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace owl3 {

/// Of a batch, where broken samples are left out. What a whole step lost before its rows were
/// filled is told with the first process's first batch alone: over all batches, each sample once.
struct LeftOutSamples {
  std::vector<std::string> samples;  // an error line for each: "a.jsonl:17: images[0]: ..."
  /// Of the step's label tokens, those that went with samples which had a place in a row.
  int64_t label_tokens = 0;
};

}  // namespace owl3
