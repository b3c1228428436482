// Where the rows of `owl3 batch` go, and what was counted of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "batch/batch_item.h"
#include "batch/batch_journal.h"
#include "batch/batch_loop.h"
#include "batch/batch_plan.h"
#include "batch/subtitle_files.h"
#include "cli/batch/batch_options.h"

namespace owl3::cli {

struct BatchCounts {
  int64_t rows = 0;
  int64_t failed = 0;
  int64_t tokens = 0;
  std::string first_error;
};

class BatchOutput {
 public:
  /// Looks at what is there; writes nothing. Throws InputError, as BatchJournal does.
  BatchOutput(const BatchArguments& arguments, const BatchInput& input);
  /// The same of rows that are not about items. `run`: what must be the same to go on.
  BatchOutput(const BatchArguments& arguments, const BatchPlan& plan, const BatchLayout& layout,
              nlohmann::ordered_json run);

  const BatchPlan& plan() const { return plan_; }
  /// Rows that are there; none on standard output.
  int64_t rows() const { return journal_ ? journal_->rows() : 0; }
  std::vector<int64_t> failed() const;
  /// Rows of before that are errors and stay so.
  int64_t failed_before() const {
    return journal_ && !arguments_.retry_failed ? std::ssize(journal_->failed()) : 0;
  }

  /// Makes the file, where there is one.
  void open();
  /// The next rows.
  void write(const std::vector<BatchRow>& rows);
  /// Rows that stand for those that are errors, once put_in_place() was called.
  void keep(const BatchWork& work, const std::vector<BatchRow>& rows);
  void put_in_place();

  const BatchCounts& counts() const { return counts_; }
  /// How many files beside pictures and films are not what was answered, on standard error.
  void tell_of_files() const;
  /// Throws InputError where subtitles could not be written.
  void check_subtitles() const;

 private:
  bool may_have_side_file(int64_t item) const;
  BatchRow with_side_file(const BatchRow& row);
  void count(const BatchRow& row);
  void print(const BatchRow& row);
  /// The subtitles of films whose rows the file has, and the beginning of those of the next film.
  void make_subtitles();
  /// Those of films of which rows are about to change.
  void take_subtitles_back();
  void for_each_answer(
      const std::function<void(int64_t item, const std::optional<std::string>& answer)>& work)
      const;

  const BatchArguments& arguments_;
  BatchPlan plan_;
  BatchLayout layout_;
  std::optional<BatchJournal> journal_;
  std::optional<SubtitleFiles> subtitle_files_;
  std::optional<Subtitles> subtitles_;  // on standard output
  std::map<int64_t, std::string> kept_;
  std::set<std::string> left_;  // somebody's files, where answers would be
  BatchCounts counts_;
};

}  // namespace owl3::cli
