// What stands in a request's head.
#include <algorithm>
#include <cctype>

#include "server/http/http_server.h"

namespace owl3::http {

std::string_view Request::header(std::string_view name) const {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  for (const auto& [key, value] : headers) {
    if (std::equal(key.begin(), key.end(), name.begin(), name.end(), same)) return value;
  }
  return {};
}

}  // namespace owl3::http
