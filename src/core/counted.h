// Numbers of things, as people say them.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

namespace owl3 {

/// "1 image", "2 images"
template <std::integral T>
std::string counted(T count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace owl3
