#include "cli/batch/batch_output.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "batch/side_files.h"
#include "cli/batch/batch_run.h"
#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

BatchOutput::BatchOutput(const BatchArguments& arguments, const BatchInput& input)
    : BatchOutput(
          arguments, {input.size(), std::ssize(arguments.prompts), arguments.shard},
          {arguments.output_format(), arguments.prompts.size() > 1, input.has_rows(),
           arguments.generation.logprobs.has_value(), arguments.generation.scored_choices()},
          run_json(arguments, input)) {
  const auto side = arguments.side_format();
  if (side) check_side_files(input, *side, [&](int64_t item) { return may_have_side_file(item); });
}

BatchOutput::BatchOutput(const BatchArguments& arguments, const BatchPlan& plan,
                         const BatchLayout& layout, nlohmann::ordered_json run)
    : arguments_(arguments), plan_(plan), layout_(layout) {
  const bool go_on = arguments.resume || arguments.retry_failed;
  if (arguments.out.empty()) return;
  journal_.emplace(arguments.out, plan_, layout_, std::move(run), go_on);
}

/// Those of other shards, and of what is in the file or was being written when a run was ended.
bool BatchOutput::may_have_side_file(int64_t item) const {
  if (!plan_.shard.has(item)) return true;
  return journal_ && journal_->goes_on() && plan_.place(item, 0) <= journal_->rows();
}

std::vector<int64_t> BatchOutput::failed() const {
  return journal_ && arguments_.retry_failed ? journal_->failed() : std::vector<int64_t>();
}

void BatchOutput::open() {
  if (journal_) {
    journal_->open();
  } else if (arguments_.side.empty()) {
    fmt::print("{}", header_of(layout_));
  }
}

void BatchOutput::write(const std::vector<BatchRow>& rows) {
  for (const BatchRow& row : rows) {
    count(row);
    const std::string line = line_of(row, layout_);
    if (const auto side = arguments_.side_format())
      write_side_file(row, *side, arguments_.asks_for_choices());
    if (journal_) {
      journal_->append(line);
    } else if (arguments_.side.empty()) {
      fmt::print("{}", line);
      flush_output();
    }
  }
}

void BatchOutput::keep(const BatchWork& work, const std::vector<BatchRow>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    count(rows[i]);
    if (const auto side = arguments_.side_format())
      write_side_file(rows[i], *side, arguments_.asks_for_choices());
    kept_[plan_.place(work.item, work.questions[i])] = line_of(rows[i], layout_);
  }
}

void BatchOutput::put_in_place() {
  if (journal_ && !kept_.empty()) journal_->replace(kept_);
  kept_.clear();
}

void BatchOutput::count(const BatchRow& row) {
  if (!row.error.empty() && arguments_.strict) throw InputError(row.error);
  ++counts_.rows;
  counts_.tokens += row.tokens;
  if (row.error.empty()) return;
  ++counts_.failed;
  if (counts_.first_error.empty()) counts_.first_error = row.error;
}

}  // namespace owl3::cli
