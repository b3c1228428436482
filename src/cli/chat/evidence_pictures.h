// The pictures that evidence leads to, as people see them: read once more, small.
#pragma once

#include <optional>
#include <vector>

#include "api/conversation_file.h"
#include "media/image.h"
#include "owl3/owl3.h"

namespace owl3::cli {

struct EvidencePicture {
  size_t image = 0;              // of Evidence::images
  std::optional<Image> picture;  // nothing where its file can't be read any more
  bool is_changed = false;       // the file shows something else than what was looked at
};

/// Those with heat maps, by descending share. `sources` are of all of the evidence's media, in
/// order; `image_size` is what the model sees of one.
std::vector<EvidencePicture> read_pictures(const Evidence& evidence,
                                           const std::vector<MediumSource>& sources,
                                           int image_size);

/// The picture with the heat of its patches over it, warm where most was attended to.
Image with_heat(const Image& picture, const ImageEvidence& evidence, int64_t grid_rows,
                int64_t grid_cols);

}  // namespace owl3::cli
