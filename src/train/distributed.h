// The processes of a training run and what they tell each other, through c10d.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runs/launch.h"

namespace owl3::train {

/// All processes call the same functions in the same order. Alone, they cost nothing. Each throws
/// Error with a clear line when another process is gone.
class Processes {
 public:
  /// Finds the others. Throws Error when they don't come within `timeout_seconds`.
  Processes(const Launch& launch, torch::Device device, int timeout_seconds = 1800);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  int rank() const { return rank_; }
  int world() const { return world_; }
  bool is_first() const { return rank_ == 0; }

  /// Sums the tensor over all processes, in place; each gets the same bits.
  void sum(torch::Tensor tensor);
  /// Numbers that every process has of its own, summed.
  std::vector<double> sums_of(const std::vector<double>& numbers);
  /// `flat` is `world` equal parts, of which this process made the one of its rank: all others' are
  /// filled in.
  void gather_parts(torch::Tensor flat);
  /// The first process's text, for all.
  std::string from_first(const std::string& text);
  /// Waits for all.
  void barrier();

 private:
  class Group;

  int rank_;
  int world_;
  torch::Device device_;
  std::unique_ptr<Group> group_;  // none when alone
};

}  // namespace owl3::train
