#include "owlet/tar_writer.h"

#include <array>
#include <cstring>
#include <string>

#include "core/error.h"

namespace owl3 {

namespace {

constexpr size_t kBlock = 512;

/// Where the fields of a ustar header begin.
struct Header {
  std::array<char, kBlock> bytes{};
  void put(size_t at, std::string_view text) {
    std::memcpy(bytes.data() + at, text.data(), text.size());
  }
};

Header make_header(std::string_view name, size_t size) {
  Header header;
  header.put(0, name);
  header.put(100, "0000644");  // mode
  header.put(108, "0000000");  // owner
  header.put(116, "0000000");  // group
  header.put(124, fmt::format("{:011o}", size));
  header.put(136, "00000000000");  // time
  header.put(148, "        ");     // checksum, as spaces while it is taken
  header.put(156, "0");            // a regular file
  header.put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char byte : header.bytes) sum += static_cast<unsigned char>(byte);
  header.put(148, fmt::format("{:06o}", sum));
  header.bytes[154] = '\0';
  return header;
}

}  // namespace

void TarWriter::add(std::string_view name, std::string_view bytes) {
  OWL3_CHECK(name.size() <= 100 && bytes.size() < size_t{1} << 33);
  const Header header = make_header(name, bytes.size());
  file_.write(header.bytes.data(), kBlock);
  file_.write(bytes);
  const std::string padding((kBlock - bytes.size() % kBlock) % kBlock, '\0');
  file_.write(padding);
}

void TarWriter::commit() {
  file_.write(std::string(2 * kBlock, '\0'));
  file_.commit();
}

}  // namespace owl3
