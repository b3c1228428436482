#include "api/prompt_read.h"

#include <algorithm>

#include "core/error.h"
#include "generate/generate.h"

namespace owl3 {

namespace {

/// Reading the rest of a turn in a step of its own costs less than a tenth of reading so many.
constexpr int64_t kManyImages = 128;

}  // namespace

int64_t PromptRead::last_chunk_begin() const {
  return chunk_ends.size() > 1 ? chunk_ends[chunk_ends.size() - 2] : 0;
}

PromptRead as_read(const Prompt& prompt, std::span<const ContentHash> pixels,
                   std::span<const int64_t> cuts) {
  PromptRead read;
  read.ids = prompt.ids;
  OWL3_CHECK(pixels.size() == prompt.media_positions.size());
  for (size_t i = 0; i < pixels.size(); ++i) {
    read.images.push_back({prompt.media_positions[i], pixels[i]});
  }
  read.chunk_ends = chunk_ends(static_cast<int64_t>(prompt.ids.size()), cuts);
  return read;
}

int64_t common_tokens(const PromptRead& one, const PromptRead& other) {
  const auto [id, other_id] =
      std::mismatch(one.ids.begin(), one.ids.end(), other.ids.begin(), other.ids.end());
  int64_t same = id - one.ids.begin();
  const auto [image, other_image] =
      std::mismatch(one.images.begin(), one.images.end(), other.images.begin(), other.images.end());
  if (image != one.images.end()) same = std::min(same, image->token_index);
  if (other_image != other.images.end()) same = std::min(same, other_image->token_index);
  int64_t common = 0;
  for (size_t i = 0; i < std::min(one.chunk_ends.size(), other.chunk_ends.size()); ++i) {
    if (one.chunk_ends[i] != other.chunk_ends[i] || one.chunk_ends[i] > same) break;
    common = one.chunk_ends[i];
  }
  return common;
}

std::vector<int64_t> cuts_behind_many_images(const Prompt& prompt) {
  std::vector<int64_t> cuts;
  auto image = prompt.media_positions.begin();
  for (const int64_t turn_end : prompt.answer_begins) {
    const auto behind = std::lower_bound(image, prompt.media_positions.end(), turn_end);
    if (behind - image >= kManyImages) cuts.push_back(*std::prev(behind) + 1);
    image = behind;
  }
  return cuts;
}

}  // namespace owl3
