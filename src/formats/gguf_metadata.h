// What a GGUF file of mPLUG-Owl3 says beside its weights.
#pragma once

#include <string_view>

#include "formats/checkpoint.h"
#include "formats/gguf.h"

namespace owl3 {

/// The checkpoint's JSON files, unchanged, which are what owl3 itself reads; and the model's shape
/// and vocabulary under the standard keys, for other tools. `type` is that of most weights. Throws
/// InputError when the tokenizer's vocabulary cannot be read.
GgufMetadata make_gguf_metadata(const Checkpoint& checkpoint, std::string_view name, DType type);

}  // namespace owl3
