#include "train/interleave.h"

#include <algorithm>

namespace owl3::train {

namespace {

/// A row of tokens that grows.
struct Row {
  std::vector<int64_t> ids, labels;
  std::vector<int32_t> segment, position;
  std::vector<int64_t> image_begins;  // of each image, its first token's place

  void add(int64_t id, int64_t label, int32_t of_segment) {
    const bool begins = segment.empty() || segment.back() != of_segment;
    position.push_back(begins ? 0 : position.back() + 1);
    ids.push_back(id);
    labels.push_back(label);
    segment.push_back(of_segment);
  }
};

Row interleaved_row(const Batch& rows, int64_t row, int64_t tokens_per_image) {
  Row result;
  auto image = static_cast<size_t>(row * rows.images_per_row);  // they are in the tokens' order
  const auto images_end = static_cast<size_t>((row + 1) * rows.images_per_row);
  for (int64_t t = 0; t < rows.tokens; ++t) {
    const auto at = static_cast<size_t>(row * rows.tokens + t);
    if (rows.segment[at] < 0) break;  // padding
    const bool is_image = image < images_end && rows.image_segment[image] == rows.segment[at] &&
                          rows.image_position[image] == rows.position[at];
    if (is_image) {
      result.image_begins.push_back(static_cast<int64_t>(result.ids.size()));
      ++image;
    }
    for (int64_t i = 0; i < (is_image ? tokens_per_image : 1); ++i) {
      result.add(rows.ids[at], is_image ? kNoLabel : rows.labels[at], rows.segment[at]);
    }
  }
  return result;
}

}  // namespace

InterleavedRows interleave(const Batch& rows, int64_t tokens_per_image) {
  std::vector<Row> made;
  for (int64_t row = 0; row < rows.rows; ++row) {
    made.push_back(interleaved_row(rows, row, tokens_per_image));
  }
  InterleavedRows result;
  Batch& batch = result.rows;
  batch.rows = rows.rows;
  for (const Row& row : made) {
    batch.tokens = std::max(batch.tokens, static_cast<int64_t>(row.ids.size()));
  }
  for (size_t r = 0; r < made.size(); ++r) {
    Row& row = made[r];
    for (size_t i = 0; i < row.image_begins.size(); ++i) {
      result.images.push_back(rows.image[r * static_cast<size_t>(rows.images_per_row) + i]);
      for (int64_t j = 0; j < tokens_per_image; ++j) {
        result.places.push_back(static_cast<int64_t>(r) * batch.tokens + row.image_begins[i] + j);
      }
    }
    const auto tokens = static_cast<size_t>(batch.tokens);
    row.ids.resize(tokens, 0);
    row.labels.resize(tokens, kNoLabel);
    row.segment.resize(tokens, -1);
    row.position.resize(tokens, 0);
    batch.ids.insert(batch.ids.end(), row.ids.begin(), row.ids.end());
    batch.labels.insert(batch.labels.end(), row.labels.begin(), row.labels.end());
    batch.segment.insert(batch.segment.end(), row.segment.begin(), row.segment.end());
    batch.position.insert(batch.position.end(), row.position.begin(), row.position.end());
  }
  batch.label_tokens = rows.label_tokens;
  batch.step_label_tokens = rows.step_label_tokens;
  return result;
}

}  // namespace owl3::train
