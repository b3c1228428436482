#include "benchmarks/zip_file.h"

#include <array>
#include <limits>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr uint16_t kVersion = 20;
constexpr uint16_t kNamesInUtf8 = 1 << 11;
constexpr uint16_t kFirstOf1980 = (1 << 5) | 1;  // a date, so that equal content is an equal file

std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}

uint32_t crc32(std::string_view text) {
  static const std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  }
  return ~crc;
}

void put(std::string& to, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

uint32_t small(size_t size) {
  if (size > std::numeric_limits<uint32_t>::max())
    throw InputError("a .zip file has no room for more than 4 GiB");
  return static_cast<uint32_t>(size);
}

}  // namespace

void ZipFile::add(const std::string& name, std::string_view content) {
  std::string head;  // what the part and the directory both say of it
  put(head, kVersion, 2);
  put(head, kNamesInUtf8, 2);
  put(head, 0, 2);  // stored
  put(head, 0, 2);  // the time
  put(head, kFirstOf1980, 2);
  put(head, crc32(content), 4);
  put(head, small(content.size()), 4);
  put(head, small(content.size()), 4);
  put(head, small(name.size()), 2);
  put(head, 0, 2);  // no more fields

  put(directory_, 0x02014B50, 4);
  put(directory_, kVersion, 2);
  directory_ += head;
  put(directory_, 0, 2);  // no comment
  put(directory_, 0, 2);  // the first disk
  put(directory_, 0, 2);
  put(directory_, 0, 4);
  put(directory_, small(parts_.size()), 4);
  directory_ += name;

  put(parts_, 0x04034B50, 4);
  parts_.append(head).append(name).append(content);
  ++count_;
}

std::string ZipFile::bytes() const {
  std::string file = parts_ + directory_;
  put(file, 0x06054B50, 4);
  put(file, 0, 4);  // the first disk, twice
  put(file, count_, 2);
  put(file, count_, 2);
  put(file, small(directory_.size()), 4);
  put(file, small(parts_.size()), 4);
  put(file, 0, 2);  // no comment
  return file;
}

}  // namespace owl3
