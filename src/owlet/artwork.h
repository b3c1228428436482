// Everything that scenes are drawn with, taken once from two free fonts.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "owlet/sticker.h"

namespace owl3 {

struct FontPaths {
  std::filesystem::path emoji = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";
  std::filesystem::path letters = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf";
};

/// Immutable; safe to use from several threads.
class Artwork {
 public:
  /// Throws InputError when a font is missing, is no font, or lacks a character.
  explicit Artwork(const FontPaths& fonts = {});

  /// Of an emoji, or of a shape in white.
  const Sticker& of_thing(int thing) const;
  /// White letters; `text` is of a-z and 0-9.
  Sticker of_text(std::string_view text) const;
  /// Whether the thing can be seen on a ground of that colour.
  bool is_visible(int thing, int ground) const;

 private:
  struct Letter {
    int left = 0;  // of the bitmap, from where the letter begins
    int top = 0;   // above the line
    int advance = 0;
    int width = 0;
    int height = 0;
    std::vector<uint8_t> coverage;  // [height, width]
  };
  void load_emoji(const std::filesystem::path& path);
  void load_letters(const std::filesystem::path& path);
  const Letter& letter(char c) const;

  std::vector<Sticker> emoji_;
  std::vector<Sticker> shapes_;
  std::vector<Letter> letters_;  // a-z, 0-9
  std::vector<bool> visible_;    // [things, colours]
};

}  // namespace owl3
