// Decoding, resizing and cutting against Pillow's results.
#include <nlohmann/json.hpp>

#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;
using test::read_gzip;

nlohmann::json read_json(const std::string& name) {
  return nlohmann::json::parse(std::ifstream(data_file(name)));
}

/// Pillow clips 16-bit grey instead of scaling it: its files hold no pixels to compare with.
bool is_16_bit_grey(const nlohmann::json& golden) {
  return !golden.value("note", std::string()).empty();
}

Image pillow_image(const nlohmann::json& golden) {
  return {golden["width"], golden["height"],
          read_gzip(data_file("images/" + golden["decoded"].get<std::string>()))};
}

int tolerance(const nlohmann::json& golden) {
  if (golden["exact_decode"]) return 0;
  const std::string file = golden["file"];
  return file.ends_with(".webp") || file.find("CMYK") != std::string::npos ? 3 : 2;
}

int max_difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  if (a.size() != b.size()) return 256;
  int difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = std::max(difference, std::abs(a[i] - b[i]));
  return difference;
}

TEST(DecodeImage, AgreesWithPillowOnEveryGoldenFile) {
  for (const auto& golden : read_json("images/index.json")) {
    const std::string file = golden["file"];
    const Image image = load_image(data_file("images/" + file), {.apply_exif_orientation = false});
    EXPECT_EQ(image.width, golden["width"]) << file;
    EXPECT_EQ(image.height, golden["height"]) << file;
    if (is_16_bit_grey(golden)) continue;
    EXPECT_LE(max_difference(image.rgb, pillow_image(golden).rgb), tolerance(golden)) << file;
  }
}

TEST(ResizeBicubic, IsBitExactWithPillowOnEveryGoldenFile) {
  int checked = 0;
  for (const auto& golden : read_json("images/index.json")) {
    if (is_16_bit_grey(golden)) continue;
    const Image image = pillow_image(golden);
    for (const auto& resized : golden["resize"]) {
      const std::string file = resized["file"];
      const Image result = resize_bicubic(image, resized["width"], resized["height"]);
      EXPECT_EQ(max_difference(result.rgb, read_gzip(data_file("images/" + file))), 0) << file;
      ++checked;
    }
  }
  EXPECT_GE(checked, 60);
}

TEST(PrepareImage, CutsEveryGoldenFileExactly) {
  for (const auto& golden : read_json("images/index.json")) {
    if (is_16_bit_grey(golden)) continue;
    const auto& cut = golden["cut56"];
    const ModelImages result = prepare_image(pillow_image(golden), cut["size"], true);
    EXPECT_EQ(result.grid.rows, cut["rows"]);
    EXPECT_EQ(result.grid.cols, cut["cols"]);
    std::vector<uint8_t> all;
    for (const Image& tile : result.images) all.insert(all.end(), tile.rgb.begin(), tile.rgb.end());
    const std::string file = cut["file"];
    EXPECT_EQ(max_difference(all, read_gzip(data_file("images/" + file))), 0) << file;
  }
}

TEST(ChooseGrid, AgreesWithEveryGoldenCase) {
  const nlohmann::json sizes = read_json("images/grids.json");
  int checked = 0;
  for (const auto& [size, cases] : sizes.items()) {
    for (const auto& row : cases) {
      const Grid grid = choose_grid(row[0], row[1], std::stoi(size));
      EXPECT_EQ(grid.rows, row[2]) << size << " " << row;
      EXPECT_EQ(grid.cols, row[3]) << size << " " << row;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 1200);
}

}  // namespace
}  // namespace owl3
