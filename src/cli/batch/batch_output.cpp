#include "cli/batch/batch_output.h"

#include <fmt/format.h>

#include <iterator>

#include "batch/side_files.h"
#include "cli/batch/batch_run.h"
#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

BatchOutput::BatchOutput(const BatchArguments& arguments, const BatchInput& input)
    : arguments_(arguments),
      plan_{input.size(), std::ssize(arguments.prompts), arguments.shard},
      layout_{arguments.output_format(), arguments.prompts.size() > 1, input.has_rows(),
              arguments.generation.logprobs.has_value(), arguments.generation.scored_choices()} {
  const bool go_on = arguments.resume || arguments.retry_failed;
  if (const auto side = arguments.side_format()) check_side_files(input, *side, go_on);
  if (arguments.out.empty()) return;
  journal_.emplace(arguments.out, plan_, layout_, run_json(arguments, input), go_on);
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
    if (const auto side = arguments_.side_format()) write_side_file(row, *side);
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
    if (const auto side = arguments_.side_format()) write_side_file(rows[i], *side);
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
