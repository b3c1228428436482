// CRC-32C (Castagnoli), and the masked form in which TensorFlow's record files store it.
#pragma once

#include <cstdint>
#include <string_view>

namespace owl3 {

uint32_t crc32c(std::string_view bytes);
/// Rotated right by 15 bits plus a constant: a checksum of bytes that hold checksums stays useful.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace owl3
