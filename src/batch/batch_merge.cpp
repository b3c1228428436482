#include "batch/batch_merge.h"

#include <algorithm>
#include <list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "batch/batch_file.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "media/image_kinds.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kShard = "shard";

struct Row {
  BatchFile::Row row;
  const fs::path* file = nullptr;

  bool operator<(const Row& other) const { return row.line.index < other.row.line.index; }
};

/// What the files are of.
struct CommonRun {
  Json run;            // null where none says it
  bool of_all = true;  // whether each says it
};

/// Whether a file is whole, and of the same run as the others, what stands beside it tells alone.
void refuse_unknown(const fs::path& file) {
  MappedFile::open(file);  // or it is not there at all
  throw InputError(
      fmt::format("{}: {}, which says what was asked, is not there: copy it along, or merge what "
                  "is there, unchecked, with --partial",
                  file.string(), run_file_of(file).string()));
}

CommonRun common_run(const std::vector<fs::path>& files, bool partial) {
  CommonRun common;
  const fs::path* first = nullptr;
  for (const fs::path& file : files) {
    Json other = read_run_file(file);
    if (other.is_null()) {
      if (!partial) refuse_unknown(file);
      common.of_all = false;
      continue;
    }
    if (first == nullptr) first = &file;
    const std::string difference =
        common.run.is_null() ? "" : run_difference(other, common.run, kShard);
    if (!difference.empty()) {
      throw InputError(fmt::format("{}: is of another run than {} ({})", file.string(),
                                   first->string(), difference));
    }
    common.run = std::move(other);
  }
  return common;
}

/// Rows stay what they are, and a reader takes the output for what it is called.
void check_name(const fs::path& output, const fs::path& part) {
  const std::string extension = lower_case(output.extension().string());
  if (extension == lower_case(part.extension().string())) return;
  const bool is_csv = format_of(part) == BatchFormat::kCsv;
  const bool fits = is_csv ? extension != ".jsonl" && extension != ".json" : extension != ".csv";
  if (fits) return;
  throw UsageError(fmt::format("{}: the rows of {} are {}, and stay it: call the output {}",
                               output.string(), part.string(), is_csv ? "CSV" : "JSONL",
                               is_csv ? ".csv" : ".jsonl"));
}

void check_is_new(const fs::path& output) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(output, error))) {
    throw InputError(output.string() + ": is there already: choose another -o, or delete it");
  }
}

/// The files, and their rows in order.
struct Parts {
  std::list<BatchFile> files;
  std::vector<Row> rows;
};

Parts read_parts(const std::vector<fs::path>& files, const std::function<bool()>& go_on) {
  Parts parts;
  for (const fs::path& path : files) {
    const BatchFile& part = parts.files.emplace_back(path, format_of(path), go_on);
    if (part.header() != parts.files.front().header()) {
      throw InputError(
          fmt::format("{}: has other columns than {}", path.string(), files.front().string()));
    }
    for (const BatchFile::Row& row : part.rows()) parts.rows.push_back({row, &path});
  }
  std::stable_sort(parts.rows.begin(), parts.rows.end());
  return parts;
}

void check_none_twice(const std::vector<Row>& rows) {
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i - 1] < rows[i]) continue;
    throw InputError(fmt::format("row {} is there twice: in {} and in {}", rows[i].row.line.index,
                                 rows[i - 1].file->string(), rows[i].file->string()));
  }
}

/// The first index that no row has.
int64_t first_missing(const std::vector<Row>& rows) {
  int64_t index = 0;
  while (index < std::ssize(rows) && rows[static_cast<size_t>(index)].row.line.index == index) {
    ++index;
  }
  return index;
}

int64_t all_rows(const Json& run, const std::vector<Row>& rows) {
  const int64_t seen = rows.empty() ? 0 : rows.back().row.line.index + 1;
  if (!run.is_object()) return seen;
  const auto questions = std::max<int64_t>(1, std::ssize(run.value("questions", Json::array())));
  return std::max(seen, run.value("items", int64_t{0}) * questions);
}

}  // namespace

MergedBatch merge_batches(const std::vector<fs::path>& files, const fs::path& output, bool partial,
                          const std::function<bool()>& go_on) {
  check_is_new(output);
  CommonRun common = common_run(files, partial);
  check_name(output, files.front());
  AtomicFile file(output);  // before all are read: it may not be writable
  const Parts parts = read_parts(files, go_on);
  check_none_twice(parts.rows);
  MergedBatch merged;
  merged.rows = std::ssize(parts.rows);
  const int64_t all = all_rows(common.run, parts.rows);
  merged.missing = all - merged.rows;
  if (merged.missing > 0 && !partial) {
    throw InputError(fmt::format(
        "{} of {} rows are missing, the first of them row {}: go on with the shard that "
        "it is of by --resume, or merge what is there with --partial",
        merged.missing, all, first_missing(parts.rows)));
  }
  file.write(parts.files.front().header());
  for (const Row& row : parts.rows) {
    if (go_on && !go_on()) throw Interrupted("interrupted");
    file.write(row.row.text);
    merged.failed += row.row.line.failed ? 1 : 0;
  }
  // What is whole can be gone on with: --retry-failed.
  if (common.run.is_object() && common.of_all && merged.missing == 0) {
    common.run[kShard] = "1/1";
    write_run_file(output, common.run);
  }
  file.commit();
  return merged;
}

}  // namespace owl3
