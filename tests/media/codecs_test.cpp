// The libraries that are loaded when a file needs them, and FFmpeg as a guest in others' processes.
#include <filesystem>
#include <fstream>
#include <string>

extern "C" {
#include <libavutil/log.h>
}

#include "media/image.h"
#include "media/video.h"
#include "test_files.h"

namespace owl3 {
namespace {

using test::data_file;

/// Sets FFmpeg's level as an application does that uses FFmpeg itself.
class FfmpegLevel {
 public:
  explicit FfmpegLevel(int level) : before_(av_log_get_level()) { av_log_set_level(level); }
  ~FfmpegLevel() { av_log_set_level(before_); }
  FfmpegLevel(const FfmpegLevel&) = delete;
  FfmpegLevel& operator=(const FfmpegLevel&) = delete;

 private:
  int before_;
};

/// A film with zeros in its middle, of which FFmpeg has much to say.
std::filesystem::path damaged_film(const test::TemporaryFolder& folder) {
  std::ifstream file(data_file("media/h264-bframes.mp4"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  for (size_t i = bytes.size() / 3; i < bytes.size() / 2; ++i) bytes[i] = '\0';
  return folder.write("damaged.mp4", bytes.data(), bytes.size());
}

void read_all(VideoReader reader) {
  while (reader.next()) {
  }
}

TEST(Ffmpeg, SaysNothingOfWhatItIsGiven) {
  const FfmpegLevel level(AV_LOG_VERBOSE);
  const test::TemporaryFolder folder;
  const auto film = damaged_film(folder);
  const std::string broken = "BM and nothing else that would be a picture";
  const auto picture = folder.write("broken.bmp", broken.data(), broken.size());
  testing::internal::CaptureStderr();
  read_all(VideoReader::open(film, {}));
  EXPECT_THROW(load_image(picture), InputError);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Ffmpeg, PrintsForTheApplicationWhatItDidBefore) {
  const FfmpegLevel level(AV_LOG_WARNING);
  VideoReader reader = VideoReader::open(data_file("media/h264-bframes.mp4"), {});
  EXPECT_EQ(av_log_get_level(), AV_LOG_WARNING);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(av_log_get_level(), AV_LOG_WARNING);
  EXPECT_THROW(VideoReader::open("missing.mp4", {}), InputError);
  EXPECT_EQ(av_log_get_level(), AV_LOG_WARNING);
}

}  // namespace
}  // namespace owl3
