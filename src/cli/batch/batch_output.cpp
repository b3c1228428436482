#include "cli/batch/batch_output.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "batch/batch_file.h"
#include "batch/side_files.h"
#include "cli/batch/batch_run.h"
#include "core/counted.h"
#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

std::optional<std::string> answer_of(const BatchRow& row) {
  if (!row.error.empty()) return std::nullopt;
  return plain_text(row.answer);
}

/// What is so of the first of some files, for all of them.
std::string and_others(const std::string& first, size_t files) {
  if (files == 1) return first;
  return fmt::format("{}; the same of {}", first, counted(files - 1, "other file"));
}

/// Whether the items have what the subtitles are of.
void check_subtitled(const BatchArguments& arguments, const BatchInput& input) {
  if (!arguments.subtitles() && !arguments.side_subtitles()) return;
  int64_t films = 0;
  int64_t pictures = 0;
  for (int64_t i = 0; i < input.size(); ++i) {
    const BatchMedium medium = input.item(i).media.front();
    if (!medium.is_video) ++pictures;
    if (medium.is_video && (!medium.segment || medium.segment->number == 0)) ++films;
  }
  if (pictures > 0 && arguments.rows_file().empty()) {
    throw UsageError(counted(pictures, "item") +
                     " would be pictures, which have no subtitles: leave them out, or name a file "
                     "for the rows by -o");
  }
  if (!arguments.subtitles() || films + pictures == 1) return;
  throw UsageError(fmt::format(
      "subtitles in one file are of one film, and {} are asked about: --side writes a file beside "
      "each film, -o log.jsonl all rows into one",
      counted(films + pictures, "file")));
}

}  // namespace

BatchOutput::BatchOutput(const BatchArguments& arguments, const BatchInput& input)
    : BatchOutput(
          arguments, {input.size(), std::ssize(arguments.prompts), arguments.shard},
          {arguments.output_format(), arguments.segment_seconds > 0, arguments.prompts.size() > 1,
           input.has_rows(), arguments.generation.logprobs.has_value(),
           arguments.generation.scored_choices()},
          run_json(arguments, input)) {
  const auto side = arguments.side_format();
  if (side) check_side_files(input, *side, [&](int64_t item) { return may_have_side_file(item); });
  check_subtitled(arguments, input);
  if (const auto format = arguments.side_subtitles()) {
    subtitle_files_.emplace(input, *format);
  } else if (const auto only = arguments.subtitles()) {
    subtitles_.emplace(*only);
    if (!arguments.out.empty()) subtitle_files_.emplace(input, *only, arguments.out);
  }
  if (subtitle_files_) subtitle_files_->check(rows());
}

BatchOutput::BatchOutput(const BatchArguments& arguments, const BatchPlan& plan,
                         const BatchLayout& layout, nlohmann::ordered_json run)
    : arguments_(arguments), plan_(plan), layout_(layout) {
  const bool go_on = arguments.resume || arguments.retry_failed;
  if (arguments.out.empty()) return;
  journal_.emplace(arguments.rows_file(), plan_, layout_, std::move(run), go_on);
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
    make_subtitles();
  } else if (arguments_.side.empty()) {
    fmt::print("{}", subtitles_ ? subtitles_->header() : header_of(layout_));
  }
}

void BatchOutput::write(const std::vector<BatchRow>& rows) {
  for (const BatchRow& asked : rows) {
    const BatchRow row = with_side_file(asked);
    count(row);
    if (journal_) {
      journal_->append(line_of(row, layout_));
    } else if (arguments_.side.empty()) {
      print(row);
    }
    if (subtitle_files_) subtitle_files_->add(row.index, answer_of(row));
  }
}

BatchRow BatchOutput::with_side_file(const BatchRow& row) {
  BatchRow told = row;
  const auto side = arguments_.side_format();
  if (side && !write_side_file(told, *side, arguments_.asks_for_choices())) {
    left_.insert(side_file_of(row.item.get<std::string>(), *side).string());
  }
  return told;
}

void BatchOutput::print(const BatchRow& row) {
  if (!subtitles_) {
    fmt::print("{}", line_of(row, layout_));
  } else if (const auto answer = answer_of(row)) {
    fmt::print("{}", subtitles_->cue(*row.segment, *answer));
  }
  flush_output();
}

void BatchOutput::keep(const BatchWork& work, const std::vector<BatchRow>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const BatchRow row = with_side_file(rows[i]);
    count(row);
    kept_[plan_.place(work.item, work.questions[i])] = line_of(row, layout_);
  }
}

void BatchOutput::put_in_place() {
  if (journal_ && !kept_.empty()) {
    // Before the rows: a run that ends in between leaves a film without subtitles, not with old
    // ones, and the next run makes them.
    take_subtitles_back();
    journal_->replace(kept_);
    make_subtitles();
  }
  kept_.clear();
}

void BatchOutput::make_subtitles() {
  if (!subtitle_files_) return;
  for_each_answer([&](int64_t item, const auto& answer) { subtitle_files_->add(item, answer); });
}

void BatchOutput::take_subtitles_back() {
  if (!subtitle_files_) return;
  std::set<std::filesystem::path> changing;
  for (const auto& [place, line] : kept_) {
    if (read_line(line, layout_.format, "row").failed) continue;
    changing.insert(subtitle_files_->file_of(plan_.item(place)));
  }
  for_each_answer([&](int64_t item, const auto& answer) {
    if (changing.contains(subtitle_files_->file_of(item))) subtitle_files_->take_back(item, answer);
  });
}

void BatchOutput::for_each_answer(
    const std::function<void(int64_t item, const std::optional<std::string>& answer)>& work) const {
  const BatchFile file(arguments_.rows_file(), layout_.format);
  for (const BatchFile::Row& row : file.rows()) {
    work(row.line.index, answer_text(row.text, layout_.format, file.header()));
  }
}

void BatchOutput::tell_of_files() const {
  std::set<std::string> left = left_;
  if (subtitle_files_) {
    for (const auto& file : subtitle_files_->left()) left.insert(file.string());
    const auto& unwritten = subtitle_files_->unwritten();
    if (!unwritten.empty()) tell_warning(and_others(unwritten.begin()->second, unwritten.size()));
  }
  if (left.empty()) return;
  tell_warning(and_others(*left.begin() + ": was there already, left as it is", left.size()));
}

void BatchOutput::check_subtitles() const {
  if (!subtitle_files_ || subtitle_files_->unwritten().empty()) return;
  throw InputError(
      fmt::format("{} of subtitles could not be written; {}",
                  counted(subtitle_files_->unwritten().size(), "file"),
                  journal_ ? "--resume tries again" : "with -o, --resume could try again"));
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
