// Who may ask: keys, and pages of other places that a browser has open.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sha.h"
#include "server/http/http_server.h"
#include "server/request_error.h"

namespace owl3::server {

class Access {
 public:
  /// Without keys everybody may ask; web pages only those of the origins given
  /// ("https://example.org"; "*": all).
  explicit Access(const std::vector<std::string>& keys, std::vector<std::string> origins = {});

  /// What is wrong with a request's head: 401 without a key that is known, 403 from a web page, and
  /// where it calls this machine by a name that may be a stranger's.
  /// Whether the server is there and ready may be asked without a key.
  std::optional<RequestError> refusal(const http::Request& head) const;
  /// Whether a browser asks for a page of an origin that may whether it may.
  bool is_preflight(const http::Request& head) const;
  /// Lets the page of such an origin read the answer.
  void let_page_read(const http::Request& head, http::Response& response) const;
  /// Whose a request is: the same for the same key, and tells nothing of it. Without keys all are
  /// one.
  std::string owner_of(const http::Request& head) const;

 private:
  bool knows(std::string_view key) const;
  bool takes_page_of(std::string_view origin) const;
  bool takes_host(const http::Request& head) const;

  std::vector<std::string> origins_;
  std::vector<Sha256::Digest> keys_;  // of one length, so that comparing tells nothing
};

/// What is wrong with a key; empty: nothing. An empty one would be everybody's.
std::string fault_of_key(std::string_view key);
/// What is wrong with an origin of web pages that is to be taken.
std::string fault_of_origin(std::string_view origin);

/// A file of keys, one a line; empty lines and those that begin with # are none. Throws InputError
/// where there is none in it, or one that no request can bring.
std::vector<std::string> read_keys(const std::string& path);

}  // namespace owl3::server
