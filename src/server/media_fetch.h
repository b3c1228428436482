// Files that a request names by http(s): fetched from hosts that whoever started the server has
// allowed, and from nowhere that such a host could lead to.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/question.h"

struct sockaddr;

namespace owl3::server {

struct FetchOptions {
  /// "example.org", "*.example.org", "example.org:8000"; "*": any. Without a port, those of http
  /// and https. None: nothing is fetched.
  std::vector<std::string> hosts;
  bool private_addresses = false;  // also of this machine, and of networks that are nobody else's
  int64_t most_bytes = int64_t{64} << 20;  // of a file
  int64_t all_bytes = int64_t{512} << 20;  // of all files of a request
  std::chrono::seconds most_seconds{30};   // for all of them
};

/// Of any thread.
class MediaFetcher {
 public:
  /// Throws UsageError for a host that is written wrongly; InputError where there is no libcurl.
  explicit MediaFetcher(FetchOptions options);

  /// Why a URL is not fetched; empty: it is, if its host has a public address.
  std::string refusal(std::string_view url) const;
  /// Puts the bytes that are named only into their media. `wanted` says whether anybody waits.
  /// Throws RequestError with the place.
  void fetch(std::vector<SentMedium>& media, const std::function<bool()>& wanted) const;

 private:
  FetchOptions options_;
};

/// Whether it is an address that anybody may have: not of this machine, of a private network, of
/// many at once, nor one that leads to such by another name.
bool is_public_address(const sockaddr& address);

}  // namespace owl3::server
