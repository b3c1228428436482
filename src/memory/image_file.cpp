#include "memory/image_file.h"

namespace owl3 {

namespace {

DecodeOptions decode_options(const ImageOptions& options) {
  DecodeOptions decode;
  decode.apply_exif_orientation = options.apply_exif_orientation;
  decode.max_pixels = options.max_pixels;
  decode.background = options.background;
  return decode;
}

}  // namespace

ImageSize ImageFile::size(const ImageOptions& options) const {
  return bytes ? image_size(*bytes, path.string(), decode_options(options))
               : image_size(path, decode_options(options));
}

DecodedImage ImageFile::load(const ImageOptions& options) const {
  return bytes ? decode_image(*bytes, path.string(), decode_options(options))
               : load_image(path, decode_options(options));
}

}  // namespace owl3
