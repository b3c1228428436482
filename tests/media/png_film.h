// A film whose frames are PNG files, as they are: an AVI file that FFmpeg reads, whatever its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace owl3::test {

/// Writes an AVI file of square frames, so many a second.
class PngFilm {
 public:
  PngFilm(int side, int fps) : side_(side), fps_(fps) {}

  void add_frame(const std::string& png, int times = 1) {
    frames_.insert(frames_.end(), times, png);
  }
  size_t frames() const { return frames_.size(); }
  double seconds() const { return static_cast<double>(frames_.size()) / fps_; }

  void write(const std::filesystem::path& path) const {
    std::string movie = "movi", index;
    for (const std::string& png : frames_) {
      index += "00dc" + number(0x10) + number(movie.size()) + number(png.size());
      movie += chunk("00dc", png);
    }
    const std::string body =
        "AVI " +
        list("hdrl" + chunk("avih", main_header()) +
             list("strl" + chunk("strh", stream_header()) + chunk("strf", format()))) +
        list(movie) + chunk("idx1", index);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << chunk("RIFF", body);
  }

 private:
  static std::string number(uint64_t value, int bytes = 4) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
    return text;
  }
  static std::string chunk(const std::string& name, const std::string& content) {
    return name + number(content.size()) + content + std::string(content.size() % 2, '\0');
  }
  static std::string list(const std::string& content) { return chunk("LIST", content); }

  std::string main_header() const {
    constexpr uint64_t kHasIndex = 0x10;
    return number(1'000'000 / fps_) + number(0) + number(0) + number(kHasIndex) +
           number(frames_.size()) + number(0) + number(1) + number(0) + number(side_) +
           number(side_) + std::string(16, '\0');
  }
  std::string stream_header() const {
    return "vidsMPNG" + number(0) + number(0) + number(0) + number(1) + number(fps_) + number(0) +
           number(frames_.size()) + number(0) + number(0xffffffff) + number(0) + number(0, 2) +
           number(0, 2) + number(side_, 2) + number(side_, 2);
  }
  std::string format() const {
    return number(40) + number(side_) + number(side_) + number(1, 2) + number(24, 2) + "MPNG" +
           number(side_ * side_ * 3) + std::string(16, '\0');
  }

  int side_, fps_;
  std::vector<std::string> frames_;
};

}  // namespace owl3::test
