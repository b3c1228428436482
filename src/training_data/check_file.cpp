#include "training_data/check_file.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/ordered_workers.h"
#include "media/image.h"
#include "training_data/image_store.h"
#include "training_data/media_reader.h"
#include "training_data/row_file.h"

namespace owl3 {
namespace {

/// What training does with media, but for what depends on a model: its image size and tokens.
class MediaLook {
 public:
  explicit MediaLook(MediaCheck how) : how_(how), store_(reader_, EncodeOptions{}, 0) {}

  /// Throws InputError for a medium that can't be used. One that was found whole is not decoded
  /// again: training data repeat their pictures.
  void at(const SampleMedium& medium, bool cut, const std::filesystem::path& root) {
    if (how_ == MediaCheck::kNone) return;
    const std::string reference = resolve_medium(medium.reference, root);
    const size_t key = std::hash<std::string>()((cut ? "cut:" : "whole:") + reference);
    if (is_known(key)) return;
    if (how_ == MediaCheck::kDecode) {
      decode(medium, cut, reference);
    } else {
      look_at_header(medium, reference);
    }
    const std::lock_guard lock(mutex_);
    whole_.insert(key);
  }

 private:
  bool is_known(size_t key) {
    const std::lock_guard lock(mutex_);
    return whole_.contains(key);
  }

  void decode(const SampleMedium& medium, bool cut, const std::string& reference) {
    if (medium.is_video) {
      const EncodeOptions standard;
      VideoOptions options;
      options.fps = standard.fps;
      options.max_frames = standard.max_frames;
      options.threads = 1;  // the rows are what is done in parallel
      store_.frames(reference, options);
    } else {
      store_.image(reference, cut);
    }
  }

  void look_at_header(const SampleMedium& medium, const std::string& reference) {
    if (medium.is_video) {
      MappedFile::open(reader_.film(reference));
    } else {
      const MediaBytes media = reader_.read(reference);
      image_size(media.bytes, media.name);
    }
  }

  MediaCheck how_;
  MediaReader reader_;
  ImageStore store_;
  std::mutex mutex_;
  std::unordered_set<size_t> whole_;
};

/// The counts of one row, or its error.
CheckReport check_row(std::string_view line, const std::string& where,
                      const std::filesystem::path& root, const CheckOptions& options,
                      MediaLook& look) {
  const Sample sample = parse_sample(line, where, options.sample);
  CheckReport report;
  report.documents = sample.is_document() ? 1 : 0;
  report.media_lines.add(sample.media_lines());
  report.answers = std::count(sample.learnt.begin(), sample.learnt.end(), true);
  for (const SampleMedium& medium : sample.media) {
    (medium.is_video ? report.videos : report.images) += 1;
    try {
      look.at(medium, !sample.has_video() && !sample.is_document(), root);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}: {}", where, medium.place, error.what()));
    }
  }
  return report;
}

}  // namespace

CheckReport check_training_file(const std::filesystem::path& path, const CheckOptions& options) {
  constexpr size_t kRowsAhead = 64;
  const RowFile file = RowFile::open(path);
  const std::filesystem::path root =
      options.media_root.empty() ? path.parent_path() : options.media_root;
  MediaLook look(options.media);
  int64_t next = 0;
  const auto take = [&]() -> std::optional<int64_t> {
    if (next == file.size()) return std::nullopt;
    return next++;
  };
  const auto check = [&](int64_t row) {
    try {
      return check_row(file.row(row), file.where(row), root, options, look);
    } catch (const InputError& error) {
      CheckReport broken;
      broken.broken = 1;
      broken.errors.emplace_back(error.what());
      return broken;
    }
  };
  OrderedWorkers<int64_t, CheckReport> workers(options.workers, kRowsAhead, take, check);
  CheckReport report;
  while (const std::optional<CheckReport> row = workers.next()) {
    report.rows += 1;
    report.broken += row->broken;
    report.documents += row->documents;
    report.answers += row->answers;
    report.images += row->images;
    report.videos += row->videos;
    report.media_lines += row->media_lines;
    if (row->broken > 0 && report.errors.size() < options.most_errors) {
      report.errors.push_back(row->errors[0]);
    }
    report.whole = options.go_on(report.rows, file.size()) || report.rows == file.size();
    if (!report.whole) break;
  }
  return report;
}

}  // namespace owl3
