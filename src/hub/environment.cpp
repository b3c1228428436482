#include "hub/environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "core/error.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// As huggingface_hub reads its switches.
bool is_set(const char* name) {
  std::string value = variable(name);
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

/// A folder a variable names, of which "~/" is the home; empty where it is not set.
fs::path folder_of(const char* name) {
  const std::string value = variable(name);
  const bool at_home = value == "~" || value.starts_with("~/");
  return at_home ? fs::path(variable("HOME") + value.substr(1)) : fs::path(value);
}

fs::path hugging_face_home() {
  if (const fs::path home = folder_of("HF_HOME"); !home.empty()) return home;
  if (const fs::path cache = folder_of("XDG_CACHE_HOME"); !cache.empty())
    return cache / "huggingface";
  const fs::path home = variable("HOME");
  return home.empty() ? fs::path() : home / ".cache" / "huggingface";
}

std::string without_space(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string token_in(const fs::path& path) {
  std::ifstream file(path);
  std::string token(4096, '\0');
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  token.resize(static_cast<size_t>(file.gcount()));
  return without_space(token);
}

std::string hugging_face_token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (const std::string token = without_space(variable(name)); !token.empty()) return token;
  }
  if (is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return "";
  if (const fs::path path = folder_of("HF_TOKEN_PATH"); !path.empty()) return token_in(path);
  const fs::path home = hugging_face_home();
  return home.empty() ? "" : token_in(home / "token");
}

}  // namespace

fs::path hub_cache_folder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const fs::path folder = folder_of(name); !folder.empty()) return folder;
  }
  const fs::path home = hugging_face_home();
  return home.empty() ? home : home / "hub";
}

bool hub_is_offline() {
  return is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE");
}

std::string official_endpoint(HubSource source) {
  return source == HubSource::kModelScope ? "https://www.modelscope.cn" : "https://huggingface.co";
}

std::string hub_endpoint(HubSource source) {
  const bool is_modelscope = source == HubSource::kModelScope;
  const char* name = is_modelscope ? "MODELSCOPE_DOMAIN" : "HF_ENDPOINT";
  std::string endpoint = without_space(variable(name));
  if (endpoint.empty()) return official_endpoint(source);
  if (is_modelscope && endpoint.find("://") == endpoint.npos) endpoint = "https://" + endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool is_address = (endpoint.starts_with("https://") || endpoint.starts_with("http://")) &&
                          endpoint.find_first_of(" \t\r\n?#@") == endpoint.npos;
  if (!is_address) {
    throw UsageError(fmt::format("{}: must be an address such as https://huggingface.co", name));
  }
  return endpoint;
}

std::string hub_token(HubSource source) {
  const std::string token = source == HubSource::kModelScope
                                ? without_space(variable("MODELSCOPE_API_TOKEN"))
                                : hugging_face_token();
  const bool is_plain =
      std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (!is_plain)
    throw InputError("the hub's token (HF_TOKEN, or the file with it) has characters no token has");
  return token;
}

int hub_timeout_seconds() {
  const std::string text = variable("HF_HUB_DOWNLOAD_TIMEOUT");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && seconds > 0;
  return is_number ? std::min(seconds, 3600) : 20;
}

bool hub_progress_is_disabled() {
  return is_set("HF_HUB_DISABLE_PROGRESS_BARS");
}

}  // namespace owl3
