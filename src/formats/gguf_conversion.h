// From a checkpoint, folder or GGUF, to a GGUF file with other element types.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/conversion_plan.h"
#include "formats/gguf.h"
#include "formats/lora_adapter.h"
#include "owl3/options.h"

namespace owl3 {

/// Writes the planned tensors, converted piece by piece on `threads` threads. Memory stays at some
/// 30 MB, whatever the model. Adapters (which check_mergeable() let pass) are merged. The progress
/// counts megabytes written. Throws InputError for NaN, infinities and values too large for a type,
/// naming file and tensor; Interrupted when the progress says so. Returns the bytes of the file.
uint64_t write_gguf(const std::filesystem::path& path, const Checkpoint& checkpoint,
                    const std::vector<PlannedTensor>& plan, GgufMetadata metadata, int threads,
                    const ProgressCallback& progress, std::span<const LoraAdapter> adapters = {});

}  // namespace owl3
