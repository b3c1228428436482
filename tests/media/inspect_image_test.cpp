// The command that shows what the model sees.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/inspect/inspect.h"
#include "media/image.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;

class InspectImage : public testing::Test {
 protected:
  nlohmann::json run(std::vector<std::string> arguments) {
    CLI::App app;
    cli::add_inspect_image(app);
    arguments.insert(arguments.end(), {"-o", output().string()});
    std::reverse(arguments.begin(), arguments.end());
    testing::internal::CaptureStdout();
    try {
      app.parse(arguments);
    } catch (...) {
      testing::internal::GetCapturedStdout();
      throw;
    }
    std::fflush(stdout);
    return nlohmann::json::parse(testing::internal::GetCapturedStdout());
  }
  std::filesystem::path output() const { return folder_.path() / "pixels.rgb"; }
  std::vector<uint8_t> pixels() const {
    const auto bytes = test::read_file(output());
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    return {data, data + bytes.size()};
  }
  static std::string file() { return data_file("images/20-RGB-190x300.png").string(); }

  test::TemporaryFolder folder_;
};

TEST_F(InspectImage, WritesTilesAndTheGlobalView) {
  const auto json = run({"image", file(), "--size", "56", "--cut"});
  EXPECT_EQ(pixels(), test::read_gzip(data_file("images/20-RGB-190x300.png.cut56.rgb.gz")));
  EXPECT_EQ(json["width"], 190);
  EXPECT_EQ(json["height"], 300);
  const int rows = json["grid"][0];
  const int cols = json["grid"][1];
  EXPECT_EQ(json["images"].size(), static_cast<size_t>(rows * cols + 1));
  EXPECT_EQ(json["images"][0]["width"], 56);
}

TEST_F(InspectImage, WritesOneImageWhenUncut) {
  const auto json = run({"image", file(), "--size", "56"});
  EXPECT_EQ(pixels(), test::read_gzip(data_file("images/20-RGB-190x300.png.56x56.rgb.gz")));
  EXPECT_TRUE(json["grid"].is_null());
}

TEST_F(InspectImage, WritesTheDecodedOrTheResizedImage) {
  run({"image", file(), "--decoded"});
  EXPECT_EQ(pixels(), test::read_gzip(data_file("images/20-RGB-190x300.png.rgb.gz")));
  run({"image", file(), "--resize", "64x48"});
  EXPECT_EQ(pixels(), test::read_gzip(data_file("images/20-RGB-190x300.png.64x48.rgb.gz")));
}

TEST_F(InspectImage, RefusesWrongOptionsAndLeavesNoOutput) {
  EXPECT_THROW(run({"image", file()}), UsageError);
  for (const char* size : {"64", "x", "64x", "64x48y", "0x5", "-1x5", "99999x1"}) {
    EXPECT_THROW(run({"image", file(), "--resize", size}), UsageError) << size;
  }
  EXPECT_THROW(run({"image", file(), "--size", "0"}), CLI::Error);
  EXPECT_THROW(run({"image", file(), "--decoded", "--cut"}), CLI::Error);
  EXPECT_THROW(run({"image", "none.png", "--size", "56"}), InputError);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace owl3
