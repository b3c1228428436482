// Pictures by where they are: each is read and encoded once, and remembered for all questions, as
// far as there is room.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "owl3/owl3.h"
#include "training_data/media_reader.h"

namespace owl3 {

class PictureMemory {
 public:
  explicit PictureMemory(const Model& model, const VisualMemoryOptions& options = {})
      : memory_(model, options) {}

  /// The pictures, uncut, as MediaReader takes their references. Those met for the first time are
  /// read and encoded together; where those of other questions leave too little room for that, they
  /// are let go of, to be read again when they are asked for. Throws InputError for what can't be
  /// read or has no room, Interrupted when `progress` says false.
  std::vector<Medium> media(const std::vector<std::string>& references,
                            const ProgressCallback& progress);

  const VisualMemory& memory() const { return memory_; }
  /// What was not right with pictures, one line each.
  std::vector<std::string> warnings() const;

 private:
  std::vector<Medium> add(const std::vector<std::string>& references,
                          const ProgressCallback& progress);
  bool let_go_of_others(const std::vector<std::string>& references);

  MediaReader reader_;
  VisualMemory memory_;
  std::map<std::string, Medium> media_;          // by reference
  std::map<std::string, std::string> warnings_;  // by reference
};

}  // namespace owl3
