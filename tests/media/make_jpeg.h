// JPEG files of every coding, written by libjpeg.
#pragma once

#include <cstdio>
// jpeglib.h needs FILE from <cstdio> above it.
#include <jpeglib.h>

#include <cstddef>
#include <vector>

#include "media/image.h"

namespace owl3::test {

struct JpegKind {
  bool progressive = false;
  bool arithmetic = false;
  unsigned restart_interval = 0;  // in MCUs
  bool optimized = false;         // codes fit to the picture: zeros for what is commonest
};

inline std::vector<std::byte> make_jpeg(const Image& image, const JpegKind& kind = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  info.arith_code = kind.arithmetic ? TRUE : FALSE;
  info.restart_interval = kind.restart_interval;
  info.optimize_coding = kind.optimized ? TRUE : FALSE;
  if (kind.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    const size_t offset = size_t{3} * info.next_scanline * info.image_width;
    JSAMPROW row = const_cast<JSAMPROW>(image.rgb.data() + offset);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> jpeg(bytes, bytes + size);
  jpeg_destroy_compress(&info);
  free(data);
  return jpeg;
}

}  // namespace owl3::test
