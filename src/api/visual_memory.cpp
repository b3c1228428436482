#include "owl3/visual_memory.h"

#include <chrono>
#include <map>
#include <optional>
#include <variant>

#include "api/impl.h"
#include "core/api_call.h"
#include "core/available_memory.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "media/image.h"
#include "media/video.h"
#include "memory/image_encoder.h"
#include "memory/image_file.h"

namespace owl3 {

namespace {

using Clock = std::chrono::steady_clock;
using EncodedMedium = Internals::EncodedMedium;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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

MediumPlan plan_of_film(const VideoReader& reader, const std::filesystem::path& path) {
  MediumPlan plan;
  plan.is_video = true;
  plan.path = path;
  plan.frames = reader.frames();
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
  explicit Impl(Model model_in) : model(std::move(model_in)) {}

  Model model;
  std::map<ContentHash, ImageMemoryPtr> images;
  EncodingCounts counts;
  double decode_seconds = 0;

  Owl3Model& owl3() const { return Internals::of(model).model; }
  int image_size() const { return static_cast<int>(owl3().config().vision.image_size); }

  size_t bytes_per_image() const {
    const ModelConfig& config = owl3().config();
    const ModelOptions& options = Internals::of(model).options;
    const auto numbers = static_cast<size_t>(config.visual_numbers_per_image());
    if (options.visual_memory_int8) {  // a byte each, and a scale per token and head
      return numbers + numbers / static_cast<size_t>(config.head_size()) * sizeof(float);
    }
    return numbers * (options.precision == Precision::kFloat32 ? 4 : 2);
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

  /// A medium that is more than a conversation holds can't be asked about.
  void check_context(const MediumPlan& plan) const {
    if (plan.images() < model.context_length()) return;
    throw UsageError(fmt::format("{}: would be {} {}, but the model's context holds {} tokens{}",
                                 plan.path.string(), plan.images(),
                                 plan.is_video ? "frames" : "tiles", model.context_length(),
                                 plan.is_video ? "; ask for fewer (--max-frames)" : ""));
  }

  void check_room(const std::string& what, int64_t count) const {
    const auto needed = static_cast<double>(count) * static_cast<double>(bytes_per_image());
    const std::optional<int64_t> available = available_memory();
    if (!available || needed <= static_cast<double>(*available)) return;
    throw InputError(
        fmt::format("{}: {} images need {} of visual memory, but {} are available; take fewer "
                    "(of images, --no-cut; of a film, --max-frames)",
                    what, count, byte_text(needed), byte_text(static_cast<double>(*available))));
  }
};

VisualMemory::VisualMemory(Model model)
    : impl_(api_call([&] { return std::make_shared<Impl>(std::move(model)); })) {}

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
  if (!planned.empty()) check_room(name_of(files), total);
  std::vector<std::shared_ptr<EncodedMedium>> media;
  std::vector<int64_t> images_of;
  ImageEncoder encoder(owl3(), images, counts, [&](int64_t done) {
    report(progress, "encoding images", done, total);
    return true;
  });
  for (const PlannedFile& planned_file : planned) {
    const ImageFile& file = *planned_file.file;
    encoder.report();
    const auto start = Clock::now();
    const auto image = unless_broken(file, on_broken, [&] { return file.load(options); });
    if (!image) continue;
    const ModelImages prepared =
        prepare_image(*image, image_size(), cuts(options), Internals::of(model).options.threads);
    decode_seconds += seconds_since(start);
    for (const Image& part : prepared.images) encoder.add(part);
    images_of.push_back(static_cast<int64_t>(prepared.images.size()));
    media.push_back(std::make_shared<EncodedMedium>(model));
    media.back()->path = file.path;
    media.back()->warning = image->warning;
    media.back()->layout = ImageLayout{prepared.grid.rows, prepared.grid.cols};
  }
  const std::vector<ImageMemoryPtr> memories = encoder.finish();
  std::vector<Medium> handles;
  auto next = memories.begin();
  for (size_t i = 0; i < media.size(); ++i) {
    media[i]->images.assign(next, next + images_of[i]);
    next += images_of[i];
    handles.push_back(Internals::medium(std::move(media[i])));
  }
  return handles;
}

Medium VisualMemory::add_video(const std::filesystem::path& path, const VideoOptions& options,
                               const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] { return impl_->add_film(path, options, call.watch(progress)); });
}

Medium VisualMemory::Impl::add_film(const std::filesystem::path& path, const VideoOptions& options,
                                    const ProgressCallback& progress) {
  std::string_view stage = "reading the film";
  int64_t decoded = 0;
  int64_t total = 0;
  VideoReader reader = VideoReader::open(
      path, options, [&] { return !progress || progress(stage, decoded, total); });
  stage = "decoding frames";
  total = reader.frames();
  check_context(plan_of_film(reader, path));
  check_room(path.string(), reader.frames());
  auto medium = std::make_shared<EncodedMedium>(model);
  medium->path = path;
  ImageEncoder encoder(owl3(), images, counts, [&](int64_t done) {
    report(progress, "encoding frames", done, total);
    return true;
  });
  Image resized;
  for (;; ++decoded) {
    report(progress, stage, decoded, total);
    const auto start = Clock::now();
    const std::optional<VideoFrame> frame = reader.next();
    if (!frame) break;
    if (!frame->repeated) {
      resized = resize_bicubic(frame->image, image_size(), image_size(),
                               Internals::of(model).options.threads);
    }
    decode_seconds += seconds_since(start);
    medium->frame_seconds.push_back(frame->seconds);
    encoder.add(resized);
  }
  medium->images = encoder.finish();
  if (medium->images.empty()) {
    throw InputError(fmt::format("{}: no frame could be decoded", path.string()));
  }
  medium->layout = VideoLayout{static_cast<int64_t>(medium->images.size())};
  medium->warning = reader.warning();
  return Internals::medium(std::move(medium));
}

std::vector<MediumPlan> VisualMemory::plan_images(std::span<const std::filesystem::path> paths,
                                                  const ImageOptions& options,
                                                  const ProgressCallback& progress,
                                                  const BrokenImageCallback& on_broken) const {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const std::filesystem::path& path : paths) files.push_back({path, {}});
    std::vector<MediumPlan> plans;
    for (PlannedFile& file :
         impl_->plan(files, options, call.watch(progress), call.watch(on_broken))) {
      plans.push_back(std::move(file.plan));
    }
    return plans;
  });
}

MediumPlan VisualMemory::plan_video(const std::filesystem::path& path, const VideoOptions& options,
                                    const ProgressCallback& progress) const {
  ApiCall call;
  return call.run([&] {
    const ProgressCallback watched = call.watch(progress);
    const VideoReader reader = VideoReader::open(
        path, options, [&] { return !watched || watched("reading the film", 0, 0); });
    return plan_of_film(reader, path);
  });
}

VisualMemoryStats VisualMemory::stats() const {
  return {impl_->counts.encoded, impl_->counts.reused, impl_->decode_seconds,
          impl_->counts.seconds};
}

size_t VisualMemory::bytes() const {
  size_t total = 0;
  for (const auto& [hash, image] : impl_->images) total += image->bytes();
  return total;
}

}  // namespace owl3
