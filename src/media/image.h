// Still images: decoding to 8-bit RGB, Pillow-exact resizing, the model's cutting into tiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "owl3/options.h"

namespace owl3 {

/// 8-bit RGB, rows top to bottom.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]
};

/// What was read from a file.
struct DecodedImage : Image {
  /// What was not right with it, one line that begins with the file's name, or empty.
  std::string warning{};
};

struct DecodeOptions {
  /// Turn the image upright by its EXIF orientation.
  bool apply_exif_orientation = true;
  /// Refuse images of more pixels than this: a small file can claim terabytes.
  int64_t max_pixels = kMaxPixels;
  /// Refuse images that take more memory to decode than this; not given: than the process may have
  /// at that moment.
  std::optional<int64_t> max_bytes{};
  /// What is transparent is laid over this colour; not given: alpha is dropped.
  std::optional<Colour> background{};
};

/// Decodes JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP, TIFF and whatever else FFmpeg reads
/// (first frame), told apart by content. Like Pillow's convert("RGB"): alpha is dropped without
/// blending, with a warning where that shows another picture than people see; palettes and grey are
/// expanded. `name` stands in error messages. Throws InputError.
DecodedImage decode_image(std::span<const std::byte> bytes, const std::string& name,
                          const DecodeOptions& options = {});
DecodedImage load_image(const std::filesystem::path& path, const DecodeOptions& options = {});

struct ImageSize {
  int width = 0;
  int height = 0;
};
/// The size of the image that decoding would give, from its header; no pixel is decoded, but of a
/// kind whose decoder asks for no memory before (AV1 series). Throws InputError, for what already
/// the header shows to be wrong, and for what decoding it would take.
ImageSize image_size(std::span<const std::byte> bytes, const std::string& name,
                     const DecodeOptions& options = {});
ImageSize image_size(const std::filesystem::path& path, const DecodeOptions& options = {});

/// Bit-exact with Pillow's Image.resize((width, height), BICUBIC): antialiased, a = -0.5, two
/// passes in fixed point. `threads`: at most so many; 0: available_threads().
Image resize_bicubic(const Image& image, int width, int height, int threads = 0);

struct Grid {
  int rows = 0;
  int cols = 0;
};

/// The grid that cutting uses for a width x height image (model-spec: Images and cutting).
Grid choose_grid(int width, int height, int image_size);

/// An image as the model sees it: one or more images of S x S.
struct ModelImages {
  Grid grid;                  // 0 x 0 when uncut
  std::vector<Image> images;  // uncut: one; cut: tiles in row-major order, then the global view
};
ModelImages prepare_image(const Image& image, int image_size, bool cut, int threads = 0);

/// [3, S, S] float32 in [-1, 1]: x / 255, then (x - 0.5) / 0.5.
void normalize_pixels(const Image& image, float* pixel_values);

}  // namespace owl3
