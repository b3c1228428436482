// Which of a TIFF's pages is the picture.
#pragma once

#include "media/codecs/tiff_file.h"

namespace owl3 {

struct TiffPage {
  bool is_preview = false;  // a smaller copy of a picture that can't be shown
  bool has_more = false;    // pages behind it that are pictures of their own
};

/// Makes the first page that is neither a smaller copy nor a mask the file's present one: cameras
/// and scanners put a thumbnail before it, and the picture behind or below (SubIFD). Where there is
/// none, the first page stays.
TiffPage choose_tiff_page(const TiffFile& file);

}  // namespace owl3
