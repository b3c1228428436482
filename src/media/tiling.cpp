// The model's view of an image: the cutting grid, tiles and global view, and pixel values.
#include <algorithm>

#include "core/error.h"
#include "media/image.h"

namespace owl3 {
namespace {

constexpr Grid kGrids[] = {{2, 2}, {1, 3}, {1, 4}, {3, 1}, {4, 1}, {2, 3}, {3, 2}};

/// Intersection over union of two boxes with a common corner. The released model's arithmetic:
/// integers up to the division, which is float32.
float iou(int64_t width_a, int64_t height_a, int64_t width_b, int64_t height_b) {
  const int64_t intersection = std::min(width_a, width_b) * std::min(height_a, height_b);
  const int64_t both = width_a * height_a + width_b * height_b - intersection;
  return static_cast<float>(intersection) / (static_cast<float>(both) + 1e-5f);
}

Image crop(const Image& image, int left, int top, int width, int height) {
  Image part{width, height, {}};
  part.rgb.reserve(static_cast<size_t>(width) * height * 3);
  for (int y = top; y < top + height; ++y) {
    const auto row = image.rgb.begin() + (int64_t{y} * image.width + left) * 3;
    part.rgb.insert(part.rgb.end(), row, row + int64_t{width} * 3);
  }
  return part;
}

}  // namespace

Grid choose_grid(int width, int height, int image_size) {
  if (width <= 0 || height <= 0 || image_size <= 0) {
    throw UsageError(
        fmt::format("no cutting grid for a {} x {} image at size {}", width, height, image_size));
  }
  Grid best;
  float best_score = -1;
  for (const Grid& grid : kGrids) {
    const int64_t box_width = int64_t{grid.cols} * image_size;
    const int64_t box_height = int64_t{grid.rows} * image_size;
    const auto shape_height =
        static_cast<int64_t>(static_cast<double>(height) / width * static_cast<double>(box_width));
    const float shape_iou = iou(box_width, box_height, box_width, shape_height);
    const float score = 100 * shape_iou + iou(box_width, box_height, width, height);
    if (score > best_score) {
      best = grid;
      best_score = score;
    }
  }
  return best;
}

ModelImages prepare_image(const Image& image, int image_size, bool cut, int threads) {
  ModelImages result;
  if (cut) {
    result.grid = choose_grid(image.width, image.height, image_size);
    const Image whole = resize_bicubic(image, result.grid.cols * image_size,
                                       result.grid.rows * image_size, threads);
    for (int row = 0; row < result.grid.rows; ++row) {
      for (int col = 0; col < result.grid.cols; ++col) {
        result.images.push_back(
            crop(whole, col * image_size, row * image_size, image_size, image_size));
      }
    }
  }
  result.images.push_back(resize_bicubic(image, image_size, image_size, threads));
  return result;
}

void normalize_pixels(const Image& image, float* pixel_values) {
  const size_t pixels = static_cast<size_t>(image.width) * image.height;
  for (size_t channel = 0; channel < 3; ++channel) {
    float* const plane = pixel_values + channel * pixels;
    for (size_t i = 0; i < pixels; ++i) {
      plane[i] = (static_cast<float>(image.rgb[i * 3 + channel]) / 255.0f - 0.5f) / 0.5f;
    }
  }
}

}  // namespace owl3
