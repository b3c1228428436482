#include "owl3/visual_memory.h"

#include <chrono>
#include <map>
#include <optional>

#include "api/impl.h"
#include "core/api_call.h"
#include "core/available_memory.h"
#include "media/content_hash.h"
#include "media/image.h"
#include "media/video.h"

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

/// An image on disk, or the bytes of one.
struct ImageFile {
  std::filesystem::path path;
  std::optional<std::span<const std::byte>> bytes;

  ImageSize size(const DecodeOptions& options) const {
    return bytes ? image_size(*bytes, path.string(), options) : image_size(path, options);
  }
  DecodedImage load(const DecodeOptions& options) const {
    return bytes ? decode_image(*bytes, path.string(), options) : load_image(path, options);
  }
};

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
  VisualMemoryStats stats;

  Owl3Model& owl3() const { return Internals::of(model).model; }
  int image_size() const { return static_cast<int>(owl3().config().vision.image_size); }

  size_t bytes_per_image() const {
    const ModelConfig& config = owl3().config();
    const ModelOptions& options = Internals::of(model).options;
    const size_t element = options.visual_memory_int8                 ? 1
                           : options.precision == Precision::kFloat32 ? 4
                                                                      : 2;
    return config.hyper_layers.size() * static_cast<size_t>(2 * config.key_value_size()) *
           static_cast<size_t>(config.vision.tokens_per_image()) * element;
  }

  /// Images the model will see of a file, known from its header.
  int64_t images_of(const ImageFile& file, const DecodeOptions& decode, bool cut) const {
    const ImageSize size = file.size(decode);
    if (!cut) return 1;
    const Grid grid = choose_grid(size.width, size.height, image_size());
    return int64_t{grid.rows} * grid.cols + 1;
  }

  std::vector<Medium> add(std::span<const ImageFile> files, const ImageOptions& options,
                          const ProgressCallback& progress);
  Medium add_film(const std::filesystem::path& path, const VideoOptions& options,
                  const ProgressCallback& progress);

  void check_room(const std::string& what, int64_t count) const {
    const auto needed = static_cast<double>(count) * static_cast<double>(bytes_per_image());
    const std::optional<int64_t> available = available_memory();
    if (!available || needed <= static_cast<double>(*available)) return;
    throw InputError(fmt::format(
        "{}: {} images need {:.3g} GiB of visual memory, but {:.3g} GiB are available; take fewer "
        "(of images, --no-cut; of a film, --max-frames)",
        what, count, needed / 0x1p30, static_cast<double>(*available) / 0x1p30));
  }
};

namespace {

/// Collects images, encodes them in batches, and hands out their memories in the order they came.
class BatchEncoder {
 public:
  BatchEncoder(Owl3Model& model, std::map<ContentHash, ImageMemoryPtr>& known,
               VisualMemoryStats& stats, const ProgressCallback& progress, std::string_view stage,
               int64_t total)
      : model_(model),
        known_(known),
        stats_(stats),
        progress_(progress),
        stage_(stage),
        total_(total) {}

  /// Tells how many are done.
  void report() const { owl3::report(progress_, stage_, done(), total_); }

  void add(const Image& image) {
    const ContentHash hash = content_hash(image);
    order_.push_back(hash);
    const bool pending = std::find(waiting_.begin(), waiting_.end(), hash) != waiting_.end();
    if (pending || known_.count(hash) != 0) {
      ++stats_.images_reused;
      return report();
    }
    const int64_t size = image.width;
    const size_t first = pixels_.size();
    pixels_.resize(first + static_cast<size_t>(3 * size * size));
    normalize_pixels(image, pixels_.data() + first);
    waiting_.push_back(hash);
    if (static_cast<int64_t>(waiting_.size()) >= model_.images_per_batch()) encode();
  }

  /// The memories of all images added, in order.
  std::vector<ImageMemoryPtr> finish() {
    if (!waiting_.empty()) encode();
    std::vector<ImageMemoryPtr> memories;
    for (const ContentHash& hash : order_) memories.push_back(known_.at(hash));
    return memories;
  }

 private:
  void encode() {
    const auto start = Clock::now();
    const auto count = static_cast<int64_t>(waiting_.size());
    const int64_t size = model_.config().vision.image_size;
    const Tensor pixel_values(DType::kF32, {count, 3, size, size}, pixels_.data(), nullptr);
    const auto memories = model_.remember_images(
        pixel_values, [this] { return !progress_ || progress_(stage_, done(), total_); });
    for (size_t i = 0; i < waiting_.size(); ++i) known_[waiting_[i]] = memories[i];
    waiting_.clear();
    pixels_.clear();
    stats_.images_encoded += count;
    stats_.encode_seconds += seconds_since(start);
    report();
  }

  int64_t done() const { return static_cast<int64_t>(order_.size() - waiting_.size()); }

  Owl3Model& model_;
  std::map<ContentHash, ImageMemoryPtr>& known_;
  VisualMemoryStats& stats_;
  const ProgressCallback& progress_;
  std::string_view stage_;
  int64_t total_;
  std::vector<ContentHash> order_;
  std::vector<ContentHash> waiting_;
  std::vector<float> pixels_;  // [waiting, 3, S, S]
};

}  // namespace

VisualMemory::VisualMemory(Model model)
    : impl_(api_call([&] { return std::make_shared<Impl>(std::move(model)); })) {}

Medium VisualMemory::add_image(const std::filesystem::path& path, const ImageOptions& options,
                               const ProgressCallback& progress) {
  return add_images({&path, 1}, options, progress).front();
}

std::vector<Medium> VisualMemory::add_images(std::span<const std::filesystem::path> paths,
                                             const ImageOptions& options,
                                             const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const std::filesystem::path& path : paths) files.push_back({path, {}});
    return impl_->add(files, options, call.watch(progress));
  });
}

std::vector<Medium> VisualMemory::add_images(std::span<const ImageBytes> images,
                                             const ImageOptions& options,
                                             const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    std::vector<ImageFile> files;
    for (const ImageBytes& image : images) files.push_back({image.name, image.bytes});
    return impl_->add(files, options, call.watch(progress));
  });
}

std::vector<Medium> VisualMemory::Impl::add(std::span<const ImageFile> files,
                                            const ImageOptions& options,
                                            const ProgressCallback& progress) {
  DecodeOptions decode;
  decode.apply_exif_orientation = options.apply_exif_orientation;
  decode.max_pixels = options.max_pixels;
  decode.background = options.background;
  const bool cut = options.cut.value_or(owl3().config().cut_images);
  // Headers first: what they show to be wrong, or too much, is told before minutes of encoding.
  int64_t total = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    report(progress, "reading images", static_cast<int64_t>(i), static_cast<int64_t>(files.size()));
    total += images_of(files[i], decode, cut);
  }
  if (!files.empty()) check_room(name_of(files), total);
  std::vector<std::shared_ptr<EncodedMedium>> media;
  std::vector<int64_t> counts;
  BatchEncoder encoder(owl3(), images, stats, progress, "encoding images", total);
  for (const ImageFile& file : files) {
    encoder.report();
    const auto start = Clock::now();
    const DecodedImage image = file.load(decode);
    const ModelImages prepared =
        prepare_image(image, image_size(), cut, Internals::of(model).options.threads);
    stats.decode_seconds += seconds_since(start);
    for (const Image& part : prepared.images) encoder.add(part);
    counts.push_back(static_cast<int64_t>(prepared.images.size()));
    media.push_back(std::make_shared<EncodedMedium>(model));
    media.back()->path = file.path;
    media.back()->warning = image.warning;
    media.back()->layout = ImageLayout{prepared.grid.rows, prepared.grid.cols};
  }
  const std::vector<ImageMemoryPtr> memories = encoder.finish();
  std::vector<Medium> handles;
  auto next = memories.begin();
  for (size_t i = 0; i < media.size(); ++i) {
    media[i]->images.assign(next, next + counts[i]);
    next += counts[i];
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
  check_room(path.string(), reader.frames());
  auto medium = std::make_shared<EncodedMedium>(model);
  medium->path = path;
  BatchEncoder encoder(owl3(), images, stats, progress, "encoding frames", total);
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
    stats.decode_seconds += seconds_since(start);
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

const VisualMemoryStats& VisualMemory::stats() const {
  return impl_->stats;
}

size_t VisualMemory::bytes() const {
  size_t total = 0;
  for (const auto& [hash, image] : impl_->images) total += image->bytes();
  return total;
}

}  // namespace owl3
