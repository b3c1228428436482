#include "cli/chat/evidence_pictures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "api/impl.h"
#include "core/error.h"
#include "media/content_hash.h"
#include "media/video.h"

namespace owl3::cli {

namespace {

constexpr int kLargest = 256;  // of a picture's longer side

Image small(const Image& image) {
  const double scale = static_cast<double>(kLargest) / std::max(image.width, image.height);
  const auto side = [&](int pixels) {
    return std::max(1, static_cast<int>(std::lround(pixels * scale)));
  };
  return resize_bicubic(image, side(image.width), side(image.height));
}

/// Whether this, as the model sees it, is what it saw.
bool was_seen(const Medium& medium, int64_t index, const Image& image) {
  const std::vector<ContentHash>& hashes = Internals::of(medium).hashes;
  const auto at = static_cast<size_t>(index);
  return at >= hashes.size() || hashes[at] == content_hash(image);
}

/// An image's tiles and its whole, or the image as it is where it is not cut; nothing where the
/// model saw another.
std::optional<Image> picture_of(const MediumSource& source, const Medium& medium, int64_t index,
                                int image_size) {
  DecodeOptions options;
  options.apply_exif_orientation = source.image.apply_exif_orientation;
  options.max_pixels = source.image.max_pixels;
  options.background = source.image.background;
  const Image whole = load_image(source.path, options);
  const ModelImages seen = prepare_image(whole, image_size, medium.images() > 1);
  if (medium.images() != static_cast<int64_t>(seen.images.size())) return std::nullopt;
  const Image& image = seen.images[static_cast<size_t>(index)];
  if (!was_seen(medium, index, image)) return std::nullopt;
  return small(index + 1 == medium.images() ? whole : image);
}

/// Frames of a film by their index in the medium, which may be a part of the film: told by when
/// they are shown. Without those that show something else than the model saw.
std::map<int64_t, Image> frames_of(const MediumSource& source, const Medium& medium,
                                   const std::vector<int64_t>& wanted, int image_size) {
  constexpr double kSame = 1e-4;  // seconds
  std::map<int64_t, Image> frames;
  VideoReader reader = VideoReader::open(source.path, source.video);
  Image shown;
  size_t met = 0;
  while (met < wanted.size()) {
    std::optional<VideoFrame> frame = reader.next();
    if (!frame) break;
    if (!frame->repeated) shown = std::move(frame->image);
    if (shown.width == 0) continue;
    for (const int64_t index : wanted) {
      const double seconds = medium.frame_seconds().at(static_cast<size_t>(index));
      if (std::fabs(seconds - frame->seconds) >= kSame) continue;
      ++met;
      const Image seen = resize_bicubic(shown, image_size, image_size);
      if (was_seen(medium, index, seen)) frames[index] = small(shown);
    }
  }
  return frames;
}

/// Between the middles of patches.
double interpolated(const std::vector<float>& map, int64_t rows, int64_t cols, double y, double x) {
  const double row =
      std::clamp(y * static_cast<double>(rows) - 0.5, 0.0, static_cast<double>(rows - 1));
  const double col =
      std::clamp(x * static_cast<double>(cols) - 0.5, 0.0, static_cast<double>(cols - 1));
  const auto top = static_cast<int64_t>(row);
  const auto left = static_cast<int64_t>(col);
  const auto at = [&](int64_t r, int64_t c) {
    return double{map[static_cast<size_t>(std::min(r, rows - 1) * cols + std::min(c, cols - 1))]};
  };
  const double down = row - static_cast<double>(top);
  const double right = col - static_cast<double>(left);
  return (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
         down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
}

}  // namespace

std::vector<EvidencePicture> read_pictures(const Evidence& evidence,
                                           const std::vector<MediumSource>& sources,
                                           int image_size) {
  std::vector<EvidencePicture> pictures;
  std::map<size_t, std::vector<int64_t>> frames;  // by film
  for (const size_t i : evidence.leading) {
    const ImageEvidence& image = evidence.images[i];
    if (image.heat_map.empty()) break;
    pictures.push_back({i, std::nullopt, false});
    const Medium& medium = evidence.media[image.medium];
    if (image.medium >= sources.size()) continue;
    if (medium.is_video()) {
      frames[image.medium].push_back(image.image);
      continue;
    }
    try {
      pictures.back().picture = picture_of(sources[image.medium], medium, image.image, image_size);
      pictures.back().is_changed = !pictures.back().picture;
    } catch (const Error&) {  // gone since: the rest can still be shown
    }
  }
  for (const auto& [film, wanted] : frames) {
    try {
      std::map<int64_t, Image> found =
          frames_of(sources[film], evidence.media[film], wanted, image_size);
      for (EvidencePicture& picture : pictures) {
        const ImageEvidence& image = evidence.images[picture.image];
        if (image.medium != film) continue;
        const auto frame = found.find(image.image);
        if (frame != found.end()) picture.picture = frame->second;
        picture.is_changed = !picture.picture;
      }
    } catch (const Error&) {
    }
  }
  return pictures;
}

Image with_heat(const Image& picture, const ImageEvidence& evidence, int64_t grid_rows,
                int64_t grid_cols) {
  const std::vector<float>& map = evidence.heat_map;
  const double most = std::max(1e-12, double{*std::max_element(map.begin(), map.end())});
  Image hot = picture;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double heat =
          std::sqrt(interpolated(map, grid_rows, grid_cols, (y + 0.5) / picture.height,
                                 (x + 0.5) / picture.width) /
                    most);
      // Cold places are darkened, hot ones stay and glow.
      const double glow = 0.55 * std::max(0.0, heat - 0.5) * 2;
      const double keep = 0.25 + 0.75 * heat;
      constexpr double kGlow[] = {255, 90, 0};
      uint8_t* pixel = hot.rgb.data() + (static_cast<size_t>(y) * picture.width + x) * 3;
      for (int c = 0; c < 3; ++c) {
        const double dimmed = pixel[c] * keep;
        pixel[c] = static_cast<uint8_t>(
            std::clamp(std::lround((1 - glow) * dimmed + glow * kGlow[c]), 0l, 255l));
      }
    }
  }
  return hot;
}

}  // namespace owl3::cli
