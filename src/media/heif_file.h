// What a HEIF file (HEIC, AVIF and their kin) says of its pictures: the items of its meta box,
// their properties and references (ISO/IEC 14496-12 and 23008-12). Nothing is decoded.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "media/decode_formats.h"

namespace owl3 {

/// Reads big-endian numbers one behind the other. Throws InputError where the bytes end.
class HeifReader {
 public:
  HeifReader(Bytes bytes, const std::string& name) : rest_(bytes), name_(&name) {}

  uint64_t number(size_t size);  // of at most 8 bytes
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  Bytes take(uint64_t size);
  std::string type();  // four letters
  Bytes rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

 private:
  Bytes rest_;
  const std::string* name_;
};

struct HeifBox {
  std::string type;
  Bytes body;
};

struct HeifItem {
  uint32_t id = 0;
  std::string type;                 // "hvc1", "av01", "grid"; empty: not described
  bool is_encrypted = false;        //
  std::vector<HeifBox> properties;  // in the order in which they are to be applied
  std::vector<uint32_t> parts;      // what it is derived from

  /// Its first property of the type, or null.
  const HeifBox* property(std::string_view type) const;
};

class HeifFile {
 public:
  /// Throws InputError where the boxes are not whole.
  HeifFile(Bytes bytes, const std::string& name);

  const HeifItem& primary() const { return item(primary_); }
  const HeifItem& item(uint32_t id) const;
  /// Its alpha, or null.
  const HeifItem* alpha_of(const HeifItem& item) const;
  /// Whether its colours were multiplied by its alpha.
  bool is_premultiplied(const HeifItem& item) const { return premultiplied_.contains(item.id); }
  std::vector<std::byte> data_of(const HeifItem& item) const;

 private:
  struct Extent {
    uint64_t offset = 0;
    uint64_t size = 0;  // 0: to the end
  };
  struct Location {
    uint32_t method = 0;  // 0: in the file, 1: in the idat box
    bool elsewhere = false;
    std::vector<Extent> extents;
  };

  void read_meta(Bytes meta);
  void read_locations(HeifReader iloc);
  void read_item_types(HeifReader iinf);
  void read_properties(HeifReader iprp);
  void read_associations(HeifReader ipma, const std::vector<HeifBox>& properties);
  void read_references(HeifReader iref);

  Bytes bytes_;
  Bytes idat_;
  std::string name_;
  uint32_t primary_ = 0;
  std::map<uint32_t, HeifItem> items_;
  std::map<uint32_t, Location> locations_;
  std::multimap<uint32_t, uint32_t> auxiliaries_;  // of an item
  std::map<uint32_t, uint32_t> premultiplied_;     // an item, by its alpha
};

/// Whether a HEIF file has pictures of its own beside, or instead of, a film.
bool has_heif_items(Bytes bytes, const std::string& name);

}  // namespace owl3
