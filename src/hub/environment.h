// What the environment says about hubs, in the variables that Hugging Face's and ModelScope's own
// tools read.
#pragma once

#include <filesystem>
#include <string>

namespace owl3 {

enum class HubSource { kHuggingFace, kModelScope };

/// The folder of Hugging Face's cache: HF_HUB_CACHE (HUGGINGFACE_HUB_CACHE), or `hub` in HF_HOME,
/// in XDG_CACHE_HOME/huggingface or in ~/.cache/huggingface. Empty where there is no home.
std::filesystem::path hub_cache_folder();

/// HF_HUB_OFFLINE (TRANSFORMERS_OFFLINE) is set.
bool hub_is_offline();

/// "https://huggingface.co", "https://www.modelscope.cn".
std::string official_endpoint(HubSource source);

/// official_endpoint() or HF_ENDPOINT; of ModelScope MODELSCOPE_DOMAIN. Without a slash at its
/// end. Throws UsageError for what is no address.
std::string hub_endpoint(HubSource source);

/// HF_TOKEN, the file HF_TOKEN_PATH or `token` in HF_HOME, unless HF_HUB_DISABLE_IMPLICIT_TOKEN is
/// set; of ModelScope MODELSCOPE_API_TOKEN. Empty where there is none. Throws InputError, which
/// doesn't show it, for one that is broken.
std::string hub_token(HubSource source);

/// Seconds without data after which a connection is given up: HF_HUB_DOWNLOAD_TIMEOUT (20).
int hub_timeout_seconds();

/// HF_HUB_DISABLE_PROGRESS_BARS is set.
bool hub_progress_is_disabled();

}  // namespace owl3
