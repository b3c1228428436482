#include "owl3/saved_memory.h"

#include <algorithm>

#include "api/impl.h"
#include "api/memory_names.h"
#include "core/api_call.h"
#include "core/error.h"
#include "core/progress_text.h"
#include "memory/index.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

Compute compute_by(const Model& model) {
  return [model](const std::function<void()>& work, const std::function<void()>& while_waiting) {
    Internals::of(model).scheduler->compute(work, while_waiting);
  };
}

/// Dates compare as texts; the beginning of one stands for all that begin so.
bool is_taken_within(const std::string& taken, const MemorySelection& which) {
  if (which.from_date.empty() && which.to_date.empty()) return true;
  if (taken.empty()) return false;
  return taken >= which.from_date &&
         (which.to_date.empty() || taken.substr(0, which.to_date.size()) <= which.to_date);
}

bool is_shown_within(double seconds, const MemorySelection& which) {
  return seconds >= which.from_seconds.value_or(0) &&
         (!which.to_seconds || seconds <= *which.to_seconds);
}

/// Throws UsageError for what nothing can be.
void check_selection(const MemorySelection& which) {
  const bool by_seconds = which.from_seconds || which.to_seconds;
  const bool by_date = !which.from_date.empty() || !which.to_date.empty();
  if (by_seconds && by_date) {
    throw UsageError("a time in films and a date of photos are chosen by: nothing has both");
  }
}

/// The images of a medium that are meant, by their places in it.
std::vector<size_t> selected(const MediumRecord& medium, const MemorySelection& which,
                             const MemoryNames& only) {
  const bool by_seconds = which.from_seconds || which.to_seconds;
  const bool by_date = !which.from_date.empty() || !which.to_date.empty();
  if (!which.only.empty() && !only.has(medium)) return {};
  if (medium.is_video ? by_date : by_seconds) return {};
  if (!medium.is_video && !is_taken_within(medium.taken, which)) return {};
  std::vector<size_t> places;
  for (size_t i = 0; i < medium.images.size(); ++i) {
    if (!medium.is_video || is_shown_within(medium.seconds[i], which)) places.push_back(i);
  }
  return places;
}

SavedMedium saved_medium(const MediumRecord& record, const Catalogue& catalogue,
                         const std::vector<size_t>& places) {
  SavedMedium medium;
  medium.is_video = record.is_video;
  medium.path = record.path;
  medium.original = record.absolute;
  medium.file_bytes = record.file_bytes;
  medium.sha256 = hex_text(record.content);
  medium.taken = record.taken;
  medium.warning = record.warning;
  medium.width = record.width;
  medium.height = record.height;
  medium.rows = record.rows;
  medium.cols = record.cols;
  const ReadingOptions& reading = record.reading;
  medium.image.cut = reading.cut;
  medium.image.apply_exif_orientation = reading.apply_exif_orientation;
  medium.image.background = reading.background;
  medium.video.fps = reading.fps;
  medium.video.max_frames = reading.max_frames;
  medium.video.start_seconds = reading.start_seconds;
  medium.video.end_seconds = reading.end_seconds;
  medium.video.sampling = reading.sampling;
  for (const size_t place : places) {
    const uint32_t image = record.images[place];
    if (record.is_video) medium.frame_seconds.push_back(record.seconds[place]);
    medium.image_hashes.push_back(hex_text(catalogue.images[image].pixels.bytes));
    medium.image_offsets.push_back(catalogue.images[image].offset);
  }
  return medium;
}

}  // namespace

struct SavedMemory::Impl {
  std::shared_ptr<const MemoryFile> file;
};

std::vector<std::string> Medium::damage() const {
  return api_call([&] {
    std::vector<std::string> lines;
    if (!impl_->file) return lines;
    for (size_t i = 0; i < impl_->records.size(); ++i) {
      if (impl_->file->is_whole(impl_->records[i])) continue;
      const std::string what =
          is_video() ? fmt::format("the frame at {} is", duration_text(impl_->frame_seconds[i]))
                     : std::string("is");
      lines.push_back(
          fmt::format("{}: {}: {} damaged in it; owl3 index encodes it anew, and owl3 "
                      "memory remove takes it out",
                      impl_->file->path().string(), impl_->path.string(), what));
      if (!is_video()) break;
    }
    return lines;
  });
}

std::optional<Medium> Medium::without_damage() const {
  return api_call([&]() -> std::optional<Medium> {
    if (damage().empty()) return *this;
    if (!is_video()) return std::nullopt;
    auto whole = std::make_shared<Impl>(*impl_);
    whole->images.clear();
    whole->frame_seconds.clear();
    whole->records.clear();
    whole->hashes.clear();
    for (size_t i = 0; i < impl_->records.size(); ++i) {
      if (!impl_->file->is_whole(impl_->records[i])) continue;
      whole->images.push_back(impl_->images[i]);
      whole->frame_seconds.push_back(impl_->frame_seconds[i]);
      whole->records.push_back(impl_->records[i]);
      whole->hashes.push_back(impl_->hashes[i]);
    }
    if (whole->images.empty()) return std::nullopt;
    whole->layout = VideoLayout{static_cast<int64_t>(whole->images.size())};
    return Medium(std::move(whole));
  });
}

SavedMemory SavedMemory::open(const fs::path& path) {
  return api_call(
      [&] { return SavedMemory(std::make_shared<const Impl>(Impl{MemoryFile::open(path)})); });
}

const fs::path& SavedMemory::path() const {
  return impl_->file->path();
}

SavedMemoryInfo SavedMemory::info() const {
  return api_call([&] {
    const Catalogue& catalogue = impl_->file->catalogue();
    const MemoryStamp& stamp = catalogue.stamp;
    SavedMemoryInfo info;
    info.model = stamp.model_name;
    info.precision = stamp.precision;
    info.vision_int8 = stamp.vision_int8;
    info.visual_memory_int8 = stamp.visual_memory_int8;
    info.has_adapters = !stamp.adapters.empty();
    info.layout = stamp.layout;
    for (const MediumRecord& medium : catalogue.media) {
      ++(medium.is_video ? info.films : info.photos);
    }
    info.images = static_cast<int64_t>(catalogue.images.size());
    info.bytes_per_image = catalogue.record_bytes;
    info.file_bytes = impl_->file->file_bytes();
    return info;
  });
}

std::vector<SavedMedium> SavedMemory::media(const MemorySelection& which) const {
  return api_call([&] {
    check_selection(which);
    std::vector<SavedMedium> media;
    const Catalogue& catalogue = impl_->file->catalogue();
    const MemoryNames only(which.only, catalogue);
    for (const MediumRecord& record : catalogue.media) {
      const std::vector<size_t> places = selected(record, which, only);
      if (!places.empty()) media.push_back(saved_medium(record, catalogue, places));
    }
    return media;
  });
}

std::vector<std::string> SavedMemory::warnings() const {
  return api_call([&] { return impl_->file->warnings(); });
}

ModelOptions SavedMemory::options_for(ModelOptions options) const {
  const MemoryStamp& stamp = impl_->file->catalogue().stamp;
  options.precision = stamp.precision;
  options.vision_int8 = stamp.vision_int8;
  options.visual_memory_int8 = stamp.visual_memory_int8;
  return options;
}

std::vector<Medium> SavedMemory::recall(const Model& model, const MemorySelection& which) const {
  return api_call([&] {
    check_selection(which);
    const MemoryFile& file = *impl_->file;
    const Catalogue& catalogue = file.catalogue();
    Internals::LoadedModel& loaded = Internals::of(model);
    const RecordLayout layout = record_layout(loaded.model, loaded.options);
    const MemoryStamp stamp =
        stamp_of(loaded.model, loaded.options, layout, "the one asked", &catalogue.stamp);
    if (const auto difference = catalogue.stamp.difference(stamp)) {
      throw InputError(fmt::format("{}: was made {}", file.path().string(), *difference));
    }
    if (catalogue.record_bytes != layout.record_bytes()) {
      throw InputError(fmt::format("{}: its records have {} bytes, not {}", file.path().string(),
                                   catalogue.record_bytes, layout.record_bytes()));
    }
    std::vector<Medium> media;
    const MemoryNames only(which.only, catalogue);
    for (const MediumRecord& record : catalogue.media) {
      const std::vector<size_t> places = selected(record, which, only);
      if (places.empty()) continue;
      auto medium = std::make_shared<Internals::EncodedMedium>(model);
      medium->path = record.path;
      medium->warning = record.warning;
      medium->file = impl_->file;
      if (record.is_video) {
        medium->layout = VideoLayout{static_cast<int64_t>(places.size())};
      } else {
        medium->layout = ImageLayout{record.rows, record.cols};
      }
      for (const size_t place : places) {
        const uint32_t image = record.images[place];
        medium->records.push_back(image);
        medium->hashes.push_back(catalogue.images[image].pixels);
        if (record.is_video) medium->frame_seconds.push_back(record.seconds[place]);
        const std::span<const std::byte> bytes = file.record(image);
        // What was cut off is damaged, and asked about by nobody.
        medium->images.push_back(bytes.empty() ? std::make_shared<const ImageMemory>()
                                               : layout.read(bytes, file.map()));
      }
      media.push_back(Internals::medium(std::move(medium)));
    }
    if (media.empty()) {
      throw UsageError(fmt::format("{}: {}", file.path().string(),
                                   catalogue.media.empty()
                                       ? "nothing is in it yet; owl3 index puts photos and films in"
                                       : "nothing in it is so; owl3 memory list shows what is"));
    }
    return media;
  });
}

IndexReport index_media(const Model& model, const std::string& model_name, const fs::path& memory,
                        const std::vector<MediaFile>& files, const std::vector<std::string>& gone,
                        const IndexOptions& options, const ProgressCallback& progress,
                        const BrokenImageCallback& on_broken) {
  ApiCall call;
  return call.run([&] {
    Internals::LoadedModel& loaded = Internals::of(model);
    const RecordLayout layout = record_layout(loaded.model, loaded.options);
    std::optional<MemoryStamp> known;
    std::error_code error;
    if (fs::exists(memory, error)) known = MemoryFile::open(memory)->catalogue().stamp;
    const MemoryStamp stamp =
        stamp_of(loaded.model, loaded.options, layout, model_name, known ? &*known : nullptr);
    MemoryWriter writer(memory, stamp, layout.record_bytes());
    IndexWork work;
    work.image = options.image;
    work.cut = options.image.cut.value_or(loaded.model.config().cut_images);
    work.video = options.video;
    work.keep_missing = options.keep_missing;
    work.threads = loaded.options.threads;
    work.progress = call.watch(progress);
    bool is_broken = false;
    if (on_broken) {
      work.on_broken = [&is_broken, told = call.watch(on_broken)](const fs::path& path,
                                                                  const std::string& why) {
        is_broken = true;
        told(path, why);
      };
    }
    IndexCounts counts;
    try {
      counts = index_files({loaded.model, loaded.visual_key, compute_by(model)}, layout, writer,
                           files, gone, work);
    } catch (const InputError&) {
      writer.leave_nothing();
      throw;
    }
    if (is_broken) writer.leave_nothing();
    IndexReport report;
    report.added = counts.added;
    report.changed = counts.changed;
    report.mended = counts.mended;
    report.moved = counts.moved;
    report.copied = counts.copied;
    report.unchanged = counts.unchanged;
    report.forgotten = std::move(counts.forgotten);
    report.kept_missing = std::move(counts.kept_missing);
    report.warnings = std::move(counts.warnings);
    report.images_encoded = counts.encoding.encoded;
    report.images_reused = counts.encoding.reused;
    report.encode_seconds = counts.encoding.seconds;
    return report;
  });
}

}  // namespace owl3
