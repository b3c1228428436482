// A data set on disk: rows as JSONL, their pictures in a tar archive beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "owlet/rows.h"

namespace owl3 {

struct DatasetPart {
  RowKind kind = RowKind::kStage3;
  int64_t rows = 0;
};

struct DatasetOptions {
  std::vector<DatasetPart> parts;
  Split split = Split::kTrain;
  uint64_t seed = 0;
  int image_size = 64;
  int pictures = 20000;  // scenes; clips bring further ones
  int clips = 1000;      // made when a part has clips
  int max_images = 400;
  int max_frames = 12;
  Numbering numbering = Numbering::kMixed;
  bool loose_pictures = false;  // as files in pictures/ instead of pictures.tar
  int threads = 1;
};

/// What there is now: rows or pictures done of all; returns whether to go on.
using DatasetProgress = std::function<bool(std::string_view stage, int64_t done, int64_t total)>;

struct DatasetSummary {
  int64_t rows = 0;
  int64_t pictures = 0;
  int64_t longest_sequence = 0;
};

/// Writes KIND.jsonl for every part, pictures.tar (where a part has images) and about.json into an
/// existing folder. Throws InputError, and Interrupted when `progress` returns false.
DatasetSummary write_dataset(const std::filesystem::path& folder, const DatasetOptions& options,
                             const Artwork& artwork, const DatasetProgress& progress);

/// A row as its line of JSONL, without the new line.
std::string to_json(const Row& row, bool loose_pictures);

}  // namespace owl3
