// What a repository on a hub holds, by the hub's own interface, and which of it owl3 needs.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "hub/environment.h"
#include "hub/http_client.h"
#include "hub/model_name.h"

namespace owl3 {

struct RemoteFile {
  std::string path;
  uint64_t size = 0;
  std::string checksum;  // see checksum.h
  std::string url;
};

struct Repository {
  HubSource source = HubSource::kHuggingFace;
  std::string name;    // "mPLUG/mPLUG-Owl3-2B-241014"
  std::string commit;  // of ModelScope, which names none: of the list of files
  std::vector<RemoteFile> files;
};

/// Which hub is asked, and how patiently.
struct HubAccess {
  HubSource source = HubSource::kHuggingFace;
  std::string endpoint;
  std::string token;
  HttpOptions http;
  std::chrono::milliseconds first_pause{1000};  // before a second attempt; then twice as long, ...
  int attempts = 6;                             // in a row without a byte
  std::function<bool()> goes_on = [] { return true; };
  std::function<void(const std::string&)> tell = [](const std::string&) {};

  /// As the environment says.
  static HubAccess of(HubSource source);
};

/// Asks the hub. Throws InputError where there is no such repository or revision, or it may not be
/// read, with what to do.
Repository list_repository(HttpClient& client, const HubAccess& access, const ModelName& name);

/// Of the files, those that owl3 runs a model from, and the tokenizer's as others read them; or the
/// file that was asked for by name. Throws InputError where there is no model of such.
std::vector<RemoteFile> needed_files(const Repository& repository, const std::string& file);

}  // namespace owl3
