// A prompt as the decoder reads it: what has to be the same for its keys and values to be the same.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "media/content_hash.h"
#include "text/prompt.h"

namespace owl3 {

/// The images are known by their pixels: whoever keeps this holds none of their memory.
struct PromptRead {
  struct Image {
    int64_t token_index = 0;
    ContentHash pixels{};
    bool operator==(const Image&) const = default;
  };

  std::vector<int32_t> ids;
  std::vector<Image> images;        // by ascending token_index
  std::vector<int64_t> chunk_ends;  // ascending; the last one is the prompt's end

  /// Where the last chunk begins: what comes before is read alike in every prompt that goes on from
  /// there. The last chunk is read in any case, since its last token's logits are wanted.
  int64_t last_chunk_begin() const;
};

/// Of a prompt that is cut at `cuts`, beside every kPrefillChunk tokens. `pixels` of its images.
PromptRead as_read(const Prompt& prompt, std::span<const ContentHash> pixels,
                   std::span<const int64_t> cuts);

/// How far two prompts are the same to the model, in whole chunks of both.
int64_t common_tokens(const PromptRead& one, const PromptRead& other);

/// Behind the last image of each turn that shows many: so that another question about the same ones
/// has all of them in common with this. Every prompt is cut there, whatever is kept of it.
std::vector<int64_t> cuts_behind_many_images(const Prompt& prompt);

}  // namespace owl3
