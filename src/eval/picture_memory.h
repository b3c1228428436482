// Pictures by where they are: each is read and encoded once, and remembered for all questions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "owl3/owl3.h"
#include "training_data/media_reader.h"

namespace owl3 {

class PictureMemory {
 public:
  explicit PictureMemory(const Model& model) : memory_(model) {}

  /// The pictures, uncut, as MediaReader takes their references. Those met for the first time are
  /// read and encoded together. Throws InputError for what can't be read, Interrupted when
  /// `progress` says false.
  std::vector<Medium> media(const std::vector<std::string>& references,
                            const ProgressCallback& progress);

  const VisualMemory& memory() const { return memory_; }
  /// What was not right with pictures, one line each.
  std::vector<std::string> warnings() const;

 private:
  MediaReader reader_;
  VisualMemory memory_;
  std::map<std::string, Medium> media_;  // by reference
};

}  // namespace owl3
