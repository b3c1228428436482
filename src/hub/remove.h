// Models out of the cache.
#pragma once

#include <cstdint>

#include "hub/cache.h"
#include "hub/model_name.h"

namespace owl3 {

/// Removes a model with all its revisions and conversions; with a type the conversions to it, with
/// the type "original" all but the conversions. Returns the bytes that were freed. Throws
/// InputError where it is not there, or is being fetched.
uint64_t remove_model(const HubCache& cache, const ModelName& name);

}  // namespace owl3
