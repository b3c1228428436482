#include "server/media_fetch.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/error.h"
#include "hub/curl_library.h"
#include "hub/http_client.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kAtOnce = 8;
constexpr int kStallSeconds = 10;
constexpr std::chrono::milliseconds kBetweenLooks{50};
constexpr size_t kLongestUrl = 8192;

bool is_host_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// A name or an address, and a port: in letters about which no two readers of URLs disagree.
struct Host {
  std::string name;
  std::string port;  // empty: not given
};

std::optional<int> port_number(std::string_view text) {
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, port);
  return failure == std::errc() && rest == end ? std::optional(port) : std::nullopt;
}

std::optional<Host> parse_host(std::string_view text) {
  const size_t end = text.starts_with('[') ? text.find(']') : text.find(':');
  const size_t length = text.starts_with('[') ? end + 1 : std::min(end, text.size());
  if (text.starts_with('[') && end == text.npos) return std::nullopt;
  Host host{std::string(text.substr(0, length)), {}};
  std::string_view rest = text.substr(length);
  if (rest.starts_with(':')) {
    host.port = rest.substr(1);
    rest = {};
    constexpr int kMostPort = 65'535;
    const std::optional<int> port = port_number(host.port);
    if (!port || *port < 1 || *port > kMostPort) return std::nullopt;
  }
  const bool ipv6 = host.name.starts_with('[');
  const auto letters = [&](char c) {
    return is_host_letter(c) || (ipv6 && (c == '[' || c == ']' || c == ':'));
  };
  const bool fits = !host.name.empty() && rest.empty() &&
                    std::all_of(host.name.begin(), host.name.end(), letters);
  return fits ? std::optional(std::move(host)) : std::nullopt;
}

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern == "*") return true;
  if (!pattern.starts_with("*.")) return pattern == name;
  return name.size() > pattern.size() - 1 && name.ends_with(pattern.substr(1));
}

/// One file that is to be fetched.
struct Wanted {
  SentMedium* medium;
  size_t file;
};

std::vector<Wanted> what_is_missing(std::vector<SentMedium>& media) {
  std::vector<Wanted> wanted;
  for (SentMedium& medium : media) {
    for (size_t i = 0; i < medium.urls.size(); ++i) {
      if (!medium.urls[i].empty()) wanted.push_back({&medium, i});
    }
  }
  return wanted;
}

/// All files of one request.
class Fetching {
 public:
  Fetching(const MediaFetcher& fetcher, const FetchOptions& options)
      : options_(options), client_(how(fetcher, options)) {}

  void fetch(std::vector<Wanted> files, const std::function<bool()>& wanted) {
    const Clock::time_point end = Clock::now() + options_.most_seconds;
    std::map<HttpClient::Id, Wanted> under_way;
    auto next = files.begin();
    while (next != files.end() || !under_way.empty()) {
      if (!wanted()) throw Interrupted("interrupted while fetching");
      for (; next != files.end() && under_way.size() < kAtOnce; ++next) {
        under_way.emplace(start(*next), *next);
      }
      if (Clock::now() > end) fail(under_way.begin()->second, "took too long to be fetched", 400);
      for (const HttpClient::Finished& finished : client_.poll(kBetweenLooks)) {
        const auto file = under_way.find(finished.id);
        check(file->second, finished.response);
        under_way.erase(file);
      }
    }
  }

 private:
  static HttpOptions how(const MediaFetcher& fetcher, const FetchOptions& options) {
    HttpOptions http;
    http.stall_seconds = kStallSeconds;
    http.most_seconds = static_cast<int>(options.most_seconds.count());
    http.refusal = [&fetcher](const std::string& url) { return fetcher.refusal(url); };
    const bool any = options.private_addresses;
    http.may_connect = [any](const sockaddr& to) { return any || is_public_address(to); };
    return http;
  }

  HttpClient::Id start(const Wanted& file) {
    HttpRequest request;
    request.url = file.medium->urls[file.file];
    std::string& bytes = file.medium->files[file.file];
    request.sink = [this, &bytes](const HttpResponse&, std::span<const std::byte> more) {
      all_bytes_ += std::ssize(more);
      too_long_ = std::ssize(bytes) + std::ssize(more) > options_.most_bytes;
      too_many_ = all_bytes_ > options_.all_bytes;
      if (too_long_ || too_many_) return false;
      bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
      return true;
    };
    return client_.start(std::move(request));
  }

  void check(const Wanted& file, const HttpResponse& response) const {
    if (too_long_) {
      fail(
          file,
          fmt::format("is longer than {} bytes, the limit of what is fetched", options_.most_bytes),
          400);
    }
    if (too_many_) {
      fail(file,
           fmt::format("with the others is longer than {} bytes, the limit of a request",
                       options_.all_bytes),
           400);
    }
    if (!response.failure.empty()) fail(file, "can't be fetched: " + response.failure, 400);
    if (response.status != 200) {
      fail(file, fmt::format("can't be fetched: its host says {}", response.status), 400);
    }
    if (file.medium->files[file.file].empty()) fail(file, "is an empty file", 400);
  }

  [[noreturn]] static void fail(const Wanted& file, const std::string& what, int status) {
    const std::string& place = file.medium->where;
    throw RequestError(status, fmt::format("{}: its file {}", place, what), place, "not_fetched");
  }

  const FetchOptions& options_;
  HttpClient client_;
  int64_t all_bytes_ = 0;
  bool too_long_ = false;
  bool too_many_ = false;
};

}  // namespace

MediaFetcher::MediaFetcher(FetchOptions options) : options_(std::move(options)) {
  for (const std::string& host : options_.hosts) {
    std::string_view rest = host;
    if (rest.starts_with("*.")) rest.remove_prefix(2);
    if (rest != "*" && !parse_host(rest)) {
      throw UsageError(
          fmt::format("--fetch-from {}: must be a host in small letters, as "
                      "example.org, *.example.org or example.org:8000",
                      host));
    }
  }
  if (!options_.hosts.empty()) curl_library();
}

std::string MediaFetcher::refusal(std::string_view url) const {
  const bool secure = url.starts_with("https://");
  if (options_.hosts.empty()) return "this server fetches nothing";
  if (!secure && !url.starts_with("http://")) return "only http and https are fetched";
  if (url.size() > kLongestUrl) return "a URL that is too long";
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\\' || c == 127) {
      return "a URL with white space or a backslash";
    }
  }
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::optional<Host> asked = parse_host(rest.substr(0, rest.find_first_of("/?#")));
  if (!asked) return "a URL whose host can't be read; it must be in small letters";
  const std::string port = secure ? "443" : "80";
  for (const std::string& allowed : options_.hosts) {
    const size_t colon = allowed.rfind(':');
    const bool has_port = colon != allowed.npos && allowed.back() != ']';
    const std::string_view name =
        std::string_view(allowed).substr(0, has_port ? colon : allowed.npos);
    const std::string wanted_port = has_port ? allowed.substr(colon + 1) : port;
    const std::string& asked_port = asked->port.empty() ? port : asked->port;
    if (matches(name, asked->name) && asked_port == wanted_port) return {};
  }
  return "this server does not fetch from that host";
}

void MediaFetcher::fetch(std::vector<SentMedium>& media,
                         const std::function<bool()>& wanted) const {
  std::vector<Wanted> files = what_is_missing(media);
  if (files.empty()) return;
  Fetching(*this, options_).fetch(std::move(files), wanted);
  for (SentMedium& medium : media) medium.urls.clear();
}

}  // namespace owl3::server
