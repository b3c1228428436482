#include "batch/batch_journal.h"

#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "batch/batch_file.h"
#include "core/atomic_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void check_folder(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw InputError(fmt::format("{}: there is no folder {}", path.string(), folder.string()));
  }
  if (fs::is_directory(path, error)) throw InputError(path.string() + ": is a folder");
}

}  // namespace

BatchJournal::BatchJournal(fs::path path, const BatchPlan& plan, const BatchLayout& layout,
                           Json run, bool go_on)
    : path_(std::move(path)), layout_(layout), run_(std::move(run)) {
  check_folder(path_);
  std::error_code error;
  exists_ = fs::exists(fs::symlink_status(path_, error));
  if (!exists_) return;
  if (!go_on) {
    throw InputError(path_.string() +
                     ": is there already: --resume goes on with it, another -o begins anew");
  }
  const Json found = read_run_file(path_);
  if (found.is_null()) {
    throw InputError(
        fmt::format("{}: cannot be gone on with: {}, which says what was asked, is gone",
                    path_.string(), run_file_of(path_).string()));
  }
  if (const std::string other = run_difference(found, run_); !other.empty()) {
    throw InputError(fmt::format("{}: is of another run ({}); choose another -o, or delete it",
                                 path_.string(), other));
  }
  read(plan);
}

void BatchJournal::read(const BatchPlan& plan) {
  const BatchFile file(path_, layout_.format);
  if (!file.header().empty() && file.header() != header_of(layout_)) {
    throw InputError(path_.string() + ": has other columns than this run; choose another -o");
  }
  for (const BatchFile::Row& row : file.rows()) {
    if (rows_ == plan.rows() || row.line.index != plan.index(rows_)) {
      throw InputError(fmt::format("{}: row {} is not the one that belongs there: was it edited?",
                                   path_.string(), rows_ + 1));
    }
    if (row.line.failed) failed_.push_back(rows_);
    ++rows_;
  }
  whole_bytes_ = file.whole_bytes();
}

void BatchJournal::open() {
  if (!exists_) {
    write_run_file(path_, run_);
    file_ = std::make_unique<AppendFile>(path_, AppendFile::Begin::kNew);
    exists_ = true;
    lock_ = std::make_unique<RunLock>(path_);
  } else {
    if (!lock_) lock_ = std::make_unique<RunLock>(path_);
    std::error_code error;
    fs::resize_file(path_, whole_bytes_, error);  // without a line that is cut off
    if (error) throw InputError(fmt::format("{}: {}", path_.string(), error.message()));
    file_ = std::make_unique<AppendFile>(path_, AppendFile::Begin::kGoingOn);
  }
  if (whole_bytes_ > 0) return;
  file_->append(header_of(layout_));
  whole_bytes_ = header_of(layout_).size();
}

void BatchJournal::append(const std::string& line) {
  OWL3_CHECK(file_ != nullptr);
  file_->append(line);
  whole_bytes_ += line.size();
  ++rows_;
}

void BatchJournal::replace(const std::map<int64_t, std::string>& lines) {
  file_.reset();
  const BatchFile before(path_, layout_.format);
  AtomicFile after(path_);
  after.write(header_of(layout_));
  whole_bytes_ = header_of(layout_).size();
  for (int64_t place = 0; place < std::ssize(before.rows()); ++place) {
    const auto found = lines.find(place);
    const std::string_view line = found != lines.end()
                                      ? std::string_view(found->second)
                                      : before.rows()[static_cast<size_t>(place)].text;
    after.write(line);
    whole_bytes_ += line.size();
  }
  after.commit();
  open();
}

}  // namespace owl3
