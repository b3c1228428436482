// metrics.jsonl: one line of numbers per logged step, written as it goes and read back for plots.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/append_file.h"
#include "runs/event_file.h"

namespace owl3 {

/// The numbers of one line: {"step": 10, "loss": 1.5, ...}.
struct MetricsLine {
  int64_t step = 0;
  std::vector<Scalar> scalars;  // in the line's order, finite or not
};

class MetricsFile {
 public:
  /// Opens `path` for a run that stands at `step` (steps done). What a former process wrote beyond
  /// it, or left unfinished at the end, is taken away: those steps are made again. So are lines
  /// that are no metrics: a curve with a gap is better than a run that can't go on.
  MetricsFile(const std::filesystem::path& path, int64_t step);

  /// Appends a line, at once in the file. After an InputError (disk full) the file is as before.
  void write(const MetricsLine& line);

 private:
  AppendFile file_;
};

/// All lines of a metrics.jsonl. A last line without its end (the run was killed, or is running) is
/// left out; anything else that is no line of metrics throws InputError with its number.
std::vector<MetricsLine> read_metrics(const std::filesystem::path& path);

/// The line as JSON, without newline. Numbers that JSON has not (nan, inf) become null.
std::string to_json_line(const MetricsLine& line);

}  // namespace owl3
