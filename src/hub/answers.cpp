#include "hub/answers.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"

namespace owl3 {

namespace {

/// `W/"abc"` without its marks.
std::string plain_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

std::string token_hint(const HubAccess& access, const std::string& repository) {
  if (access.source == HubSource::kModelScope)
    return "set MODELSCOPE_API_TOKEN to a token of your account";
  return fmt::format(
      "get a token at {}/settings/tokens and set HF_TOKEN to it{}", access.endpoint,
      access.token.empty() ? "" : " (the one that is set may not read " + repository + ")");
}

}  // namespace

std::string hub_name(const HubAccess& access) {
  if (access.endpoint != official_endpoint(access.source)) return host_of(access.endpoint);
  return access.source == HubSource::kModelScope ? "ModelScope" : "Hugging Face";
}

bool may_pass(const HttpResponse& response) {
  if (!response.failure.empty()) return response.can_retry;
  return response.status == 429 || response.status == 408 || response.status >= 500;
}

std::chrono::milliseconds pause_before(int attempt, const HttpResponse& response,
                                       const HubAccess& access) {
  constexpr std::chrono::seconds kLongest{600};
  if (response.retry_after > kLongest) {
    throw InputError(
        fmt::format("{}: asks to wait {} minutes before the next request; repeat the "
                    "command then: what has arrived is kept",
                    response.host, response.retry_after.count() / 60));
  }
  const auto pause = access.first_pause * (1 << std::min(attempt - 1, 5));
  return std::max<std::chrono::milliseconds>(pause, response.retry_after);
}

std::string problem_of(const HttpResponse& response) {
  if (!response.failure.empty()) return fmt::format("{}: {}", response.host, response.failure);
  if (response.status == 429) return fmt::format("{}: too many requests", response.host);
  return fmt::format("{}: answers {}", response.host, response.status);
}

void refuse(const HttpResponse& response, const HubAccess& access, const std::string& repository,
            const std::string& revision) {
  const std::string& code = response.header("x-error-code");
  const std::string page = access.source == HubSource::kModelScope
                               ? fmt::format("{}/models/{}", access.endpoint, repository)
                               : fmt::format("{}/{}", access.endpoint, repository);
  if (!response.failure.empty()) {
    throw InputError(
        fmt::format("{}; is there a network, and are proxy and certificates right "
                    "(https_proxy, CURL_CA_BUNDLE)? What has arrived is kept",
                    problem_of(response)));
  }
  const bool is_elsewhere = response.host != host_of(access.endpoint) && code.empty();
  const bool is_refusal =
      response.status == 400 || response.status == 401 || response.status == 403;
  if (is_elsewhere && is_refusal) {
    // No token goes there, so none would help.
    throw InputError(
        fmt::format("{}: {}, where {} sends for its files, refuses ({}); the signed address may "
                    "have run out, or a proxy may keep it away: repeat the command later; what has "
                    "arrived is kept",
                    repository, response.host, hub_name(access), response.status));
  }
  if (code == "GatedRepo") {
    throw InputError(
        fmt::format("{}: its authors want to be asked: accept their conditions at {}, then {}",
                    repository, page, token_hint(access, repository)));
  }
  if (code == "RevisionNotFound" || (response.status == 404 && !revision.empty() && code.empty())) {
    throw InputError(fmt::format("{}: has no revision {}; {} lists those it has", repository,
                                 revision.empty() ? "main" : revision, page));
  }
  if (response.status == 404 || code == "RepoNotFound" ||
      (response.status == 401 && access.token.empty())) {
    throw InputError(fmt::format(
        "{}: {} has no such model, or a private one{}. The released ones are "
        "{}; for a private one {}",
        repository, hub_name(access), response.status == 401 ? " (it wants to know who asks)" : "",
        short_model_names(), token_hint(access, repository)));
  }
  if (response.status == 401 || response.status == 403) {
    throw InputError(fmt::format("{}: {} refuses ({}): {}", repository, hub_name(access),
                                 response.status, token_hint(access, repository)));
  }
  if (response.status == 429) {
    throw InputError(fmt::format("{}; wait some minutes{}", problem_of(response),
                                 is_elsewhere
                                     ? ": what has arrived is kept"
                                     : ", or set HF_TOKEN, whose owner may ask more often"));
  }
  throw InputError(
      fmt::format("{}; repeat the command later: what has arrived is kept", problem_of(response)));
}

bool has_another_checksum(const HttpResponse& response, const std::string& checksum) {
  const std::string& linked = response.header("x-linked-etag");
  return !linked.empty() && plain_etag(linked) != checksum;
}

bool has_another_length(const HttpResponse& response, uint64_t size) {
  const std::string& length = response.header("content-length");
  return !length.empty() && number(length) != size;
}

bool range_is(const HttpResponse& response, uint64_t begin, uint64_t size) {
  std::string_view header = response.header("content-range");  // "bytes 0-9/10"
  if (!header.starts_with("bytes ")) return false;
  header.remove_prefix(6);
  const size_t dash = header.find('-');
  const size_t slash = header.find('/');
  if (dash == header.npos || slash == header.npos) return false;
  const std::string_view all = header.substr(slash + 1);
  return number(header.substr(0, dash)) == begin && (all == "*" || number(all) == size);
}

bool is_missing(const HttpResponse& response) {
  return response.failure.empty() && (response.status == 404 || response.status == 410);
}

bool has_no_such_range(const HttpResponse& response) {
  return response.failure.empty() && response.status == 416;
}

std::string unexpected_text(const HttpResponse& response, uint64_t size) {
  std::string text = fmt::format("{} answered {}", response.host, response.status);
  const std::string& type = response.header("content-type");
  if (!type.empty()) text += " with " + type.substr(0, type.find(';'));
  const auto length = number(response.header("content-length"));
  if (response.status == 200 && length && *length != size)
    text += fmt::format(" of {} bytes instead of {}", *length, size);
  return text;
}

}  // namespace owl3
