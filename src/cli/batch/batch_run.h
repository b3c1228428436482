// What a run of `owl3 batch` is: what must be the same for it to be gone on with.
#pragma once

#include <nlohmann/json.hpp>

#include "batch/batch_item.h"
#include "batch/request_lines.h"
#include "cli/batch/batch_options.h"

namespace owl3::cli {

/// `arguments.generation` has its form.
nlohmann::ordered_json run_json(const BatchArguments& arguments, const BatchInput& input);
/// Of requests of OpenAI's Batch.
nlohmann::ordered_json run_json(const BatchArguments& arguments, const RequestLines& requests);

/// What was said about generation; empty: nothing.
nlohmann::ordered_json generation_json(const GenerationChoices& choices);

}  // namespace owl3::cli
