#include "media/blank_end.h"

#include <fmt/format.h>

#include <algorithm>

namespace owl3 {

std::optional<std::string> blank_end_warning(Bytes coded) {
  constexpr size_t kLeast = 64;
  constexpr size_t kShare = 8;
  if (coded.empty()) return std::nullopt;
  const std::byte last = coded.back();
  if (last != std::byte{0} && last != std::byte{0xff}) return std::nullopt;
  const auto other =
      std::find_if(coded.rbegin(), coded.rend(), [&](std::byte value) { return value != last; });
  const auto blank = static_cast<size_t>(other - coded.rbegin());
  if (blank < kLeast || blank < coded.size() / kShare) return std::nullopt;
  return fmt::format(
      "the last {} of the {} bytes of its pixels are all {}: perhaps a download that was not "
      "finished; a part of the picture is wrong then",
      blank, coded.size(), std::to_integer<int>(last));
}

}  // namespace owl3
