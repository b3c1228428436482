// Under what an image's memory is kept: all that it depends on, and nothing else.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

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
/// are told apart as files are (MappedFile::identity()), those that lie in memory by their content:
/// the key is for this machine, and for as long as the files stay as they are.
Sha256::Digest model_key(Owl3Model& model, const ModelOptions& options);

/// How pixels become numbers, and from when on: another text where the same pixels and weights give
/// other memories.
inline constexpr std::string_view kMemoryPreprocessing =
    "owl3 visual memory 1: (x / 255 - 0.5) / 0.5";

/// Of the adapters of those layers; nothing where there are none.
std::optional<Sha256::Digest> vision_adapters_digest(Owl3Model& model);

/// Of the weights that an image goes through, and of what the config says of them: the same on
/// every machine, whatever else the checkpoint holds. Reads them all.
Sha256::Digest vision_weights_digest(Owl3Model& model, int threads);

}  // namespace owl3
