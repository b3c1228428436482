#include "media/codecs/tiff_page.h"

#include <algorithm>
#include <vector>

namespace owl3 {
namespace {

/// Of pages and SubIFDs looked at.
constexpr tdir_t kMostPages = 64;

/// Neither a smaller copy of another page, nor a mask.
bool is_page_of_its_own(const TiffFile& file) {
  const auto kind = file.number<uint32_t>(TIFFTAG_SUBFILETYPE, 0);
  if ((kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0) return false;
  return file.number<uint16_t>(TIFFTAG_OSUBFILETYPE, OFILETYPE_IMAGE) != OFILETYPE_REDUCEDIMAGE;
}

bool is_raw(const TiffFile& file) {
  constexpr uint16_t kLinearRaw = 34892;
  const auto photometric = file.number<uint16_t>(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  return photometric == PHOTOMETRIC_CFA || photometric == kLinearRaw;
}

std::vector<uint64_t> sub_directories(const TiffFile& file) {
  uint16_t count = 0;
  uint64_t* offsets = nullptr;
  if (TIFFGetField(file.handle(), TIFFTAG_SUBIFD, &count, &offsets) == 0) return {};
  return {offsets, offsets + std::min<size_t>(count, kMostPages)};
}

/// Goes on to the next page of its own; false at the end.
bool find_next_page(const TiffFile& file) {
  for (tdir_t page = 0; page < kMostPages && TIFFReadDirectory(file.handle()) != 0; ++page) {
    if (is_page_of_its_own(file)) return true;
  }
  return false;
}

}  // namespace

TiffPage choose_tiff_page(const TiffFile& file) {
  TIFF* const tiff = file.handle();
  if (is_page_of_its_own(file)) {
    if (TIFFLastDirectory(tiff) != 0) return {};
    const bool has_more = find_next_page(file);
    TIFFSetDirectory(tiff, 0);
    return {.has_more = has_more};
  }
  const std::vector<uint64_t> below = sub_directories(file);
  if (find_next_page(file) && !is_raw(file)) return {};
  for (const uint64_t offset : below) {
    const bool opened = TIFFSetSubDirectory(tiff, offset) != 0;
    if (opened && is_page_of_its_own(file) && !is_raw(file)) return {};
  }
  TIFFSetDirectory(tiff, 0);
  return {.is_preview = true};
}

}  // namespace owl3
