#include "training_data/batch_builder.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"

namespace owl3 {

/// The batch's images, each once.
class BatchBuilder::Images {
 public:
  explicit Images(Batch& batch) : batch_(&batch) {}

  /// The sample's images, at their places in `row`, the first at `first`.
  void add(const Media& media, const EncodedSample& sample, int64_t row, int32_t segment,
           int64_t first) {
    auto at = static_cast<size_t>(row * batch_->images_per_row + first);
    auto position = sample.image_positions.begin();
    for (const auto& images : media) {
      for (const HashedImage& image : *images) {
        batch_->image[at] = index_of(image);
        batch_->image_segment[at] = segment;
        batch_->image_position[at] = *position;
        ++at;
        ++position;
      }
    }
  }

 private:
  int32_t index_of(const HashedImage& image) {
    const auto [place, is_new] =
        places_.try_emplace(image.hash, static_cast<int32_t>(batch_->images.size()));
    if (is_new) {
      batch_->images.push_back(image.image);
      batch_->image_hash.push_back(image.hash);
    }
    return place->second;
  }

  Batch* batch_;
  std::unordered_map<uint64_t, int32_t> places_;
};

namespace {

int64_t tokens_in(const PlannedRow& row) {
  size_t tokens = 0;
  for (const EncodedSample& sample : row) tokens += sample.ids.size();
  return static_cast<int64_t>(tokens);
}

int64_t images_in(const PlannedRow& row) {
  size_t images = 0;
  for (const EncodedSample& sample : row) images += sample.image_positions.size();
  return static_cast<int64_t>(images);
}

Batch padding(std::span<const PlannedRow> rows) {
  Batch batch;
  batch.rows = static_cast<int64_t>(rows.size());
  batch.tokens = 1;  // of a batch without samples, which ends an epoch on some ranks
  for (const PlannedRow& row : rows) {
    batch.tokens = std::max(batch.tokens, tokens_in(row));
    batch.images_per_row = std::max(batch.images_per_row, images_in(row));
  }
  const auto tokens = static_cast<size_t>(batch.rows * batch.tokens);
  const auto images = static_cast<size_t>(batch.rows * batch.images_per_row);
  batch.ids.assign(tokens, 0);
  batch.labels.assign(tokens, kNoLabel);
  batch.segment.assign(tokens, -1);
  batch.position.assign(tokens, 0);
  batch.image.assign(images, -1);
  batch.image_segment.assign(images, -1);
  batch.image_position.assign(images, -1);
  return batch;
}

void add_tokens(const EncodedSample& sample, int64_t row, int32_t segment, int64_t first,
                Batch& batch) {
  auto at = static_cast<size_t>(row * batch.tokens + first);
  for (size_t i = 0; i < sample.ids.size(); ++i, ++at) {
    batch.ids[at] = sample.ids[i];
    if (sample.learnt[i] != 0) batch.labels[at] = sample.ids[i];
    batch.segment[at] = segment;
    batch.position[at] = static_cast<int32_t>(i);
  }
  batch.label_tokens += sample.label_tokens;
}

}  // namespace

BatchBuilder::Built BatchBuilder::build(std::span<const PlannedRow> rows, bool skip_broken) const {
  Built built{padding(rows), {}};
  Batch& batch = built.batch;
  Images images(batch);
  for (int64_t row = 0; row < batch.rows; ++row) {
    int64_t first_token = 0;
    int64_t first_image = 0;
    int32_t segment = 0;
    for (const EncodedSample& sample : rows[static_cast<size_t>(row)]) {
      Media media;
      try {
        media = decode_all(sample);
      } catch (const InputError& error) {
        if (!skip_broken) throw;
        built.left_out.samples.emplace_back(error.what());
        built.left_out.label_tokens += sample.label_tokens;
        continue;  // those after it move up
      }
      add_tokens(sample, row, segment, first_token, batch);
      images.add(media, sample, row, segment, first_image);
      first_token += static_cast<int64_t>(sample.ids.size());
      first_image += static_cast<int64_t>(sample.image_positions.size());
      ++segment;
    }
  }
  return built;
}

void BatchBuilder::check(const EncodedSample& sample) const {
  for (size_t medium = 0; medium < sample.media.size(); ++medium) decode(sample, medium);
}

BatchBuilder::Media BatchBuilder::decode_all(const EncodedSample& sample) const {
  Media media;
  for (size_t i = 0; i < sample.media.size(); ++i) media.push_back(decode(sample, i));
  return media;
}

std::shared_ptr<const HashedImages> BatchBuilder::decode(const EncodedSample& sample,
                                                         size_t index) const {
  const EncodedMedium& medium = sample.media[index];
  try {
    // One that stands in the JSONL was not kept: a step's worth of them could be gigabytes.
    const std::string reference = medium.reference.empty()
                                      ? files_->read(sample.number).media[index].reference
                                      : medium.reference;
    auto images = medium.is_video ? store_->frames(reference, encoder_->video_options())
                                  : store_->image(reference, medium.cut);
    if (static_cast<int64_t>(images->size()) != medium.images) {
      throw InputError(fmt::format("{}: the file has changed", medium.reference));
    }
    return images;
  } catch (const InputError& error) {
    throw InputError(
        fmt::format("{}: {}: {}", files_->where(sample.number), medium.place, error.what()));
  }
}

}  // namespace owl3
