// What the official demo, the official evaluation and a checkpoint recommend.
#pragma once

#include <string>

#include "formats/config.h"
#include "owl3/options.h"

namespace owl3 {

/// The options with what generation_config.json states put over them. A temperature of 0 there
/// turns sampling off, a top_p of 0 leaves the best token only, and several beams win over
/// sampling, since beam search here does not sample.
GenerationOptions with_checkpoint_defaults(GenerationOptions options,
                                           const GenerationConfig& config);

/// generation_preset(name) on a checkpoint: the preset stands, but where it leaves the repetition
/// penalty off ("eval", "greedy") the checkpoint's is used, as in Hugging Face's generate.
GenerationOptions generation_preset(const std::string& name, const GenerationConfig& config);

}  // namespace owl3
