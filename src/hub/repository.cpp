#include "hub/repository.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string_view>
#include <thread>

#include "core/error.h"
#include "core/sha.h"
#include "hub/answers.h"
#include "hub/checksum.h"

namespace owl3 {

namespace {

using nlohmann::json;

constexpr size_t kMostFiles = 100000;
constexpr size_t kMostPages = 1000;

// Small ones of the tokenizer beside tokenizer.json are for the other tools that share the cache.
constexpr std::array kSmallFiles = {"config.json",
                                    "generation_config.json",
                                    "preprocessor_config.json",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "vocab.json",
                                    "merges.txt",
                                    "model.safetensors.index.json"};

void wait(std::chrono::milliseconds pause, const HubAccess& access) {
  const auto end = std::chrono::steady_clock::now() + pause;
  while (std::chrono::steady_clock::now() < end) {
    if (!access.goes_on()) throw Interrupted("interrupted");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// A successful answer; tries as often as may help.
HttpResponse ask(HttpClient& client, const HubAccess& access, const std::string& url,
                 const ModelName& name) {
  for (int attempt = 1;; ++attempt) {
    HttpResponse response = client.get({url, access.token, "", nullptr}, access.goes_on);
    if (response.failure.empty() && response.status == 200) return response;
    if (!may_pass(response) || attempt >= access.attempts) {
      refuse(response, access, name.repository, name.revision);
    }
    const auto pause = pause_before(attempt, response, access);
    access.tell(fmt::format("{}; trying again in {:.0f} s", problem_of(response),
                            std::max(1.0, std::chrono::duration<double>(pause).count())));
    wait(pause, access);
  }
}

[[noreturn]] void not_understood(const HubAccess& access) {
  throw InputError(
      fmt::format("{}: its answer is not a hub's; is {} right?", host_of(access.endpoint),
                  access.source == HubSource::kModelScope ? "MODELSCOPE_DOMAIN" : "HF_ENDPOINT"));
}

json parse(const HttpResponse& response, const HubAccess& access) {
  json parsed = json::parse(response.body, nullptr, false);
  if (parsed.is_discarded()) not_understood(access);
  return parsed;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : "";
}

uint64_t size_of(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  const bool is_size = object.is_object() && found != object.end() && found->is_number_unsigned();
  return is_size ? found->get<uint64_t>() : 0;
}

/// Names become paths here.
bool is_safe_path(const std::string& path) {
  if (path.empty() || path.size() > 500 || path.front() == '/' || path.back() == '/') return false;
  if (path.find("//") != path.npos || ("/" + path + "/").find("/../") != std::string::npos ||
      ("/" + path + "/").find("/./") != std::string::npos) {
    return false;
  }
  return std::none_of(path.begin(), path.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '\\'; });
}

/// The address in `<...>; rel="next"` of a Link header.
std::string next_page(const std::string& link) {
  const size_t next = link.find("rel=\"next\"");
  const size_t begin = next == link.npos ? link.npos : link.rfind('<', next);
  const size_t end = begin == link.npos ? begin : link.find('>', begin);
  return end == link.npos ? "" : link.substr(begin + 1, end - begin - 1);
}

void add_file(Repository& repository, RemoteFile file) {
  if (!is_safe_path(file.path)) return;
  if (repository.files.size() >= kMostFiles) {
    throw InputError(fmt::format("{}: more than {} files; no model", repository.name, kMostFiles));
  }
  repository.files.push_back(std::move(file));
}

void add_hugging_face_page(Repository& repository, const json& page, const HubAccess& access) {
  if (!page.is_array()) not_understood(access);
  for (const json& entry : page) {
    if (text_of(entry, "type") != "file") continue;
    RemoteFile file;
    file.path = text_of(entry, "path");
    file.size = size_of(entry, "size");
    file.checksum = text_of(entry, "oid");
    if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
      file.checksum = text_of(*lfs, "oid");
      file.size = size_of(*lfs, "size");
    }
    file.url = fmt::format("{}/{}/resolve/{}/{}", access.endpoint, repository.name,
                           repository.commit, percent_encoded(file.path, true));
    add_file(repository, std::move(file));
  }
}

Repository list_hugging_face(HttpClient& client, const HubAccess& access, const ModelName& name) {
  const std::string api = fmt::format("{}/api/models/{}", access.endpoint, name.repository);
  const std::string revision = name.revision.empty() ? "main" : name.revision;
  const json info =
      parse(ask(client, access,
                fmt::format("{}/revision/{}", api, percent_encoded(revision, false)), name),
            access);
  Repository repository;
  repository.name = name.repository;
  repository.commit = text_of(info, "sha");
  if (!is_revision(repository.commit) || repository.commit.find('/') != std::string::npos) {
    not_understood(access);
  }
  // A renamed repository answers under its former name too; so does the cache.
  std::string url = fmt::format("{}/tree/{}?recursive=true", api, repository.commit);
  for (size_t pages = 0; !url.empty() && pages < kMostPages; ++pages) {
    const HttpResponse response = ask(client, access, url, name);
    add_hugging_face_page(repository, parse(response, access), access);
    url = next_page(response.header("link"));
    if (!url.empty() && origin_of(url) != origin_of(access.endpoint)) not_understood(access);
  }
  return repository;
}

Repository list_modelscope(HttpClient& client, const HubAccess& access, const ModelName& name) {
  const std::string api = fmt::format("{}/api/v1/models/{}/repo", access.endpoint, name.repository);
  const std::string revision =
      percent_encoded(name.revision.empty() ? "master" : name.revision, false);
  const json answer = parse(
      ask(client, access, fmt::format("{}/files?Revision={}&Recursive=true", api, revision), name),
      access);
  const auto data = answer.is_object() ? answer.find("Data") : answer.end();
  if (!answer.is_object() || data == answer.end() || !data->is_object() ||
      !data->contains("Files") || !(*data)["Files"].is_array()) {
    not_understood(access);
  }
  Repository repository;
  repository.source = HubSource::kModelScope;
  repository.name = name.repository;
  std::vector<std::string> lines;
  for (const json& entry : (*data)["Files"]) {
    if (text_of(entry, "Type") != "blob") continue;
    RemoteFile file = {text_of(entry, "Path"), size_of(entry, "Size"), text_of(entry, "Sha256"),
                       ""};
    file.url =
        fmt::format("{}?Revision={}&FilePath={}", api, revision, percent_encoded(file.path, false));
    lines.push_back(fmt::format("{} {}\n", file.checksum, file.path));
    add_file(repository, std::move(file));
  }
  std::sort(lines.begin(), lines.end());
  Sha1 list;
  for (const std::string& line : lines) list.add(std::as_bytes(std::span(line)));
  repository.commit = hex_text(list.finish());
  return repository;
}

bool is_of(const RemoteFile& file, std::string_view begin, std::string_view end) {
  return file.path.find('/') == std::string::npos && file.path.starts_with(begin) &&
         file.path.ends_with(end);
}

bool has(const Repository& repository, std::string_view path) {
  return std::any_of(repository.files.begin(), repository.files.end(),
                     [&](const RemoteFile& file) { return file.path == path; });
}

bool is_needed(const RemoteFile& file, bool has_single) {
  if (has_single) {
    if (file.path == "model.safetensors.index.json") return false;
    if (file.path == "model.safetensors") return true;
  }
  if (std::find(kSmallFiles.begin(), kSmallFiles.end(), file.path) != kSmallFiles.end())
    return true;
  return !has_single && is_of(file, "model-", ".safetensors");
}

std::vector<RemoteFile> single_file(const Repository& repository, const std::string& path) {
  for (const RemoteFile& file : repository.files) {
    if (file.path == path) return {file};
  }
  throw InputError(fmt::format("{}: holds no file {}; owl3 pull {} --dry-run lists its models",
                               repository.name, path, repository.name));
}

/// Of a repository without a checkpoint.
std::vector<RemoteFile> only_gguf(const Repository& repository) {
  std::vector<RemoteFile> found;
  std::string names;
  for (const RemoteFile& file : repository.files) {
    if (!file.path.ends_with(".gguf")) continue;
    found.push_back(file);
    names += (names.empty() ? "" : ", ") + file.path;
  }
  if (found.size() == 1) return found;
  if (found.empty()) {
    const bool pickled =
        has(repository, "pytorch_model.bin") || has(repository, "pytorch_model.bin.index.json");
    throw InputError(fmt::format("{}: {}", repository.name,
                                 pickled
                                     ? "its weights are pickled (.bin), which owl3 does not read"
                                     : "holds no model: neither config.json with safetensors nor "
                                       "a .gguf file"));
  }
  throw InputError(fmt::format("{}: holds {} .gguf files; choose one with --file: {}",
                               repository.name, found.size(), names));
}

void check(const RemoteFile& file, const Repository& repository) {
  if (is_checksum(file.checksum)) return;
  throw InputError(
      fmt::format("{}: the hub gives no checksum of {}, so it can't be trusted to be whole",
                  repository.name, file.path));
}

}  // namespace

HubAccess HubAccess::of(HubSource source) {
  HubAccess access;
  access.source = source;
  access.endpoint = hub_endpoint(source);
  access.token = hub_token(source);
  access.http.stall_seconds = hub_timeout_seconds();
  return access;
}

Repository list_repository(HttpClient& client, const HubAccess& access, const ModelName& name) {
  Repository repository = access.source == HubSource::kModelScope
                              ? list_modelscope(client, access, name)
                              : list_hugging_face(client, access, name);
  std::sort(repository.files.begin(), repository.files.end(),
            [](const RemoteFile& a, const RemoteFile& b) { return a.path < b.path; });
  return repository;
}

std::vector<RemoteFile> needed_files(const Repository& repository, const std::string& file) {
  std::vector<RemoteFile> files;
  if (!file.empty()) {
    files = single_file(repository, file);
  } else {
    const bool has_single = has(repository, "model.safetensors");
    const bool has_weights = has_single || has(repository, "model.safetensors.index.json");
    if (!has(repository, "config.json") || !has_weights) {
      files = only_gguf(repository);
    } else {
      std::copy_if(repository.files.begin(), repository.files.end(), std::back_inserter(files),
                   [&](const RemoteFile& candidate) { return is_needed(candidate, has_single); });
    }
  }
  for (const RemoteFile& chosen : files) check(chosen, repository);
  return files;
}

}  // namespace owl3
