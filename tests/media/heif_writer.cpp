#include "heif_writer.h"

#include <map>

#include "test_files.h"

namespace owl3::test {
namespace {

std::string read_text(const std::string& file) {
  const std::vector<std::byte> bytes = read_file(data_file("heif/" + file));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The units between start codes.
std::vector<std::string> split_annex_b(const std::string& stream) {
  const std::string start("\0\0\1", 3);
  std::vector<std::string> units;
  for (size_t at = stream.find(start); at != std::string::npos;) {
    const size_t begin = at + start.size();
    at = stream.find(start, begin);
    std::string unit = stream.substr(begin, at == std::string::npos ? at : at - begin);
    while (!unit.empty() && unit.back() == '\0') unit.pop_back();
    units.push_back(unit);
  }
  return units;
}

std::string item_info(size_t id, const std::string& type) {
  return full_box("infe", big_endian(id, 2) + big_endian(0, 2) + type + std::string(1, '\0'), 2);
}

/// Properties and which item has which: each its own, so that 127 are enough.
std::string item_properties(const std::vector<HeifPart>& parts) {
  std::string properties;
  std::string associations = big_endian(parts.size(), 4);
  std::map<std::string, int> known;
  for (size_t i = 0; i < parts.size(); ++i) {
    associations += big_endian(i + 1, 2) + big_endian(parts[i].properties.size(), 1);
    for (const std::string& property : parts[i].properties) {
      const auto [place, is_new] = known.emplace(property, static_cast<int>(known.size()) + 1);
      if (is_new) properties += property;
      associations += big_endian(static_cast<uint64_t>(place->second), 1);
    }
  }
  return box("iprp", box("ipco", properties) + full_box("ipma", associations));
}

std::string item_references(const std::vector<HeifReference>& references) {
  std::string boxes;
  for (const HeifReference& reference : references) {
    std::string body =
        big_endian(static_cast<uint64_t>(reference.from), 2) + big_endian(reference.to.size(), 2);
    for (const int to : reference.to) body += big_endian(static_cast<uint64_t>(to), 2);
    boxes += box(reference.type, body);
  }
  return references.empty() ? "" : full_box("iref", boxes);
}

std::string item_locations(const HeifContents& contents, size_t offset) {
  std::string body = "\x44" + std::string(1, '\0') + big_endian(contents.parts.size(), 2);
  for (size_t i = 0; i < contents.parts.size(); ++i) {
    const size_t size = contents.parts[i].data.size();
    body += big_endian(i + 1, 2) + big_endian(contents.data_in_meta ? 1 : 0, 2) + big_endian(0, 2) +
            big_endian(1, 2) + big_endian(offset, 4) + big_endian(size, 4);
    offset += size;
  }
  return full_box("iloc", body, 1);
}

std::string meta_box(const HeifContents& contents, const std::string& data, size_t offset) {
  std::string infos = big_endian(contents.parts.size(), 2);
  for (size_t i = 0; i < contents.parts.size(); ++i) {
    infos += item_info(i + 1, contents.parts[i].type);
  }
  const std::string handler = std::string(4, '\0') + "pict" + std::string(13, '\0');
  return full_box("meta",
                  full_box("hdlr", handler) +
                      full_box("pitm", big_endian(static_cast<uint64_t>(contents.primary), 2)) +
                      item_locations(contents, offset) + full_box("iinf", infos) +
                      item_properties(contents.parts) + item_references(contents.references) +
                      (contents.data_in_meta ? box("idat", data) : ""));
}

}  // namespace

std::string big_endian(uint64_t value, int size) {
  std::string text;
  for (int i = size - 1; i >= 0; --i) text += static_cast<char>(value >> 8 * i);
  return text;
}

std::string box(const std::string& type, const std::string& body) {
  return big_endian(8 + body.size(), 4) + type + body;
}

std::string full_box(const std::string& type, const std::string& body, int version, int flags) {
  const int head = version << 24 | flags;
  return box(type, big_endian(static_cast<uint64_t>(head), 4) + body);
}

std::vector<std::byte> write_heif(const HeifContents& contents) {
  std::string data;
  for (const HeifPart& part : contents.parts) data += part.data;
  std::string file = box("ftyp", contents.main_brand + big_endian(0, 4) + contents.other_brands);
  if (contents.data_in_meta) {
    file += meta_box(contents, data, 0);
  } else {
    const size_t meta_size = meta_box(contents, data, 0).size();
    file += meta_box(contents, data, file.size() + meta_size + 8) + box("mdat", data);
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(file.data());
  return {bytes, bytes + file.size()};
}

std::string ispe(int width, int height) {
  return full_box("ispe", big_endian(static_cast<uint64_t>(width), 4) +
                              big_endian(static_cast<uint64_t>(height), 4));
}

std::string irot(int quarter_turns) {
  return box("irot", big_endian(static_cast<uint64_t>(quarter_turns), 1));
}

std::string imir(int mode) {
  return box("imir", big_endian(static_cast<uint64_t>(mode), 1));
}

std::string nclx(int primaries, int transfer, int matrix, bool full_range) {
  std::string body = "nclx";
  for (const int mark : {primaries, transfer, matrix}) {
    body += big_endian(static_cast<uint64_t>(mark), 2);
  }
  return box("colr", body + big_endian(full_range ? 0x80 : 0, 1));
}

std::string auxc(const std::string& kind) {
  return full_box("auxC", kind + std::string(1, '\0'));
}

std::string clap(int width, int height, int right_halves, int down_halves) {
  std::string body;
  const auto fraction = [&](int numerator, int denominator) {
    body += big_endian(static_cast<uint32_t>(numerator), 4) +
            big_endian(static_cast<uint32_t>(denominator), 4);
  };
  fraction(width, 1);
  fraction(height, 1);
  fraction(right_halves, 2);
  fraction(down_halves, 2);
  return box("clap", body);
}

std::string grid_data(int rows, int columns, int width, int height) {
  return big_endian(0, 2) + big_endian(static_cast<uint64_t>(rows - 1), 1) +
         big_endian(static_cast<uint64_t>(columns - 1), 1) +
         big_endian(static_cast<uint64_t>(width), 2) + big_endian(static_cast<uint64_t>(height), 2);
}

HeifPart coded_hevc(const std::string& file, int width, int height) {
  constexpr int kVps = 32;
  constexpr int kPps = 34;
  std::string arrays;
  HeifPart part{"hvc1", "", {ispe(width, height)}};
  for (const std::string& unit : split_annex_b(read_text(file))) {
    const int kind = unit.empty() ? 0 : (unit[0] >> 1 & 0x3f);
    if (kind >= kVps && kind <= kPps) {
      arrays += static_cast<char>(0x80 | kind);
      arrays += big_endian(1, 2) + big_endian(unit.size(), 2) + unit;
    } else if (kind < kVps) {
      part.data += big_endian(unit.size(), 4) + unit;
    }
  }
  const std::string before = "\1" + std::string(12, '\0');  // profile and level; nobody asks
  part.properties.push_back(box("hvcC", before + "\xf0" + std::string(1, '\0') +
                                            "\xfc\xfd\xf8\xf8" + std::string(2, '\0') + "\x0f" +
                                            "\x03" + arrays));
  return part;
}

HeifPart coded_av1(const std::string& file, int width, int height) {
  const std::string set_up("\x81\0\x0c\0", 4);
  return {"av01", read_text(file), {ispe(width, height), box("av1C", set_up)}};
}

HeifPart coded_h264(const std::string& file, int width, int height) {
  constexpr int kSps = 7;
  constexpr int kPps = 8;
  std::string sps;
  std::string pps;
  HeifPart part{"avc1", "", {ispe(width, height)}};
  for (const std::string& unit : split_annex_b(read_text(file))) {
    const int kind = unit.empty() ? 0 : (unit[0] & 0x1f);
    if (kind == kSps) {
      sps = unit;
    } else if (kind == kPps) {
      pps = unit;
    } else {
      part.data += big_endian(unit.size(), 4) + unit;
    }
  }
  part.properties.push_back(box("avcC", "\1" + sps.substr(1, 3) + "\xff\xe1" +
                                            big_endian(sps.size(), 2) + sps + "\1" +
                                            big_endian(pps.size(), 2) + pps));
  return part;
}

}  // namespace owl3::test
