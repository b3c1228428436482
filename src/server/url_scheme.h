// What a URL begins with, in any case of letters.
#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace owl3::server {

/// `small`: in small letters.
inline bool is_in_small(std::string_view text, std::string_view small) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::equal(text.begin(), text.end(), small.begin(), small.end(), same);
}

/// "http://", "data:" and the like, in small letters.
inline bool has_scheme(std::string_view url, std::string_view scheme) {
  return is_in_small(url.substr(0, scheme.size()), scheme);
}

}  // namespace owl3::server
