// Under what an image's memory is kept: all that it depends on, and nothing else.
#pragma once

#include <compare>

#include "core/sha.h"
#include "media/content_hash.h"
#include "model/owl3_model.h"

namespace owl3 {

struct MemoryKey {
  Sha256::Digest model{};  // model_key()
  ContentHash pixels{};    // as the model sees them: turned, cut, resized

  auto operator<=>(const MemoryKey&) const = default;
};

/// Of what memories depend on beside the pixels: how these become numbers, the weights and the
/// config, the adapters of those layers that an image goes through, and the precision they are
/// computed and kept in. Models that differ in adapters of the text alone have the same. Weights
/// are told apart as files are (MappedFile::identity()): the key is for this machine, and for as
/// long as the files stay as they are.
Sha256::Digest model_key(Owl3Model& model, const ModelOptions& options);

}  // namespace owl3
