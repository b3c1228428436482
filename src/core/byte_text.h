// Amounts of memory and of disk, as people read them.
#pragma once

#include <concepts>
#include <string>

namespace owl3 {

/// "16.23 GB", "2.99 MB", "56.0 kB", "12 bytes": three or four figures, never a rounded zero.
std::string byte_text(double bytes);
template <std::integral T>
std::string byte_text(T bytes) {
  return byte_text(static_cast<double>(bytes));
}

}  // namespace owl3
