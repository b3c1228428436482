// HEIF files put together from coded pictures, as phones and other programs write them, or wrongly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace owl3::test {

/// A big-endian number.
std::string big_endian(uint64_t value, int size);
std::string box(const std::string& type, const std::string& body);
/// A box that begins with its version and flags.
std::string full_box(const std::string& type, const std::string& body, int version = 0,
                     int flags = 0);

struct HeifPart {
  std::string type;  // "hvc1", "grid", "Exif"
  std::string data;
  std::vector<std::string> properties{};  // whole boxes
};

struct HeifReference {
  std::string type;
  int from = 0;
  std::vector<int> to{};
};

struct HeifContents {
  std::vector<HeifPart> parts;  // item 1, 2, ...
  std::vector<HeifReference> references{};
  std::string main_brand = "heic";
  std::string other_brands = "mif1heic";
  int primary = 1;
  bool data_in_meta = false;  // in idat, and not in mdat
};

std::vector<std::byte> write_heif(const HeifContents& contents);

/// Properties.
std::string ispe(int width, int height);
std::string irot(int quarter_turns);
std::string imir(int mode);
std::string nclx(int primaries, int transfer, int matrix, bool full_range);
std::string auxc(const std::string& kind);
/// A crop; the offsets are of the window's centre from the picture's, in halves of a pixel.
std::string clap(int width, int height, int right_halves, int down_halves);
/// The data of a grid.
std::string grid_data(int rows, int columns, int width, int height);

/// A coded picture of tests/data/heif with its decoder's set-up, as an item that says its size.
HeifPart coded_hevc(const std::string& file, int width = 64, int height = 48);
HeifPart coded_av1(const std::string& file, int width = 64, int height = 48);
HeifPart coded_h264(const std::string& file, int width = 64, int height = 48);

}  // namespace owl3::test
