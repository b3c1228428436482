// Which steps of decoding are alike, for a backend that repeats them.
#include <algorithm>

#include "model/decoder.h"

namespace owl3 {

/// Steps are alike as long as every text has room in its last pages, sees the same images, and the
/// table of angles is the same. Pages before the last are never written to, and none is replaced
/// but together with the last or by another number of them.
std::unique_ptr<StepScope> Decoder::begin_repeatable(std::span<const SequenceRows> step) {
  StepRepeater* const repeater = backend_.step_repeater();
  if (repeater == nullptr || static_cast<int64_t>(step.size()) > backend_.few_rows()) {
    return nullptr;
  }
  const bool decodes = std::all_of(step.begin(), step.end(), [](const SequenceRows& rows) {
    return rows.ids.size() == 1 && !rows.sequence.log && rows.sequence.cache.has_room_in_place();
  });
  if (!decodes) return nullptr;
  StepKind kind;
  int64_t end = 0;
  for (const SequenceRows& rows : step) {
    const TextCache& cache = rows.sequence.cache;
    for (int64_t layer = 0; layer < cache.layers(); ++layer) {
      kind.memory.push_back(&cache.pages(layer).back().keys);
    }
    kind.numbers.push_back(static_cast<int64_t>(cache.pages(0).size()));
    int64_t images = 0;
    for (const PlacedImage& image : rows.sequence.images) {
      if (image.token_index + image_position_offset(variant_) > cache.length()) break;
      for (const KeyValueBlock& block : image.memory->layers) kind.memory.push_back(&block.keys);
      ++images;
    }
    kind.numbers.push_back(images);
    end = std::max(end, cache.length() + 1);
  }
  rope_table(end + 1);  // as the step asks for it, which then makes none
  kind.memory.push_back(&rope_);
  return repeater->begin(kind);
}

}  // namespace owl3
