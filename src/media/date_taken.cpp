#include "media/date_taken.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "core/error.h"
#include "core/regular_file.h"
#include "media/tiff_reader.h"

namespace owl3 {

namespace {

using namespace std::string_view_literals;

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The EXIF block of a file: in a chunk or segment of its own in PNG and WebP, behind its head in
/// JPEG and in HEIF files. The head stands in hardly any pixels, and no date behind it in fewer.
Bytes exif_of(Bytes file) {
  const std::string_view text = as_text(file);
  if (TiffReader::open(file)) return file;
  for (const std::string_view head : {"Exif\0\0II\x2a\0"sv, "Exif\0\0MM\0\x2a"sv}) {
    if (const size_t at = text.find(head); at != text.npos) return file.subspan(at);
  }
  constexpr size_t kName = 4;
  if (text.starts_with("\x89PNG")) {
    const size_t at = text.find("eXIf");
    return at == text.npos ? Bytes() : file.subspan(at + kName);
  }
  if (text.starts_with("RIFF")) {
    const size_t at = text.find("EXIF");
    const size_t head = at == text.npos ? text.size() : at + 2 * kName;
    return head > text.size() ? Bytes() : file.subspan(head);
  }
  return {};
}

/// "2024:07:01 12:33:05" as ISO 8601 writes it.
std::string iso_date(std::string_view exif) {
  constexpr std::string_view kForm = "0000:00:00 00:00:00";
  if (exif.size() < kForm.size()) return "";
  std::string date(exif.substr(0, kForm.size()));
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(date[i])) != 0;
    if (kForm[i] == '0' ? !digit : date[i] != kForm[i]) return "";
  }
  const auto number = [&](size_t at) { return (date[at] - '0') * 10 + date[at + 1] - '0'; };
  const int month = number(5);
  const int day = number(8);
  if (month < 1 || month > 12 || day < 1 || day > 31 || number(11) > 23 || number(14) > 59) {
    return "";
  }
  date[4] = date[7] = '-';
  date[10] = 'T';
  return date;
}

}  // namespace

std::string date_taken(Bytes file) {
  constexpr uint32_t kExifDirectory = 0x8769;
  constexpr uint32_t kAscii = 2;
  const std::optional<TiffReader> reader = TiffReader::open(exif_of(file));
  if (!reader) return "";
  const auto first = reader->first_directory();
  const auto pointer = first ? reader->find(*first, kExifDirectory) : std::nullopt;
  const auto directory = pointer ? reader->u32(pointer->value) : std::nullopt;
  if (!directory) return "";
  for (const uint32_t tag : {0x9003U, 0x9004U}) {
    const auto entry = reader->find(*directory, tag);
    if (!entry || entry->type != kAscii || entry->count < 19) continue;
    const auto offset = reader->u32(entry->value);
    if (!offset || *offset > reader->bytes().size()) continue;
    const std::string date = iso_date(as_text(reader->bytes().subspan(*offset)));
    if (!date.empty()) return date;
  }
  return "";
}

std::string date_taken(const std::filesystem::path& path) {
  constexpr size_t kBeginning = 1 << 20;
  try {
    const RegularFile file = RegularFile::open(path);
    std::vector<std::byte> bytes(
        std::min<size_t>(kBeginning, static_cast<size_t>(std::max<int64_t>(file.size(), 0))));
    const ssize_t count = ::pread(file.descriptor(), bytes.data(), bytes.size(), 0);
    if (count <= 0) return "";
    return date_taken(Bytes(bytes).first(static_cast<size_t>(count)));
  } catch (const InputError&) {
    return "";
  }
}

}  // namespace owl3
