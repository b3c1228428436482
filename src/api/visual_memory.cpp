#include "owl3/visual_memory.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <variant>

#include "api/impl.h"
#include "core/api_call.h"
#include "core/error.h"
#include "media/film_indexes.h"
#include "memory/image_encoder.h"
#include "memory/image_file.h"
#include "memory/memory_stamp.h"
#include "memory/memory_store.h"
#include "memory/picture_stream.h"

namespace owl3 {

namespace {

using EncodedMedium = Internals::EncodedMedium;

/// Throws Interrupted when the caller wants no more.
void report(const ProgressCallback& progress, std::string_view stage, int64_t done, int64_t total) {
  if (progress && !progress(stage, done, total)) {
    throw Interrupted(fmt::format("interrupted while {}", stage));
  }
}

/// A file that will be read, and what its header says.
struct PlannedFile {
  const ImageFile* file = nullptr;
  MediumPlan plan;
};

/// A film's frames, and which of the film's each is.
struct EncodedFilm {
  std::shared_ptr<EncodedMedium> medium;
  std::vector<int64_t> numbers;  // ascending
};

MediumPlan plan_of_film(int64_t frames, const std::filesystem::path& path) {
  MediumPlan plan;
  plan.is_video = true;
  plan.path = path;
  plan.frames = frames;
  return plan;
}

/// What `read` makes of a file; nothing of one that is broken, where the caller has that told.
template <typename Read>
auto unless_broken(const ImageFile& file, const BrokenImageCallback& on_broken, const Read& read)
    -> std::optional<decltype(read())> {
  if (!on_broken) return read();
  try {
    return read();
  } catch (const InputError& error) {
    on_broken(file.path, error.what());
    return std::nullopt;
  }
}

/// "a.jpg", "a.jpg and 11 more".
std::string name_of(std::span<const ImageFile> files) {
  const std::string first = files.front().path.string();
  return files.size() == 1 ? first : fmt::format("{} and {} more", first, files.size() - 1);
}

std::vector<MediumPlan> plans_of(std::vector<PlannedFile> files) {
  std::vector<MediumPlan> plans;
  for (PlannedFile& file : files) plans.push_back(std::move(file.plan));
  return plans;
}

std::shared_ptr<MemoryStore> make_store(const VisualMemoryOptions& options) {
  if (options.budget_bytes < 0) {
    throw UsageError(
        fmt::format("a budget of {} bytes: must be 0 (none) or more", options.budget_bytes));
  }
  StoreLimits limits;
  if (options.budget_bytes > 0) limits.budget = options.budget_bytes;
  if (!options.folder.empty()) {
    if (options.folder_budget_bytes < 0) {
      throw UsageError(fmt::format("a budget of {} bytes for {}: must be 0 or more",
                                   options.folder_budget_bytes, options.folder.string()));
    }
    limits.folder = std::make_shared<MemoryFolder>(options.folder, options.folder_budget_bytes);
  }
  return std::make_shared<MemoryStore>(std::move(limits));
}

}  // namespace

bool Medium::is_video() const {
  return std::holds_alternative<VideoLayout>(impl_->layout);
}

int64_t Medium::images() const {
  return static_cast<int64_t>(impl_->images.size());
}

size_t Medium::bytes() const {
  size_t total = 0;
  for (const ImageMemoryPtr& image : impl_->images) total += image->bytes();
  return total;
}

const std::filesystem::path& Medium::path() const {
  return impl_->path;
}

MediumPlan Medium::plan() const {
  return api_call([&] {
    MediumPlan plan;
    plan.is_video = is_video();
    plan.path = impl_->path;
    if (const auto* image = std::get_if<ImageLayout>(&impl_->layout)) {
      plan.rows = image->rows;
      plan.cols = image->cols;
    } else {
      plan.frames = images();
    }
    return plan;
  });
}

const std::vector<double>& Medium::frame_seconds() const {
  return impl_->frame_seconds;
}

const std::string& Medium::warning() const {
  return impl_->warning;
}

struct VisualMemory::Impl {
  Impl(Model model_in, std::shared_ptr<MemoryStore> store_in)
      : model(std::move(model_in)),
        store(std::move(store_in)),
        layout(record_layout(owl3(), Internals::of(model).options)),
        image_bytes(owl3::bytes_per_image(owl3(), Internals::of(model).options)) {}

  Model model;
  std::shared_ptr<MemoryStore> store;
  RecordLayout layout;  // of records in the store's folder
  int64_t image_bytes;
  mutable std::mutex mutex;
  VisualMemoryStats stats;  // as far as it is not the store's
  FilmIndexes films{};

  Owl3Model& owl3() const { return Internals::of(model).model; }
  Compute compute() const {
    return [this](const std::function<void()>& work, const std::function<void()>& while_waiting) {
      Internals::of(model).scheduler->compute(work, while_waiting);
    };
  }
  int image_size() const { return static_cast<int>(owl3().config().vision.image_size); }
  PictureOptions how(PictureSeconds& seconds) const {
    return {image_size(), Internals::of(model).options.threads, seconds};
  }

  bool cuts(const ImageOptions& options) const {
    return options.cut.value_or(owl3().config().cut_images);
  }

  /// What the model will see of a file, known from its header.
  MediumPlan plan_of(const ImageFile& file, const ImageOptions& options) const {
    const ImageSize size = file.size(options);
    Grid grid;
    if (cuts(options)) grid = choose_grid(size.width, size.height, image_size());
    MediumPlan plan;
    plan.path = file.path;
    plan.rows = grid.rows;
    plan.cols = grid.cols;
    return plan;
  }

  std::vector<PlannedFile> plan(std::span<const ImageFile> files, const ImageOptions& options,
                                const ProgressCallback& progress,
                                const BrokenImageCallback& on_broken) const {
    std::vector<PlannedFile> planned;
    for (size_t i = 0; i < files.size(); ++i) {
      report(progress, "reading images", static_cast<int64_t>(i),
             static_cast<int64_t>(files.size()));
      const auto found =
          unless_broken(files[i], on_broken, [&] { return plan_of(files[i], options); });
      if (found) planned.push_back({&files[i], *found});
    }
    return planned;
  }

  std::vector<Medium> add(std::span<const ImageFile> files, const ImageOptions& options,
                          const ProgressCallback& progress, const BrokenImageCallback& on_broken);
  Medium add_film(const std::filesystem::path& path, const VideoOptions& options,
                  const ProgressCallback& progress);
  std::vector<Medium> add_frames(const std::filesystem::path& path, const FrameChooser& choose,
                                 const VideoOptions& options, const ProgressCallback& progress);
  EncodedFilm encode_film(const std::filesystem::path& path, const VideoOptions& options,
                          const FrameChooser& choose, const ProgressCallback& progress);
  /// A frame of a film as an image of its own.
  std::shared_ptr<EncodedMedium> frame_of(const EncodedFilm& film, int64_t number) const;

  /// A medium that is more than a conversation holds can't be asked about.
  void check_context(const MediumPlan& plan) const {
    if (plan.images() < model.context_length()) return;
    throw UsageError(fmt::format("{}: would be {} {}, but the model's context holds {} tokens{}",
                                 plan.path.string(), plan.images(),
                                 plan.is_video ? "frames" : "tiles", model.context_length(),
                                 plan.is_video ? "; ask for fewer (--max-frames)" : ""));
  }

  class Encoding;
};

/// Encodes the pictures of streams: tells the progress, sees to the room, and keeps the counts,
/// whatever ends the work.
class VisualMemory::Impl::Encoding {
 public:
  Encoding(Impl& memory, const std::string& what, const PictureSeconds& seconds,
           const ProgressCallback& progress, std::string_view stage, int64_t total)
      : memory_(memory),
        seconds_(seconds),
        total_(total),
        room_(memory.store->room(what)),
        encoder_({memory.owl3(), of_model().visual_key, memory.compute(), &memory.layout},
                 *memory.store, room_, memory.image_bytes,
                 [=, &progress](int64_t done) { owl3::report(progress, stage, done, total); }) {}
  ~Encoding() {
    const std::lock_guard lock(memory_.mutex);
    memory_.stats.images_encoded += encoder_.counts().encoded;
    memory_.stats.images_reused += encoder_.counts().reused;
    memory_.stats.encode_seconds += encoder_.counts().seconds;
    memory_.stats.decode_seconds += seconds_.work();
    memory_.stats.wait_seconds += seconds_.waited;
  }
  Encoding(const Encoding&) = delete;
  Encoding& operator=(const Encoding&) = delete;

  ImageEncoder& encoder() { return encoder_; }
  void report() const { encoder_.report(); }
  std::optional<Picture> next(PictureStream& pictures) const {
    return pictures.next([this] { report(); });
  }

  /// Throws InputError where there is too little room for all. What is there already, or comes
  /// more than once, takes none: where that decides, all pictures are looked at beforehand, in a
  /// stream of their own.
  template <typename MakeStream>
  void find_room(const MakeStream& make_stream) {
    if (room_.ask(total_, memory_.image_bytes)) return;
    std::set<ContentHash> missing;
    const auto made = make_stream();
    PictureStream& pictures = stream_of(*made);
    while (const std::optional<Picture> picture = next(pictures)) {
      for (const KeyedImage& image : picture->images) {
        if (missing.contains(image.hash)) continue;
        if (auto known = memory_.store->peek({of_model().visual_key, image.hash}, room_)) {
          known_.push_back(std::move(known));
        } else {
          missing.insert(image.hash);
        }
      }
    }
    room_.demand(static_cast<int64_t>(missing.size()), memory_.image_bytes);
  }

 private:
  static PictureStream& stream_of(PictureStream& pictures) { return pictures; }
  static PictureStream& stream_of(FilmPictures& film) { return film.stream(); }
  Internals::LoadedModel& of_model() const { return Internals::of(memory_.model); }

  Impl& memory_;
  const PictureSeconds& seconds_;
  int64_t total_;
  std::vector<ImageMemoryPtr> known_;  // held, so that they stay
  MemoryStore::Room room_;
  ImageEncoder encoder_;
};

VisualMemory::VisualMemory(Model model, const VisualMemoryOptions& options)
    : impl_(
          api_call([&] { return std::make_shared<Impl>(std::move(model), make_store(options)); })) {
}

VisualMemory::VisualMemory(Model model, const VisualMemory& shared)
    : impl_(
          api_call([&] { return std::make_shared<Impl>(std::move(model), shared.impl_->store); })) {
}

Medium VisualMemory::add_image(const std::filesystem::path& path, const ImageOptions& options,
                               const ProgressCallback& progress) {
  return add_images({&path, 1}, options, progress).front();
}

std::vector<Medium> VisualMemory::add_images(std::span<const std::filesystem::path> paths,
                                             const ImageOptions& options,
                                             const ProgressCallback& progress,
                                             const BrokenImageCallback& on_broken) {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const std::filesystem::path& path : paths) files.push_back({path, {}});
    return impl_->add(files, options, call.watch(progress), call.watch(on_broken));
  });
}

std::vector<Medium> VisualMemory::add_images(std::span<const ImageBytes> images,
                                             const ImageOptions& options,
                                             const ProgressCallback& progress,
                                             const BrokenImageCallback& on_broken) {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const ImageBytes& image : images) files.push_back({image.name, image.bytes});
    return impl_->add(files, options, call.watch(progress), call.watch(on_broken));
  });
}

std::vector<Medium> VisualMemory::Impl::add(std::span<const ImageFile> files,
                                            const ImageOptions& options,
                                            const ProgressCallback& progress,
                                            const BrokenImageCallback& on_broken) {
  // Headers first: what they show to be wrong, or too much, is told before minutes of encoding.
  const std::vector<PlannedFile> planned = plan(files, options, progress, on_broken);
  int64_t total = 0;
  for (const PlannedFile& file : planned) {
    check_context(file.plan);
    total += file.plan.images();
  }
  if (planned.empty()) return {};
  PictureSeconds seconds;
  const auto stream = [&] {
    std::vector<const ImageFile*> in_order;
    for (const PlannedFile& file : planned) in_order.push_back(file.file);
    return stream_images(std::move(in_order), options, cuts(options), on_broken != nullptr,
                         how(seconds));
  };
  Encoding encoding(*this, name_of(files), seconds, progress, "encoding images", total);
  encoding.report();
  encoding.find_room(stream);
  std::vector<std::shared_ptr<EncodedMedium>> media;
  std::vector<size_t> images_of;
  const auto pictures = stream();
  for (const PlannedFile& file : planned) {
    encoding.report();
    const Picture picture = encoding.next(*pictures).value();
    if (!picture.error.empty()) {
      on_broken(file.file->path, picture.error);
      continue;
    }
    for (const KeyedImage& image : picture.images) encoding.encoder().add(image);
    images_of.push_back(picture.images.size());
    media.push_back(std::make_shared<EncodedMedium>(model));
    for (const KeyedImage& image : picture.images) media.back()->hashes.push_back(image.hash);
    media.back()->path = file.file->path;
    media.back()->warning = picture.warning;
    media.back()->layout = ImageLayout{picture.grid.rows, picture.grid.cols};
  }
  const std::vector<ImageMemoryPtr> memories = encoding.encoder().finish();
  std::vector<Medium> handles;
  auto next = memories.begin();
  for (size_t i = 0; i < media.size(); ++i) {
    const auto end = next + static_cast<std::ptrdiff_t>(images_of[i]);
    media[i]->images.assign(next, end);
    next = end;
    handles.push_back(Internals::medium(std::move(media[i])));
  }
  return handles;
}

Medium VisualMemory::add_video(const std::filesystem::path& path, const VideoOptions& options,
                               const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] { return impl_->add_film(path, options, call.watch(progress)); });
}

std::vector<Medium> VisualMemory::add_frames(const std::filesystem::path& path,
                                             const FrameChooser& choose,
                                             const VideoOptions& options,
                                             const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    if (!choose) throw UsageError(fmt::format("{}: nothing chooses its frames", path.string()));
    return impl_->add_frames(path, call.watch(choose), options, call.watch(progress));
  });
}

Medium VisualMemory::Impl::add_film(const std::filesystem::path& path, const VideoOptions& options,
                                    const ProgressCallback& progress) {
  return Internals::medium(encode_film(path, options, {}, progress).medium);
}

std::vector<Medium> VisualMemory::Impl::add_frames(const std::filesystem::path& path,
                                                   const FrameChooser& choose,
                                                   const VideoOptions& options,
                                                   const ProgressCallback& progress) {
  std::vector<int64_t> wanted;
  const FrameChooser noting = [&](int64_t frames, double fps) {
    return wanted = choose(frames, fps);
  };
  const EncodedFilm film = encode_film(path, options, noting, progress);
  std::vector<Medium> media;
  for (const int64_t number : wanted) {
    const auto frame = frame_of(film, number);
    if (media.empty()) frame->warning = film.medium->warning;
    media.push_back(Internals::medium(frame));
  }
  return media;
}

std::shared_ptr<EncodedMedium> VisualMemory::Impl::frame_of(const EncodedFilm& film,
                                                            int64_t number) const {
  const auto behind = std::upper_bound(film.numbers.begin(), film.numbers.end(), number);
  const size_t at = behind == film.numbers.begin() ? 0 : behind - film.numbers.begin() - 1;
  auto frame = std::make_shared<EncodedMedium>(model);
  frame->path = film.medium->path;
  frame->layout = ImageLayout{};
  frame->images = {film.medium->images[at]};
  frame->hashes = {film.medium->hashes[at]};
  return frame;
}

EncodedFilm VisualMemory::Impl::encode_film(const std::filesystem::path& path,
                                            const VideoOptions& options, const FrameChooser& choose,
                                            const ProgressCallback& progress) {
  std::string_view stage = "reading the film";
  int64_t decoded = 0;
  int64_t total = 0;
  PictureSeconds seconds;
  const auto open = [&] {
    return std::make_unique<FilmPictures>(
        path, options, how(seconds), [&] { return !progress || progress(stage, decoded, total); },
        films, choose);
  };
  const std::unique_ptr<FilmPictures> film = open();
  stage = "decoding frames";
  total = film->frames();
  if (!choose) check_context(plan_of_film(total, path));
  Encoding encoding(*this, path.string(), seconds, progress, "encoding frames", total);
  encoding.find_room(open);
  EncodedFilm encoded{std::make_shared<EncodedMedium>(model), {}};
  EncodedMedium& medium = *encoded.medium;
  medium.path = path;
  KeyedImage last;
  for (;; ++decoded) {
    const auto tell = [&] { report(progress, stage, decoded, total); };
    tell();
    std::optional<Picture> frame = film->stream().next(tell);
    if (!frame) break;
    if (!frame->images.empty()) last = std::move(frame->images.front());
    medium.frame_seconds.push_back(frame->frame_seconds);
    encoded.numbers.push_back(frame->frame_number);
    encoding.encoder().add(last);
    medium.hashes.push_back(last.hash);
  }
  medium.images = encoding.encoder().finish();
  if (medium.images.empty()) {
    throw InputError(fmt::format("{}: no frame could be decoded", path.string()));
  }
  medium.layout = VideoLayout{static_cast<int64_t>(medium.images.size())};
  medium.warning = film->warning();
  return encoded;
}

std::vector<MediumPlan> VisualMemory::plan_images(std::span<const std::filesystem::path> paths,
                                                  const ImageOptions& options,
                                                  const ProgressCallback& progress,
                                                  const BrokenImageCallback& on_broken) const {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const std::filesystem::path& path : paths) files.push_back({path, {}});
    return plans_of(impl_->plan(files, options, call.watch(progress), call.watch(on_broken)));
  });
}

std::vector<MediumPlan> VisualMemory::plan_images(std::span<const ImageBytes> images,
                                                  const ImageOptions& options,
                                                  const ProgressCallback& progress,
                                                  const BrokenImageCallback& on_broken) const {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const ImageBytes& image : images) files.push_back({image.name, image.bytes});
    return plans_of(impl_->plan(files, options, call.watch(progress), call.watch(on_broken)));
  });
}

MediumPlan VisualMemory::plan_video(const std::filesystem::path& path, const VideoOptions& options,
                                    const ProgressCallback& progress) const {
  ApiCall call;
  return call.run([&] {
    const ProgressCallback watched = call.watch(progress);
    const VideoReader reader = impl_->films.open(
        path, options, [&] { return !watched || watched("reading the film", 0, 0); });
    return plan_of_film(reader.frames(), path);
  });
}

VisualMemoryStats VisualMemory::stats() const {
  return api_call([&] {
    const StoreCounts counts = impl_->store->counts();
    const std::lock_guard lock(impl_->mutex);
    VisualMemoryStats stats = impl_->stats;
    stats.images_evicted = counts.evicted;
    stats.images_restored = counts.restored;
    stats.images = counts.images;
    stats.bytes = counts.bytes;
    stats.held_bytes = counts.held_bytes;
    stats.budget_bytes = impl_->store->limits().budget.value_or(0);
    return stats;
  });
}

std::string VisualMemory::warning() const {
  return api_call([&] {
    const std::shared_ptr<MemoryFolder>& folder = impl_->store->limits().folder;
    return folder ? folder->failure() : std::string();
  });
}

size_t VisualMemory::bytes() const {
  return static_cast<size_t>(impl_->store->counts().bytes);
}

}  // namespace owl3
