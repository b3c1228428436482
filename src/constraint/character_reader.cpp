#include "constraint/character_reader.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace owl3 {

namespace {

// A PartialCharacter's lowest three bits; what the rest is follows.
enum Mode : uint32_t {
  kBetween = 0,
  kUtf8 = 1,       // 2 bits: bytes to come; 2 bits: all bytes; the bits read
  kBackslash = 2,  //
  kHex = 3,        // 2 bits: digits read; their value
  kSurrogate = 4,  // the high surrogate's 10 bits; a backslash has to follow
  kSurrogateU = 5,
  kLowHex = 6,  // 2 bits: digits read; 10 bits of the high surrogate; the digits' value
};

struct Utf8Part {
  uint32_t to_come;
  uint32_t length;
  uint32_t bits;
};
Utf8Part utf8_part(PartialCharacter part) {
  return {part >> 3 & 3, (part >> 5 & 3) + 1, part >> 7};
}
PartialCharacter make(const Utf8Part& part) {
  return kUtf8 | part.to_come << 3 | (part.length - 1) << 5 | part.bits << 7;
}
char32_t least_of_length(uint32_t length) {
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  return kLeast[length];
}

FewRanges utf8_range(const Utf8Part& part) {
  const uint32_t shift = 6 * part.to_come;
  FewRanges range;
  range.add(std::max<char32_t>(part.bits << shift, least_of_length(part.length)),
            std::min<char32_t>(((part.bits + 1) << shift) - 1, kLastCharacter));
  return range;
}

ReadByte partly(PartialCharacter part) {
  return {ReadByte::What::kPart, 0, part};
}
ReadByte character(char32_t value) {
  return {ReadByte::What::kCharacter, value, 0};
}

ReadByte first_byte(unsigned char byte, bool json) {
  if (byte < 0x80) {
    if (!json) return character(byte);
    if (byte == '"') return {ReadByte::What::kQuote};
    if (byte == '\\') return partly(kBackslash);
    if (byte < 0x20) return {};
    return character(byte);
  }
  if (byte >= 0xC2 && byte < 0xE0) return partly(make({1, 2, byte & 0x1Fu}));
  if (byte >= 0xE0 && byte < 0xF0) return partly(make({2, 3, byte & 0x0Fu}));
  if (byte >= 0xF0 && byte < 0xF5) return partly(make({3, 4, byte & 0x07u}));
  return {};
}

ReadByte later_byte(Utf8Part part, unsigned char byte) {
  if (byte < 0x80 || byte >= 0xC0) return {};
  part.bits = part.bits << 6 | (byte & 0x3Fu);
  --part.to_come;
  if (utf8_range(part).empty()) return {};
  if (part.to_come == 0) return character(part.bits);
  return partly(make(part));
}

ReadByte escaped(unsigned char byte) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (byte == 'u') return partly(kHex);
  const size_t at = kLetters.find(static_cast<char>(byte));
  if (at == std::string_view::npos) return {};
  return character(static_cast<unsigned char>(kMeanings[at]));
}

int hex_value(unsigned char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

bool overlaps(uint32_t first, uint32_t last, uint32_t from, uint32_t to) {
  return first <= to && last >= from;
}

// Printable ASCII is not written in hexadecimal, as no serialiser does: with more ways to write a
// letter than one, a model that is led to a backslash would spell names in escapes.
constexpr uint32_t kFirstPrintable = 0x20, kLastPrintable = 0x7E;

/// \uXXXX: a character, or a high surrogate, which another one has to follow.
ReadByte hex_digit(PartialCharacter part, int digit) {
  const uint32_t count = (part >> 3 & 3) + 1;
  const uint32_t value = part >> 5 << 4 | static_cast<uint32_t>(digit);
  const uint32_t shift = 4 * (4 - count);
  const uint32_t first = value << shift;
  const uint32_t last = ((value + 1) << shift) - 1;
  // DC00 to DFFF stand for nothing alone.
  if (first >= 0xDC00 && last <= kLastSurrogate) return {};
  if (first >= kFirstPrintable && last <= kLastPrintable) return {};
  if (count < 4) return partly(kHex | count << 3 | value << 5);
  if (value >= kFirstSurrogate && value < 0xDC00) {
    return partly(kSurrogate | (value - kFirstSurrogate) << 3);
  }
  return character(value);
}

ReadByte low_hex_digit(PartialCharacter part, int digit) {
  const uint32_t count = (part >> 3 & 3) + 1;
  const uint32_t high = part >> 5 & 0x3FF;
  const uint32_t value = part >> 15 << 4 | static_cast<uint32_t>(digit);
  const uint32_t shift = 4 * (4 - count);
  if (!overlaps(value << shift, ((value + 1) << shift) - 1, 0xDC00, kLastSurrogate)) return {};
  if (count < 4) return partly(kLowHex | count << 3 | high << 5 | value << 15);
  return character(0x10000 + (high << 10) + (value - 0xDC00));
}

}  // namespace

ReadByte read_byte(PartialCharacter part, unsigned char byte, bool json) {
  switch (part & 7) {
    case kBetween:
      return first_byte(byte, json);
    case kUtf8:
      return later_byte(utf8_part(part), byte);
    case kBackslash:
      return escaped(byte);
    case kSurrogate:
      return byte == '\\' ? partly(kSurrogateU | part >> 3 << 3) : ReadByte{};
    case kSurrogateU:
      return byte == 'u' ? partly(kLowHex | part >> 3 << 5) : ReadByte{};
    default: {
      const int digit = hex_value(byte);
      if (digit < 0) return {};
      return (part & 7) == kHex ? hex_digit(part, digit) : low_hex_digit(part, digit);
    }
  }
}

void FewRanges::add(char32_t first, char32_t last) {
  if (first < kFirstSurrogate && last > kLastSurrogate) {
    ranges_[count_++] = {first, kFirstSurrogate - 1};
    first = kLastSurrogate + 1;
  }
  if (first >= kFirstSurrogate && first <= kLastSurrogate) first = kLastSurrogate + 1;
  if (last >= kFirstSurrogate && last <= kLastSurrogate) last = kFirstSurrogate - 1;
  if (first <= last) ranges_[count_++] = {first, last};
}

bool FewRanges::contains(char32_t character) const {
  return std::any_of(begin(), end(), [&](const CharRange& range) {
    return character >= range.first && character <= range.last;
  });
}

FewRanges possible_characters(PartialCharacter part) {
  FewRanges ranges;
  switch (part & 7) {
    case kUtf8:
      return utf8_range(utf8_part(part));
    case kHex: {
      const uint32_t shift = 4 * (4 - (part >> 3 & 3));
      const uint32_t first = part >> 5 << shift;
      const uint32_t last = ((part >> 5) + 1) * (1u << shift) - 1;
      if (first < kFirstPrintable) ranges.add(first, std::min(last, kFirstPrintable - 1));
      if (last > kLastPrintable) ranges.add(std::max(first, kLastPrintable + 1), last);
      if (overlaps(first, last, kFirstSurrogate, 0xDBFF)) {
        const char32_t low = std::max<uint32_t>(first, kFirstSurrogate) - kFirstSurrogate;
        const char32_t high = std::min<uint32_t>(last, 0xDBFF) - kFirstSurrogate;
        ranges.add(0x10000 + (low << 10), 0x10000 + (high << 10) + 0x3FF);
      }
      return ranges;
    }
    case kBackslash:  // all but printable ASCII, and what has an escape of its own of that
      ranges.add(0, kFirstPrintable - 1);
      ranges.add('"', '"');
      ranges.add('/', '/');
      ranges.add('\\', '\\');
      ranges.add(kLastPrintable + 1, kLastCharacter);
      return ranges;
    case kSurrogate:
    case kSurrogateU: {
      const char32_t first = 0x10000 + (part >> 3 << 10);
      ranges.add(first, first + 0x3FF);
      return ranges;
    }
    case kLowHex: {
      const uint32_t shift = 4 * (4 - (part >> 3 & 3));
      const uint32_t value = part >> 15;
      const uint32_t low = std::max<uint32_t>(value << shift, 0xDC00) - 0xDC00;
      const uint32_t high =
          std::min<uint32_t>((value + 1) * (1u << shift) - 1, kLastSurrogate) - 0xDC00;
      const char32_t first = 0x10000 + ((part >> 5 & 0x3FF) << 10);
      ranges.add(first + low, first + high);
      return ranges;
    }
    default:
      ranges.add(0, kLastCharacter);
      return ranges;
  }
}

}  // namespace owl3
