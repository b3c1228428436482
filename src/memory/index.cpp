#include "memory/index.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "core/error.h"
#include "core/regular_file.h"
#include "media/date_taken.h"
#include "media/film_indexes.h"
#include "memory/file_content.h"
#include "memory/record_encoder.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Of a photo or film that is to be encoded.
struct Planned {
  MediumRecord record;
  ImageFile file;
  FileState state;
  int64_t images = 0;
  std::vector<ContentHash> hashes{};  // of its images, as they come
  bool is_mended = false;             // it is known, and damaged
};

class Index {
 public:
  Index(const EncodingModel& model, const RecordLayout& layout, MemoryWriter& writer,
        const IndexWork& work, IndexCounts& counts)
      : model_(model),
        writer_(writer),
        work_(work),
        counts_(counts),
        encoder_(model, layout, writer, [this] { report(); }) {}
  ~Index() { counts_.encoding = encoder_.counts(); }
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  void run(const std::vector<MediaFile>& files, const std::vector<std::string>& gone) {
    try {
      plan(files);
      encode_photos();
      for (Planned& planned : films_) encode_film(planned);
      if (!work_.keep_missing) forget(files, gone);
      put_in_order();
      tell_state();
    } catch (const Interrupted&) {
      keep_what_is_done();
      throw Interrupted(
          fmt::format("interrupted; what is done is in {}, and the same command goes on from there",
                      writer_.path().string()));
    } catch (const InputError&) {
      keep_what_is_done();
      throw;
    }
    writer_.settle();
  }

 private:
  /// As far as it can be: it may be writing that fails.
  void keep_what_is_done() {
    try {
      publish();
      writer_.commit();
    } catch (const InputError&) {
    }
  }

  bool goes_on(std::string_view stage, int64_t done, int64_t total) const {
    return !work_.progress || work_.progress(stage, done, total);
  }
  void tell(std::string_view stage, int64_t done, int64_t total) const {
    if (!goes_on(stage, done, total)) throw Interrupted(fmt::format("interrupted while {}", stage));
  }
  void report() const { tell(stage_, done_, total_); }

  /// False where `work` has thrown InputError, which was told instead. Not for what writes.
  template <typename Read>
  bool reads(const fs::path& path, const Read& read) {
    if (!work_.on_broken) {
      read();
      return true;
    }
    try {
      read();
      return true;
    } catch (const InputError& error) {
      work_.on_broken(path, error.what());
      return false;
    }
  }

  ReadingOptions reading_of(bool is_video) const {
    ReadingOptions reading;
    if (is_video) {
      reading.fps = work_.video.fps;
      reading.max_frames = work_.video.max_frames;
      reading.start_seconds = work_.video.start_seconds;
      reading.end_seconds = work_.video.end_seconds;
      reading.sampling = work_.video.sampling;
    } else {
      reading.cut = work_.cut;
      reading.apply_exif_orientation = work_.image.apply_exif_orientation;
      reading.background = work_.image.background;
    }
    return reading;
  }

  static bool is_same(const MediumRecord& known, const MediumRecord& wanted) {
    return known.is_video == wanted.is_video && known.content == wanted.content &&
           known.reading == wanted.reading;
  }

  /// Sorts files into those that are known and those that are to be encoded.
  void plan(const std::vector<MediaFile>& files) {
    for (size_t i = 0; i < writer_.catalogue().media.size(); ++i) {
      const MediumRecord& medium = writer_.catalogue().media[i];
      by_name_.emplace(medium.absolute, i);
      by_content_.emplace(medium.content, i);
    }
    files_ = static_cast<int64_t>(files.size());
    for (size_t i = 0; i < files.size(); ++i) {
      const auto on_chunk = [&] { tell("reading files", static_cast<int64_t>(i), files_); };
      const MediaFile& file = files[i];
      if (!wanted_.emplace(absolute_name(file.path), wanted_.size()).second) continue;
      reads(file.path, [&] { plan_file(file, on_chunk); });
    }
    for (const std::vector<Planned>* list : {&photos_, &films_}) {
      for (const Planned& planned : *list) total_ += planned.images;
    }
  }

  void plan_file(const MediaFile& file, const std::function<void()>& on_chunk) {
    const FileContent content = read_content(file.path, on_chunk);
    Planned planned;
    planned.file.path = file.path;
    planned.state = content.state;
    MediumRecord& record = planned.record;
    record.is_video = file.is_video;
    record.path = file.path.string();
    record.absolute = absolute_name(file.path);
    record.origin = absolute_name(file.argument);
    record.file_bytes = content.bytes;
    record.content = content.digest;
    record.reading = reading_of(file.is_video);
    if (use_known(planned)) return;
    if (file.is_video) {
      // Not by exceptions, which would go through FFmpeg.
      const VideoReader reader = films_read_.open(
          file.path, work_.video, [&] { return goes_on("reading files", done_, total_); });
      planned.images = reader.frames();
      films_.push_back(std::move(planned));
      return;
    }
    const ImageSize size = planned.file.size(work_.image);
    const Grid grid = work_.cut ? choose_grid(size.width, size.height, image_size()) : Grid();
    record.width = size.width;
    record.height = size.height;
    record.taken = date_taken(file.path);
    planned.images = int64_t{grid.rows} * grid.cols + 1;
    photos_.push_back(std::move(planned));
  }

  /// Whether there is nothing to encode: it is as it was, or what another file was.
  bool use_known(Planned& planned) {
    const MediumRecord& wanted = planned.record;
    const std::vector<MediumRecord>& media = writer_.catalogue().media;
    const auto named = by_name_.find(wanted.absolute);
    if (named != by_name_.end() && is_same(media[named->second], wanted)) {
      const MediumRecord& known = media[named->second];
      planned.is_mended = !is_whole(known);
      if (planned.is_mended) return false;
      if (known.path != wanted.path || known.origin != wanted.origin) {
        rename(writer_.media()[named->second], wanted);
      }
      ++counts_.unchanged;
      return true;
    }
    const auto [first, last] = by_content_.equal_range(wanted.content);
    std::vector<size_t> same;
    for (auto entry = first; entry != last; ++entry) {
      if (is_same(media[entry->second], wanted)) same.push_back(entry->second);
    }
    if (same.empty() || !is_whole(media[same.front()])) return false;
    const auto left = std::find_if(same.begin(), same.end(),
                                   [&](size_t place) { return is_gone(media[place].absolute); });
    // What has moved into the place of another file leaves that one's entry to it.
    if (left != same.end() && named == by_name_.end()) {
      MediumRecord& moved = writer_.media()[*left];
      by_name_.erase(moved.absolute);
      by_name_.emplace(wanted.absolute, *left);
      rename(moved, wanted);
      ++counts_.moved;
      return true;
    }
    MediumRecord copy = media[same.front()];
    rename(copy, wanted);
    put(std::move(copy));
    ++counts_.copied;
    return true;
  }

  static bool is_gone(const fs::path& path) {
    std::error_code error;
    return fs::symlink_status(path, error).type() == fs::file_type::not_found;
  }

  static void rename(MediumRecord& record, const MediumRecord& as) {
    // Warnings begin with the file's name.
    if (record.warning.starts_with(record.path)) {
      record.warning.replace(0, record.path.size(), as.path);
    }
    record.path = as.path;
    record.absolute = as.absolute;
    record.origin = as.origin;
  }

  /// Reading an image's memory takes less time than the photo it is of took to be read just now.
  bool is_whole(const MediumRecord& medium) {
    return std::all_of(medium.images.begin(), medium.images.end(), [&](uint32_t image) {
      tell("reading files", static_cast<int64_t>(wanted_.size()) - 1, files_);
      return writer_.is_whole(image);
    });
  }

  int image_size() const { return static_cast<int>(model_.model.config().vision.image_size); }

  void encode_photos() {
    stage_ = "encoding images";
    PictureSeconds seconds;
    std::vector<const ImageFile*> files;
    for (const Planned& planned : photos_) files.push_back(&planned.file);
    const auto stream =
        stream_images(std::move(files), work_.image, work_.cut, work_.on_broken != nullptr,
                      {image_size(), work_.threads, seconds});
    for (Planned& planned : photos_) {
      const Picture picture = stream->next([this] { report(); }).value();
      if (!picture.error.empty()) {
        work_.on_broken(planned.file.path, picture.error);
        done_ += planned.images;
        continue;
      }
      for (const KeyedImage& image : picture.images) add(planned, image);
      done_ += planned.images - static_cast<int64_t>(picture.images.size());
      planned.record.rows = picture.grid.rows;
      planned.record.cols = picture.grid.cols;
      planned.record.warning = picture.warning;
      finish(planned);
    }
    flush();
  }

  void encode_film(Planned& planned) {
    const fs::path& path = planned.file.path;
    stage_ = "encoding frames";
    PictureSeconds seconds;
    std::optional<FilmPictures> film;
    const int64_t done_before = done_;
    bool readable = reads(path, [&] {
      film.emplace(
          path, work_.video, PictureOptions{image_size(), work_.threads, seconds},
          [this] { return goes_on(stage_, done_, total_); }, films_read_);
    });
    KeyedImage last;
    while (readable) {
      std::optional<Picture> frame;
      readable = reads(path, [&] { frame = film->stream().next([this] { report(); }); });
      if (!readable || !frame) break;
      if (!frame->images.empty()) last = std::move(frame->images.front());
      planned.record.seconds.push_back(frame->frame_seconds);
      add(planned, last);
    }
    if (readable && planned.hashes.empty()) {
      readable = reads(path, [&] {
        throw InputError(fmt::format("{}: no frame could be decoded", path.string()));
      });
    }
    if (readable) {
      planned.record.warning = film->warning();
      finish(planned);
    }
    done_ = done_before + planned.images;
    flush();
  }

  void add(Planned& planned, const KeyedImage& image) {
    planned.hashes.push_back(image.hash);
    encoder_.add(image);
    ++done_;
    report();
    commit_now_and_then();
  }

  void finish(Planned& planned) {
    const bool changed_meanwhile = !reads(planned.file.path, [&] {
      const RegularFile file = RegularFile::open(planned.file.path);
      if (!(FileState::of(file.descriptor(), planned.file.path) == planned.state)) {
        throw InputError(fmt::format("{}: was written to while it was read; index it again",
                                     planned.file.path.string()));
      }
    });
    if (!changed_meanwhile) finished_.push_back(std::move(planned));
  }

  void flush() {
    encoder_.encode();
    publish();
  }

  /// What is encoded whole becomes part of the catalogue.
  void publish() {
    std::erase_if(finished_, [&](Planned& planned) {
      std::vector<uint32_t> images;
      for (const ContentHash& hash : planned.hashes) {
        const std::optional<uint32_t> image = writer_.find(hash);
        if (!image) return false;
        images.push_back(*image);
      }
      planned.record.images = std::move(images);
      const bool is_known = by_name_.contains(planned.record.absolute);
      ++(planned.is_mended ? counts_.mended : is_known ? counts_.changed : counts_.added);
      put(std::move(planned.record));
      return true;
    });
  }

  void put(MediumRecord record) {
    const auto [known, is_new] =
        by_name_.emplace(record.absolute, writer_.catalogue().media.size());
    if (is_new) {
      writer_.media().push_back(std::move(record));
    } else {
      writer_.media()[known->second] = std::move(record);
    }
  }

  /// Often enough that little is lost, and seldom enough that it takes little time.
  void commit_now_and_then() {
    constexpr double kLeastSeconds = 3;
    constexpr double kShare = 20;
    if (std::chrono::duration<double>(Clock::now() - committed_at_).count() <
        std::max(kLeastSeconds, kShare * commit_seconds_)) {
      return;
    }
    const auto start = Clock::now();
    publish();
    writer_.commit();
    committed_at_ = Clock::now();
    commit_seconds_ = std::chrono::duration<double>(committed_at_ - start).count();
  }

  /// What is not on the disk any more, as far as this index speaks of it: it came by an argument
  /// that was given again, or lay in a folder of which files were. A folder that is gone itself may
  /// be on a disk that isn't there today.
  void forget(const std::vector<MediaFile>& files, const std::vector<std::string>& gone) {
    std::set<std::string> origins;
    std::set<fs::path> folders;
    for (const MediaFile& file : files) {
      origins.insert(absolute_name(file.argument));
      folders.insert(fs::path(absolute_name(file.path)).parent_path());
    }
    for (const std::string& argument : gone) origins.insert(absolute_name(argument));
    const auto is_forgotten = [&](const MediumRecord& medium) {
      const fs::path path = medium.absolute;
      std::error_code error;
      const bool concerned =
          origins.contains(medium.origin) || folders.contains(path.parent_path());
      return concerned && is_gone(path) && fs::is_directory(path.parent_path(), error);
    };
    for (const MediumRecord& medium : writer_.catalogue().media) {
      if (is_forgotten(medium)) counts_.forgotten.push_back(medium.path);
    }
    if (!counts_.forgotten.empty()) std::erase_if(writer_.media(), is_forgotten);
  }

  /// What whoever asks later should know now.
  void tell_state() {
    for (const MediumRecord& medium : writer_.catalogue().media) {
      if (wanted_.contains(medium.absolute)) {
        if (!medium.warning.empty()) counts_.warnings.push_back(medium.warning);
      } else if (is_gone(medium.absolute)) {
        counts_.kept_missing.push_back(medium.path);
      }
    }
  }

  /// Those of this index behind the others, as they were given.
  void put_in_order() {
    const auto place = [&](const MediumRecord& medium) {
      const auto found = wanted_.find(medium.absolute);
      return found == wanted_.end() ? size_t{0} : found->second + 1;
    };
    const auto before = [&](const MediumRecord& a, const MediumRecord& b) {
      return place(a) < place(b);
    };
    const std::vector<MediumRecord>& media = writer_.catalogue().media;
    if (std::is_sorted(media.begin(), media.end(), before)) return;
    std::stable_sort(writer_.media().begin(), writer_.media().end(), before);
  }

  const EncodingModel& model_;
  MemoryWriter& writer_;
  const IndexWork& work_;
  IndexCounts& counts_;
  RecordEncoder encoder_;
  std::map<std::string, size_t> wanted_;   // absolute names, in order
  std::map<std::string, size_t> by_name_;  // in the catalogue
  std::multimap<Sha256::Digest, size_t> by_content_;
  std::vector<Planned> photos_;
  std::vector<Planned> films_;
  FilmIndexes films_read_;
  std::vector<Planned> finished_;  // all images added, not all encoded perhaps
  std::string_view stage_ = "encoding images";
  int64_t files_ = 0;
  int64_t done_ = 0;
  int64_t total_ = 0;
  Clock::time_point committed_at_ = Clock::now();
  double commit_seconds_ = 0;
};

}  // namespace

std::string absolute_name(const fs::path& path) {
  std::string name = fs::absolute(path).lexically_normal().string();
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  return name;
}

IndexCounts index_files(const EncodingModel& model, const RecordLayout& layout,
                        MemoryWriter& writer, const std::vector<MediaFile>& files,
                        const std::vector<std::string>& gone, const IndexWork& work) {
  IndexCounts counts;
  {
    Index index(model, layout, writer, work, counts);
    index.run(files, gone);
  }
  return counts;
}

}  // namespace owl3
