#include "server/access.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <span>

#include "core/error.h"
#include "server/page/page.h"
#include "server/url_scheme.h"

namespace owl3::server {

namespace {

Sha256::Digest digest_of(std::string_view key) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(key)));
  return hash.finish();
}

/// What tells nothing but that the server is there.
bool is_about_server(std::string_view path) {
  return path == "/health" || path == "/ready" || path == "/version";
}

bool open_to_all(std::string_view path) {
  return is_about_server(path) || is_page_file(path);
}

/// "127.0.0.1:8080" -> "127.0.0.1", "[::1]:80" -> "[::1]"
std::string_view without_port(std::string_view host) {
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  const bool has_port = colon != host.npos && (bracket == host.npos || bracket < colon);
  return has_port ? host.substr(0, colon) : host;
}

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

/// An address in digits, this machine, or a name that no stranger's name server can give to it:
/// one without a dot, as containers have, or of the domain that is nobody's.
bool is_certain(std::string_view given) {
  const std::string host = lower(without_port(given));
  if (host.starts_with('[') || host.find('.') == host.npos) return true;
  if (host.ends_with(".localhost") || host.ends_with(".internal")) return true;
  return host.find_first_not_of("0123456789.") == host.npos;
}

/// Whether the page that sends the request is this server's own.
bool is_own_page(const http::Request& head, std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme != origin.npos && origin.substr(scheme + 3) == head.header("Host");
}

std::string_view key_of(const http::Request& head) {
  constexpr std::string_view kBearer = "bearer ";
  std::string_view authorization = head.header("Authorization");
  if (!has_scheme(authorization, kBearer)) return head.header("X-Api-Key");
  authorization.remove_prefix(kBearer.size());
  const size_t begin = authorization.find_first_not_of(' ');
  return begin == authorization.npos ? std::string_view() : authorization.substr(begin);
}

}  // namespace

Access::Access(const std::vector<std::string>& keys, std::vector<std::string> origins)
    : origins_(std::move(origins)) {
  for (const std::string& key : keys) keys_.push_back(digest_of(key));
}

bool Access::knows(std::string_view key) const {
  const Sha256::Digest asked = digest_of(key);
  unsigned found = 0;
  for (const Sha256::Digest& known : keys_) {
    unsigned different = 0;
    for (size_t i = 0; i < known.size(); ++i) {
      different |= static_cast<unsigned>(known[i] ^ asked[i]);
    }
    found |= static_cast<unsigned>(different == 0);
  }
  return found != 0;
}

std::string Access::owner_of(const http::Request& head) const {
  if (keys_.empty()) return {};
  std::string owner;
  for (const auto byte : digest_of(key_of(head))) {
    owner += fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  return owner;
}

std::optional<RequestError> Access::refusal(const http::Request& head) const {
  // Browsers let any page send requests to this machine, though not read the answers; each of them
  // would compute for minutes. A page whose own name is made to mean this machine could read them
  // as well: where there are no keys, names are not trusted. A page's own GET has no Origin.
  const std::string_view origin = head.header("Origin");
  if (!origin.empty() && !takes_page_of(origin) && !is_own_page(head, origin)) {
    return RequestError(403,
                        "requests of other web pages are not taken, but of those named by --cors",
                        {}, "origin_not_allowed");
  }
  if (!takes_host(head)) {
    return RequestError(403,
                        "without --api-key, the server is called by an address in digits or as "
                        "localhost: another name may be a stranger's",
                        {}, "host_not_allowed");
  }
  if (is_preflight(head)) return std::nullopt;  // which browsers send without a key
  if (keys_.empty() || open_to_all(head.path)) return std::nullopt;
  const std::string_view key = key_of(head);
  if (key.empty()) {
    return RequestError(401, "an API key is needed: Authorization: Bearer KEY", {},
                        "invalid_api_key");
  }
  if (knows(key)) return std::nullopt;
  return RequestError(401, "the API key is wrong: it is none of this server's", {},
                      "invalid_api_key");
}

bool Access::takes_host(const http::Request& head) const {
  if (!keys_.empty() || is_about_server(head.path)) return true;
  const std::string_view origin = head.header("Origin");
  if (!origin.empty() && takes_page_of(origin)) return true;
  if (std::find(origins_.begin(), origins_.end(), "*") != origins_.end()) return true;
  const std::string_view host = head.header("Host");
  return host.empty() || is_certain(host);
}

bool Access::takes_page_of(std::string_view origin) const {
  for (const std::string& taken : origins_) {
    if (taken == "*" || taken == origin) return true;
  }
  return false;
}

bool Access::is_preflight(const http::Request& head) const {
  return head.method == "OPTIONS" && takes_page_of(head.header("Origin")) &&
         !head.header("Access-Control-Request-Method").empty();
}

void Access::let_page_read(const http::Request& head, http::Response& response) const {
  if (origins_.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  const std::string_view origin = head.header("Origin");
  if (origin.empty() || !takes_page_of(origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  if (!is_preflight(head)) {
    response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
    return;
  }
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  const std::string_view wanted = head.header("Access-Control-Request-Headers");
  if (!wanted.empty()) {
    response.headers.emplace_back("Access-Control-Allow-Headers", std::string(wanted));
  }
  if (!head.header("Access-Control-Request-Private-Network").empty()) {
    response.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
}

std::string fault_of_key(std::string_view key) {
  if (key.find_first_not_of(" \t\r\n") == key.npos) return "is empty";
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(key.begin(), key.end(), is_plain)) {
    return "has a byte that is no letter, digit or sign of ASCII";
  }
  return key.front() == ' ' || key.back() == ' ' ? "begins or ends with a blank" : "";
}

std::string fault_of_origin(std::string_view origin) {
  if (origin == "*" || origin == "null") return {};
  const size_t scheme = origin.find("://");
  const std::string_view host = scheme == origin.npos ? "" : origin.substr(scheme + 3);
  const bool fits = scheme > 0 && !host.empty() && host.find_first_of("/?#@\\*") == host.npos &&
                    std::all_of(origin.begin(), origin.end(), [](char c) {
                      return c > ' ' && c <= '~' && !(c >= 'A' && c <= 'Z');
                    });
  if (fits) return {};
  return "must be an origin in small letters and without a path, as https://example.org or "
         "http://localhost:3000; or *";
}

std::vector<std::string> read_keys(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    throw InputError(fmt::format("{}: is a folder; keys stand in a file, one a line", path));
  }
  std::ifstream file(path);
  if (!file) throw InputError(fmt::format("{}: can't be read", path));
  std::vector<std::string> keys;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const size_t end = line.find_last_not_of(" \t\r");
    line.resize(end == line.npos ? 0 : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::string fault = fault_of_key(line);
    if (!fault.empty()) {
      throw InputError(fmt::format("{}: the key in line {} {}", path, number, fault));
    }
    keys.push_back(line);
  }
  if (keys.empty()) throw InputError(fmt::format("{}: has no key in it", path));
  return keys;
}

}  // namespace owl3::server
