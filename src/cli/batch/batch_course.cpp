#include "cli/batch/batch_course.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "batch/batch_works.h"
#include "core/counted.h"
#include "core/error.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

using Clock = std::chrono::steady_clock;

/// Both passes over what is to be asked: what failed before, and what was never asked.
void ask_all(BatchOutput& output, const std::function<void(const BatchCourse& course)>& run) {
  ProgressBar bar;
  const auto pass = [&](BatchWorks& works, const auto& on_rows) {
    const int64_t before = output.plan().rows() - works.rows();
    int64_t done = 0;
    run({[&] { return works.next(); },
         [&](const BatchWork& work, const std::vector<BatchRow>& rows) {
           done += std::ssize(rows);
           on_rows(work, rows);
         },
         [&] { bar.update("asking", before + done, output.plan().rows()); }});
  };
  if (const std::vector<int64_t> failed = output.failed(); !failed.empty()) {
    BatchWorks works(output.plan(), failed);
    try {
      pass(works, [&](const BatchWork& work, const auto& rows) { output.keep(work, rows); });
    } catch (...) {
      output.put_in_place();  // what was answered until then
      throw;
    }
    output.put_in_place();
  }
  BatchWorks rest(output.plan(), output.rows());
  pass(rest, [&](const BatchWork&, const auto& rows) { output.write(rows); });
}

std::string summary(const BatchCounts& counts, int64_t images, double seconds) {
  std::string text = "owl3: " + counted(counts.rows, "row");
  if (counts.failed > 0) text += fmt::format(", {} failed", counts.failed);
  text += fmt::format(" in {:.1f} s", seconds);
  if (counts.rows == 0 || seconds <= 0) return text + "\n";
  return text + fmt::format(": {:.1f} images/s, {:.1f} tokens/s\n",
                            static_cast<double>(images) / seconds,
                            static_cast<double>(counts.tokens) / seconds);
}

[[noreturn]] void tell_how_to_go_on(const BatchArguments& arguments, const BatchOutput& output) {
  const int64_t all = output.plan().rows();
  if (arguments.out.empty()) {
    throw Interrupted(fmt::format("interrupted after {} of {}; with -o a run can be gone on with",
                                  output.counts().rows, counted(all, "row")));
  }
  // With --retry-failed errors may be left among the rows that are there.
  throw Interrupted(fmt::format("interrupted: {} has {} of {}; the same command with {} goes on",
                                arguments.rows_file(), output.rows(), counted(all, "row"),
                                arguments.retry_failed ? "--retry-failed" : "--resume"));
}

void tell_of_failures(const BatchArguments& arguments, const BatchOutput& output) {
  const BatchCounts& counts = output.counts();
  const int64_t before = output.failed_before();
  const std::string how = arguments.out.empty() ? "with -o, --retry-failed could ask them again"
                                                : "--retry-failed asks them again";
  if (counts.failed > 0) {
    const std::string more = before > 0 ? fmt::format(", and {} before", before) : "";
    throw InputError(fmt::format("{} of {} failed ({}){}; {}", counts.failed,
                                 counted(counts.rows, "row"), counts.first_error, more, how));
  }
  if (before > 0) {
    throw InputError(fmt::format("{} of the {} in {} failed before; {}", before,
                                 counted(output.rows(), "row"), arguments.rows_file(), how));
  }
}

}  // namespace

void run_to_the_end(const BatchArguments& arguments, BatchOutput& output,
                    const std::function<void(const BatchCourse& course)>& run,
                    const std::function<VisualMemoryStats()>& memory) {
  output.open();
  const auto start = Clock::now();
  const auto tell_summary = [&] {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const VisualMemoryStats seen = memory();
    tell(summary(output.counts(), seen.images_encoded + seen.images_reused, seconds));
    output.tell_of_files();
  };
  try {
    ask_all(output, run);
  } catch (const Interrupted&) {
    tell_summary();
    tell_how_to_go_on(arguments, output);
  }
  tell_summary();
  tell_of_failures(arguments, output);
  output.check_subtitles();
}

}  // namespace owl3::cli
