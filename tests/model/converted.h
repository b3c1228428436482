// Checkpoints of fewer bits for tests.
#pragma once

#include <filesystem>

#include "formats/checkpoint.h"
#include "formats/gguf_conversion.h"
#include "formats/gguf_metadata.h"

namespace owl3 {

inline void convert(const std::filesystem::path& model, const std::filesystem::path& out,
                    const ConversionOptions& options) {
  const Checkpoint source = Checkpoint::open(model);
  write_gguf(out, source, plan_conversion(source.config(), source.variant(), options),
             make_gguf_metadata(source, "test", options.type), 2, {});
}

}  // namespace owl3
