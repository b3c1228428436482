// What one benchmark test gave.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/bench/bench_work.h"

namespace owl3::cli {

struct Measurement {
  std::string test;             // "decode at 10 images"
  std::vector<double> seconds;  // of every repetition
  double items = 0;             // per repetition
  std::string item;             // "image", "token"
  int64_t conversations = 1;    // that share the items
  int64_t images = 0;           // in visual memory
  int64_t visual_memory_bytes = 0;
  Work work;  // per repetition

  double median() const;
  double fastest() const;
  /// Half the range between the slowest and the fastest repetition, relative to the median.
  double spread() const;
  /// Of all conversations together.
  double rate() const { return items / median(); }
  /// Of one conversation's.
  double seconds_per_item() const { return median() / items * static_cast<double>(conversations); }
};

}  // namespace owl3::cli
