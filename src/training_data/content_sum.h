// A number that tells whether a file of data is still what it was.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace owl3 {

/// 64 bits in hexadecimal that depend on every byte and its place: rows put in another order have
/// another sum. At the speed of memory, for files of any size; no protection against a forger. The
/// bytes, those of a mapped file, are let go of on the way.
std::string content_sum_of_mapped(std::span<const std::byte> bytes);

}  // namespace owl3
