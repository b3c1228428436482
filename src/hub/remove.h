// Models out of the cache.
#pragma once

#include <cstdint>

#include "hub/cache.h"
#include "hub/model_name.h"

namespace owl3 {

/// Removes a model with all its revisions and conversions; with a revision that one alone and the
/// conversions of it; with a type that conversion, with the type "original" all but the
/// conversions. Returns the bytes that were freed. Throws InputError where it is not there, or is
/// being fetched.
uint64_t remove_model(const HubCache& cache, const ModelName& name);

}  // namespace owl3
