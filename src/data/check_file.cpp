#include "data/check_file.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/mapped_file.h"
#include "data/jsonl_file.h"
#include "data/media_reader.h"
#include "data/ordered_workers.h"
#include "media/image.h"

namespace owl3 {
namespace {

void look_at(const SampleMedium& medium, const std::filesystem::path& root, MediaReader& reader) {
  const std::string reference = resolve_medium(medium.reference, root);
  if (medium.is_video) {
    MappedFile::open(reader.film(reference));
  } else {
    const MediaBytes media = reader.read(reference);
    image_size(media.bytes, media.name);
  }
}

/// The counts of one row, or its error.
CheckReport check_row(std::string_view line, const std::string& where,
                      const std::filesystem::path& root, const CheckOptions& options,
                      MediaReader& reader) {
  const Sample sample = parse_sample(line, where, options.sample);
  CheckReport report;
  report.documents = sample.is_document() ? 1 : 0;
  report.answers = std::count(sample.learnt.begin(), sample.learnt.end(), true);
  for (const SampleMedium& medium : sample.media) {
    (medium.is_video ? report.videos : report.images) += 1;
    if (!options.look_at_media) continue;
    try {
      look_at(medium, root, reader);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}: {}", where, medium.place, error.what()));
    }
  }
  return report;
}

}  // namespace

CheckReport check_training_file(const std::filesystem::path& path, const CheckOptions& options) {
  constexpr size_t kRowsAhead = 64;
  const JsonlFile file = JsonlFile::open(path);
  const std::filesystem::path root =
      options.media_root.empty() ? path.parent_path() : options.media_root;
  MediaReader reader;
  int64_t next = 0;
  const auto take = [&]() -> std::optional<int64_t> {
    if (next == file.size()) return std::nullopt;
    return next++;
  };
  const auto check = [&](int64_t row) {
    try {
      return check_row(file.line(row), file.where(row), root, options, reader);
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
    if (row->broken > 0 && report.errors.size() < options.most_errors) {
      report.errors.push_back(row->errors[0]);
    }
  }
  return report;
}

}  // namespace owl3
