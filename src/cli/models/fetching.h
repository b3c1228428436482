// Fetching a model with a progress bar and words for people: for `owl3 pull`, and where a command
// offers it.
#pragma once

#include <string>

#include "hub/pull.h"

namespace owl3::cli {

/// Fetches it. Ctrl-C throws Interrupted, having told how to go on with `command`.
PulledModel fetch_model(const PullRequest& request, HubAccess access, FetchOptions options,
                        const std::string& command);

/// On a terminal, where one of the released models is named that is not on this machine: asks
/// whether it should be fetched now, with its size, and fetches it. Throws ModelNotFetched where
/// that is not wanted, or can't be asked.
void offer_to_fetch(const std::string& model);

/// "iic/..." is ModelScope's, all else Hugging Face's, unless another source is named.
HubSource source_of(const ModelName& name, const std::string& source);

}  // namespace owl3::cli
