// The output of a run as it grows: rows in order, each whole. Whatever ends the run, the next goes
// on behind the last of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "batch/batch_plan.h"
#include "batch/batch_row.h"
#include "batch/run_lock.h"
#include "core/append_file.h"

namespace owl3 {

class BatchJournal {
 public:
  /// Looks at what is there, and changes nothing. `run` is what must be the same to go on. Throws
  /// InputError where there is something and `go_on` is not given, or it is of another run, and
  /// where nothing can be written.
  BatchJournal(std::filesystem::path path, const BatchPlan& plan, const BatchLayout& layout,
               nlohmann::ordered_json run, bool go_on);

  /// Whether there was a file, until open().
  bool goes_on() const { return exists_; }
  /// Rows that are there.
  int64_t rows() const { return rows_; }
  /// The places of those that are errors.
  const std::vector<int64_t>& failed() const { return failed_; }

  /// Makes the file, or takes away a last line that is cut off; then append(). Throws
  /// InputError where another process writes it.
  void open();
  /// The row behind those that are there; in the file when this returns.
  void append(const std::string& line);
  /// Puts lines into the places of others, all at once.
  void replace(const std::map<int64_t, std::string>& lines);

 private:
  void read(const BatchPlan& plan);

  std::filesystem::path path_;
  BatchLayout layout_;
  nlohmann::ordered_json run_;
  bool exists_ = false;
  int64_t rows_ = 0;
  uint64_t whole_bytes_ = 0;
  std::vector<int64_t> failed_;
  std::unique_ptr<RunLock> lock_;
  std::unique_ptr<AppendFile> file_;
};

}  // namespace owl3
