#include "owlet/artwork.h"

#include <fmt/format.h>
#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "core/error.h"
#include "owlet/catalogue.h"
#include "owlet/shapes.h"

namespace owl3 {

namespace {

constexpr int kLetterPixels = 64;
constexpr int kMostHiddenPercent = 45;

/// A font file, open.
class Face {
 public:
  explicit Face(const std::filesystem::path& path, const char* package) : path_(path) {
    if (!std::filesystem::is_regular_file(path)) {
      throw InputError(
          fmt::format("{}: no such font; Debian's package {} brings it", path.string(), package));
    }
    FT_Library library = nullptr;
    OWL3_CHECK(FT_Init_FreeType(&library) == 0);
    library_.reset(library);
    FT_Face face = nullptr;
    if (FT_New_Face(library, path.c_str(), 0, &face) != 0) {
      throw InputError(fmt::format("{}: is no font that FreeType reads", path.string()));
    }
    face_.reset(face);
  }

  FT_Face get() const { return face_.get(); }

  /// The character's bitmap, with colours where the font has them.
  FT_GlyphSlot load(char32_t character, FT_Int32 flags) const {
    const FT_UInt glyph = FT_Get_Char_Index(face_.get(), character);
    if (glyph == 0 || FT_Load_Glyph(face_.get(), glyph, FT_LOAD_RENDER | flags) != 0) {
      throw InputError(fmt::format("{}: has no picture of U+{:04X}", path_.string(),
                                   static_cast<uint32_t>(character)));
    }
    return face_->glyph;
  }

 private:
  struct Done {
    void operator()(FT_Library library) const { FT_Done_FreeType(library); }
    void operator()(FT_Face face) const { FT_Done_Face(face); }
  };
  std::filesystem::path path_;
  std::unique_ptr<FT_LibraryRec_, Done> library_;
  std::unique_ptr<FT_FaceRec_, Done> face_;
};

Sticker sticker_of(const FT_Bitmap& bitmap) {
  const auto width = static_cast<int>(bitmap.width);
  const auto height = static_cast<int>(bitmap.rows);
  std::vector<uint8_t> rgba;
  rgba.reserve(static_cast<size_t>(width) * height * 4);
  for (int y = 0; y < height; ++y) {
    const uint8_t* row = bitmap.buffer + static_cast<ptrdiff_t>(y) * bitmap.pitch;
    for (int x = 0; x < width; ++x) {  // blue, green, red, alpha, multiplied by alpha already
      const uint8_t* pixel = row + x * 4;
      rgba.insert(rgba.end(), {pixel[2], pixel[1], pixel[0], pixel[3]});
    }
  }
  return {width, height, rgba};
}

}  // namespace

Artwork::Artwork(const FontPaths& fonts) {
  load_emoji(fonts.emoji);
  load_letters(fonts.letters);
  for (size_t shape = 0; shape < kShapes.size(); ++shape) {
    shapes_.push_back(make_shape(static_cast<int>(shape)));
  }
  for (size_t thing = 0; thing < things().size(); ++thing) {
    for (size_t ground = 0; ground < kColours.size(); ++ground) {
      const Thing& what = things()[thing];
      visible_.push_back(what.is_shape() ? what.colour != static_cast<int>(ground)
                                         : emoji_[thing].percent_hidden_on(kColours[ground].rgb) <=
                                               kMostHiddenPercent);
    }
  }
}

void Artwork::load_emoji(const std::filesystem::path& path) {
  const Face face(path, "fonts-noto-color-emoji");
  if (!FT_HAS_COLOR(face.get()) || face.get()->num_fixed_sizes < 1 ||
      FT_Select_Size(face.get(), 0) != 0) {
    throw InputError(fmt::format("{}: is no font of coloured bitmaps", path.string()));
  }
  for (const EmojiName& name : emoji_names()) {
    const FT_Bitmap& bitmap = face.load(name.code_point, FT_LOAD_COLOR)->bitmap;
    if (bitmap.pixel_mode != FT_PIXEL_MODE_BGRA || bitmap.width == 0) {
      throw InputError(fmt::format("{}: U+{:04X} ({}) is not in colours", path.string(),
                                   static_cast<uint32_t>(name.code_point), name.singular));
    }
    emoji_.push_back(sticker_of(bitmap));
  }
}

void Artwork::load_letters(const std::filesystem::path& path) {
  const Face face(path, "fonts-dejavu-core");
  if (FT_Set_Pixel_Sizes(face.get(), 0, kLetterPixels) != 0) {
    throw InputError(fmt::format("{}: has no letters of any size", path.string()));
  }
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789")) {
    const FT_GlyphSlot slot = face.load(static_cast<unsigned char>(c), FT_LOAD_NO_HINTING);
    Letter letter;
    letter.left = slot->bitmap_left;
    letter.top = slot->bitmap_top;
    letter.advance = static_cast<int>((slot->advance.x + 32) >> 6);
    letter.width = static_cast<int>(slot->bitmap.width);
    letter.height = static_cast<int>(slot->bitmap.rows);
    for (int y = 0; y < letter.height; ++y) {
      const uint8_t* row = slot->bitmap.buffer + static_cast<ptrdiff_t>(y) * slot->bitmap.pitch;
      letter.coverage.insert(letter.coverage.end(), row, row + letter.width);
    }
    letters_.push_back(std::move(letter));
  }
}

const Artwork::Letter& Artwork::letter(char c) const {
  const bool digit = c >= '0' && c <= '9';
  OWL3_CHECK(digit || (c >= 'a' && c <= 'z'));
  return letters_[static_cast<size_t>(digit ? 26 + c - '0' : c - 'a')];
}

const Sticker& Artwork::of_thing(int thing) const {
  const Thing& what = things().at(static_cast<size_t>(thing));
  return what.is_shape() ? shapes_[static_cast<size_t>(what.shape)]
                         : emoji_[static_cast<size_t>(thing)];
}

bool Artwork::is_visible(int thing, int ground) const {
  return visible_.at(static_cast<size_t>(thing) * kColours.size() + static_cast<size_t>(ground));
}

Sticker Artwork::of_text(std::string_view text) const {
  int width = 8;  // room for what hangs over
  for (const char c : text) width += letter(c).advance;
  const int height = kLetterPixels * 3 / 2;
  std::vector<uint8_t> rgba(static_cast<size_t>(width) * height * 4, 0);
  int begin = 4;
  for (const char c : text) {
    const Letter& glyph = letter(c);
    for (int y = 0; y < glyph.height; ++y) {
      for (int x = 0; x < glyph.width; ++x) {
        const int column = begin + glyph.left + x;
        const int row = kLetterPixels + y - glyph.top;
        if (column < 0 || column >= width || row < 0 || row >= height) continue;
        const uint8_t coverage = glyph.coverage[static_cast<size_t>(y * glyph.width + x)];
        const size_t at = static_cast<size_t>(row * width + column) * 4;
        for (size_t channel = 0; channel < 4; ++channel) {
          rgba[at + channel] = std::max(rgba[at + channel], coverage);
        }
      }
    }
    begin += glyph.advance;
  }
  return {width, height, rgba};
}

}  // namespace owl3
