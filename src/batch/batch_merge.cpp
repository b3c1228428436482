#include "batch/batch_merge.h"

#include <algorithm>
#include <list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>

#include "batch/batch_file.h"
#include "core/atomic_file.h"
#include "core/error.h"

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

/// What all of the files are of; null where none says it.
Json common_run(const std::vector<fs::path>& files) {
  Json run;
  for (const fs::path& file : files) {
    const Json other = read_run_file(file);
    if (other.is_null()) continue;
    const std::string difference = run.is_null() ? "" : run_difference(other, run, kShard);
    if (!difference.empty()) {
      throw InputError(fmt::format("{}: is of another run than {} ({})", file.string(),
                                   files.front().string(), difference));
    }
    run = other;
  }
  return run;
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

MergedBatch merge_batches(const std::vector<fs::path>& files, const fs::path& output,
                          bool partial) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(output, error))) {
    throw InputError(output.string() + ": is there already: choose another -o, or delete it");
  }
  Json run = common_run(files);
  std::list<BatchFile> parts;
  std::vector<Row> rows;
  for (const fs::path& path : files) {
    const BatchFile& part = parts.emplace_back(path, format_of(path));
    if (part.header() != parts.front().header()) {
      throw InputError(
          fmt::format("{}: has other columns than {}", path.string(), files.front().string()));
    }
    for (const BatchFile::Row& row : part.rows()) rows.push_back({row, &path});
  }
  std::stable_sort(rows.begin(), rows.end());
  check_none_twice(rows);
  MergedBatch merged;
  merged.rows = std::ssize(rows);
  merged.missing = all_rows(run, rows) - merged.rows;
  if (merged.missing > 0 && !partial) {
    throw InputError(fmt::format(
        "{} of {} rows are missing, the first of them row {}: go on with the shard that "
        "it is of by --resume, or merge what is there with --partial",
        merged.missing, all_rows(run, rows), first_missing(rows)));
  }
  AtomicFile file(output);
  file.write(parts.front().header());
  for (const Row& row : rows) {
    file.write(row.row.text);
    merged.failed += row.row.line.failed ? 1 : 0;
  }
  // What is whole can be gone on with: --retry-failed.
  if (run.is_object() && merged.missing == 0) {
    run[kShard] = "1/1";
    write_run_file(output, run);
  }
  file.commit();
  return merged;
}

}  // namespace owl3
