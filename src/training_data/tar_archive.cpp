// Headers are blocks of 512 bytes; POSIX.1-2017, pax, section "ustar Interchange Format".
#include "training_data/tar_archive.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/error.h"

namespace owl3 {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kLongestName = 64 * 1024;

struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr size_t kType = 156;
constexpr Field kMagic{257, 5};
constexpr Field kPrefix{345, 155};

/// Walks over the headers of an archive.
class TarWalk {
 public:
  TarWalk(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  TarIndex read() {
    while (at_ < bytes_.size()) {
      if (bytes_.size() - at_ < kBlock) fail("the archive is cut off");
      if (is_zero_block()) break;  // the end; what follows is padding
      read_entry();
    }
    if (at_ == 0) fail("not a tar archive");
    return std::move(index_);
  }

 private:
  void read_entry() {
    check_header();
    const char type = static_cast<char>(bytes_[at_ + kType]);
    const std::string own_name = header_name();
    size_t size = header_size();
    if (next_size_ && type != 'x' && type != 'g') size = *next_size_;
    const size_t content = at_ + kBlock;
    if (size > bytes_.size() - content) fail("the archive is cut off");
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + content, size);
    switch (type) {
      case 'x':
        read_extension(text);
        break;
      case 'g':  // defaults for all entries: none that this reader would use
        break;
      case 'L':
        next_name_ = until_zero(bounded_name(text));
        break;
      case '0':
      case '\0':
      case '7':
        add(next_name_.empty() ? own_name : next_name_, {content, size});
        [[fallthrough]];
      default:  // folders, links, devices
        next_name_.clear();
        next_size_.reset();
    }
    const size_t padded = size + (kBlock - size % kBlock) % kBlock;
    at_ = padded > bytes_.size() - content ? bytes_.size() : content + padded;
  }

  void add(std::string name, TarEntry entry) {
    if (name.starts_with("./")) name.erase(0, 2);
    index_[std::move(name)] = entry;
  }

  /// The sum of the header's bytes, those of the sum itself counted as spaces.
  void check_header() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const bool of_sum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
      sum += of_sum ? uint64_t{' '} : std::to_integer<uint64_t>(bytes_[at_ + i]);
    }
    if (octal(kChecksum) != sum) {
      fail(at_ == 0 ? "not a tar archive (a compressed one must be unpacked first)"
                    : fmt::format("damaged header at byte {}", at_));
    }
  }

  std::string header_name() const {
    std::string name(until_zero(field(kName)));
    if (field(kMagic) == "ustar" && field({kMagic.offset + 5, 1})[0] == '\0') {
      const std::string_view prefix = until_zero(field(kPrefix));
      if (!prefix.empty()) name = fmt::format("{}/{}", prefix, name);
    }
    return name;
  }

  size_t header_size() const {
    const auto first = std::to_integer<uint8_t>(bytes_[at_ + kSize.offset]);
    if ((first & 0x80) == 0) {
      const std::optional<uint64_t> size = octal(kSize);
      if (!size) fail(fmt::format("damaged header at byte {}", at_));
      return *size;
    }
    uint64_t size = first & 0x7f;  // GNU's form for 8 GiB and more: big-endian binary
    for (size_t i = 1; i < kSize.size; ++i) {
      if (size >> 55 != 0) fail(fmt::format("damaged header at byte {}", at_));
      size = size << 8 | std::to_integer<uint64_t>(bytes_[at_ + kSize.offset + i]);
    }
    return size;
  }

  /// Octal digits between spaces, ended by a space, a zero byte or the field's end.
  std::optional<uint64_t> octal(Field where) const {
    std::string_view text = until_zero(field(where));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    text = text.substr(0, text.find(' '));
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  }

  /// Records of pax, "LENGTH KEY=VALUE\n": a name or a size that the next header has no room for.
  void read_extension(std::string_view text) {
    while (!text.empty() && text[0] != '\0') {
      size_t length = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
      const auto digits = static_cast<size_t>(end - text.data());
      if (error != std::errc() || length <= digits + 1 || length > text.size() ||
          text[digits] != ' ' || text[length - 1] != '\n') {
        fail(fmt::format("damaged extended header at byte {}", at_));
      }
      const std::string_view record = text.substr(digits + 1, length - digits - 2);
      if (record.starts_with("path=")) next_name_ = bounded_name(record.substr(5));
      if (record.starts_with("size=")) next_size_ = decimal(record.substr(5));
      text.remove_prefix(length);
    }
  }

  size_t decimal(std::string_view text) const {
    size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      fail(fmt::format("damaged extended header at byte {}", at_));
    }
    return value;
  }

  std::string_view bounded_name(std::string_view text) const {
    if (text.size() > kLongestName) fail(fmt::format("a name too long at byte {}", at_));
    return text;
  }

  bool is_zero_block() const {
    const auto block = bytes_.subspan(at_, kBlock);
    return std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  std::string_view field(Field where) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at_ + where.offset, where.size};
  }
  static std::string_view until_zero(std::string_view text) {
    return text.substr(0, text.find('\0'));
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", name_, what));
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  size_t at_ = 0;
  std::string next_name_;  // from an extended header; empty: none
  std::optional<size_t> next_size_;
  TarIndex index_;
};

}  // namespace

TarIndex read_tar_index(std::span<const std::byte> bytes, const std::string& name) {
  return TarWalk(bytes, name).read();
}

std::shared_ptr<const TarArchive> TarArchive::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  TarIndex index = read_tar_index(file->bytes(), path.string());
  return std::shared_ptr<const TarArchive>(new TarArchive(std::move(file), std::move(index)));
}

std::optional<std::span<const std::byte>> TarArchive::find(const std::string& name) const {
  const auto entry = index_.find(name);
  if (entry == index_.end()) return std::nullopt;
  return file_->bytes().subspan(entry->second.offset, entry->second.size);
}

}  // namespace owl3
