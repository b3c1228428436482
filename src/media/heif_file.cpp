#include "media/heif_file.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {
namespace {

[[noreturn]] void throw_broken(const std::string& name, const std::string& what) {
  throw InputError(fmt::format("{}: broken HEIF image: {}", name, what));
}

/// Calls visit(box) for each box; one that claims more than there is breaks off.
template <typename Visit>
void for_each_box(HeifReader reader, const std::string& name, const Visit& visit) {
  constexpr uint64_t kToTheEnd = 0;
  constexpr uint64_t kLong = 1;
  while (!reader.at_end()) {
    uint64_t head = 8;
    uint64_t size = reader.u32();
    std::string type = reader.type();
    if (size == kLong) {
      size = reader.number(8);
      head = 16;
    }
    if (size == kToTheEnd) size = head + reader.rest().size();
    if (size < head) throw_broken(name, fmt::format("its {} box has no size", type));
    if (!visit(HeifBox{std::move(type), reader.take(size - head)})) return;
  }
}

struct FullBoxHead {
  uint32_t version;
  uint32_t flags;
};
FullBoxHead read_head(HeifReader& reader) {
  const uint32_t head = reader.u32();
  return {head >> 24, head & 0xffffff};
}

}  // namespace

uint64_t HeifReader::number(size_t size) {
  uint64_t value = 0;
  for (const std::byte byte : take(size)) value = value << 8 | std::to_integer<uint64_t>(byte);
  return value;
}

Bytes HeifReader::take(uint64_t size) {
  if (size > rest_.size()) throw_broken(*name_, "it breaks off");
  const Bytes taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::string HeifReader::type() {
  std::string text;
  for (const std::byte byte : take(4)) {
    const char letter = static_cast<char>(byte);
    text += letter >= ' ' && letter <= '~' ? letter : '?';
  }
  return text;
}

const HeifBox* HeifItem::property(std::string_view wanted) const {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const HeifBox& box) { return box.type == wanted; });
  return found == properties.end() ? nullptr : &*found;
}

HeifFile::HeifFile(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {
  Bytes meta;
  for_each_box(HeifReader(bytes, name_), name_, [&](const HeifBox& box) {
    if (box.type == "meta") meta = box.body;
    return box.type != "meta";
  });
  if (meta.empty()) throw_broken(name_, "it has no meta box");
  read_meta(meta);
}

void HeifFile::read_meta(Bytes meta) {
  HeifReader reader(meta, name_);
  read_head(reader);
  std::map<std::string, Bytes> boxes;
  for_each_box(reader, name_, [&](const HeifBox& box) {
    boxes.emplace(box.type, box.body);
    return true;
  });
  const auto part = [&](const char* type) { return HeifReader(boxes[type], name_); };
  for (const char* type : {"pitm", "iinf", "iloc", "iprp"}) {
    if (!boxes.contains(type)) throw_broken(name_, fmt::format("it has no {} box", type));
  }
  HeifReader pitm = part("pitm");
  primary_ = static_cast<uint32_t>(pitm.number(read_head(pitm).version == 0 ? 2 : 4));
  read_item_types(part("iinf"));
  read_locations(part("iloc"));
  read_properties(part("iprp"));
  if (boxes.contains("iref")) read_references(part("iref"));
  idat_ = boxes["idat"];
}

void HeifFile::read_item_types(HeifReader iinf) {
  iinf.number(read_head(iinf).version == 0 ? 2 : 4);  // how many
  for_each_box(iinf, name_, [&](const HeifBox& box) {
    HeifReader infe(box.body, name_);
    const uint32_t version = box.type == "infe" ? read_head(infe).version : 0;
    if (version < 2) return true;  // of times before pictures
    HeifItem item;
    item.id = static_cast<uint32_t>(infe.number(version == 2 ? 2 : 4));
    item.is_encrypted = infe.u16() != 0;
    item.type = infe.type();
    items_.emplace(item.id, item);
    return true;
  });
}

void HeifFile::read_locations(HeifReader iloc) {
  const uint32_t version = read_head(iloc).version;
  const uint16_t sizes = iloc.u16();
  const size_t offset_size = sizes >> 12;
  const size_t length_size = sizes >> 8 & 15;
  const size_t base_size = sizes >> 4 & 15;
  const size_t index_size = version == 0 ? 0 : sizes & 15;
  for (const size_t size : {offset_size, length_size, base_size, index_size}) {
    if (size > 8) throw_broken(name_, "its iloc box has numbers of more than 8 bytes");
  }
  for (uint64_t count = iloc.number(version < 2 ? 2 : 4); count > 0; --count) {
    const auto id = static_cast<uint32_t>(iloc.number(version < 2 ? 2 : 4));
    Location location;
    if (version > 0) location.method = iloc.u16() & 15;
    location.elsewhere = iloc.u16() != 0;
    const uint64_t base = iloc.number(base_size);
    const uint16_t extents = iloc.u16();
    // Else a few bytes could claim any number of them.
    if (extents > 1 && length_size == 0) throw_broken(name_, "its iloc box has no lengths");
    for (int i = 0; i < extents; ++i) {
      iloc.number(index_size);
      const uint64_t offset = iloc.number(offset_size);
      location.extents.push_back({base + offset, iloc.number(length_size)});
    }
    locations_.emplace(id, std::move(location));
  }
}

void HeifFile::read_properties(HeifReader iprp) {
  std::vector<HeifBox> properties;
  for_each_box(iprp, name_, [&](const HeifBox& box) {
    if (box.type == "ipco") {
      for_each_box(HeifReader(box.body, name_), name_, [&](const HeifBox& property) {
        properties.push_back(property);
        return true;
      });
    } else if (box.type == "ipma") {
      read_associations(HeifReader(box.body, name_), properties);
    }
    return true;
  });
}

void HeifFile::read_associations(HeifReader ipma, const std::vector<HeifBox>& properties) {
  const FullBoxHead head = read_head(ipma);
  const bool wide = (head.flags & 1) != 0;
  for (uint32_t count = ipma.u32(); count > 0; --count) {
    const auto id = static_cast<uint32_t>(ipma.number(head.version == 0 ? 2 : 4));
    const auto item = items_.find(id);
    for (int associations = ipma.u8(); associations > 0; --associations) {
      // The highest bit says whether it is essential; 1 is the first, and 0 means none.
      const size_t index = wide ? ipma.u16() & 0x7fff : ipma.u8() & 0x7f;
      if (index > properties.size()) throw_broken(name_, "a property of its pictures is missing");
      if (index > 0 && item != items_.end()) {
        item->second.properties.push_back(properties[index - 1]);
      }
    }
  }
}

void HeifFile::read_references(HeifReader iref) {
  const size_t id_size = read_head(iref).version == 0 ? 2 : 4;
  for_each_box(iref, name_, [&](const HeifBox& box) {
    HeifReader reader(box.body, name_);
    const auto from = static_cast<uint32_t>(reader.number(id_size));
    for (int count = reader.u16(); count > 0; --count) {
      const auto to = static_cast<uint32_t>(reader.number(id_size));
      const auto item = items_.find(from);
      if (box.type == "dimg" && item != items_.end()) item->second.parts.push_back(to);
      if (box.type == "auxl") auxiliaries_.emplace(to, from);
      if (box.type == "prem") premultiplied_.emplace(from, to);
    }
    return true;
  });
}

const HeifItem& HeifFile::item(uint32_t id) const {
  const auto found = items_.find(id);
  if (found == items_.end()) {
    throw_broken(name_, fmt::format("it has no item {}, which is a part of its picture", id));
  }
  return found->second;
}

const HeifItem* HeifFile::alpha_of(const HeifItem& item) const {
  const auto [begin, end] = auxiliaries_.equal_range(item.id);
  for (auto auxiliary = begin; auxiliary != end; ++auxiliary) {
    const auto found = items_.find(auxiliary->second);
    const HeifBox* kind = found == items_.end() ? nullptr : found->second.property("auxC");
    if (kind == nullptr) continue;
    const std::string_view text(reinterpret_cast<const char*>(kind->body.data()),
                                kind->body.size());
    for (const std::string_view alpha :
         {"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1",
          "urn:mpeg:avc:2015:auxid:1"}) {
      constexpr size_t kVersionAndFlags = 4;
      const bool is_alpha = text.size() > kVersionAndFlags + alpha.size() &&
                            text.substr(kVersionAndFlags, alpha.size()) == alpha &&
                            text[kVersionAndFlags + alpha.size()] == '\0';
      if (is_alpha) return &found->second;
    }
  }
  return nullptr;
}

std::vector<std::byte> HeifFile::data_of(const HeifItem& item) const {
  const auto found = locations_.find(item.id);
  if (found == locations_.end() || found->second.extents.empty()) {
    throw_broken(name_, "the data of its picture are missing");
  }
  const Location& location = found->second;
  if (item.is_encrypted) throw InputError(name_ + ": the picture is encrypted");
  if (location.elsewhere) {
    throw InputError(name_ + ": its picture lies in another file, which is not opened");
  }
  if (location.method > 1) {
    throw InputError(name_ + ": its picture's data lie within those of another, which is not read");
  }
  const Bytes source = location.method == 0 ? bytes_ : idat_;
  std::vector<std::byte> data;
  for (const Extent& extent : location.extents) {
    const bool begins = extent.offset <= source.size();
    const uint64_t room = begins ? source.size() - extent.offset : 0;
    // Extents may overlap, but not make more of a file than it is.
    if (!begins || extent.size > room || data.size() > source.size()) {
      throw_broken(name_, "it breaks off before its pixels end");
    }
    const Bytes part = source.subspan(extent.offset, extent.size == 0 ? room : extent.size);
    data.insert(data.end(), part.begin(), part.end());
  }
  return data;
}

bool has_heif_items(Bytes bytes, const std::string& name) {
  bool has_items = false;
  bool has_film = false;
  for_each_box(HeifReader(bytes, name), name, [&](const HeifBox& box) {
    has_items |= box.type == "meta";
    has_film |= box.type == "moov";
    return !has_items;
  });
  return has_items || !has_film;
}

}  // namespace owl3
