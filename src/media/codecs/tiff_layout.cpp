#include "media/codecs/tiff_layout.h"

#include <algorithm>

#include "core/error.h"

namespace owl3 {
namespace {

std::string compression_name(uint16_t compression) {
  const TIFFCodec* codec = TIFFFindCODEC(compression);
  return codec != nullptr ? codec->name : fmt::format("number {}", compression);
}

std::string photometric_name(uint16_t photometric) {
  switch (photometric) {
    case PHOTOMETRIC_MASK:
      return "a transparency mask instead of a picture";
    case PHOTOMETRIC_CFA:
    case 34892:  // LinearRaw, of DNG
      return "a camera's raw pixels";
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
      return "L*a*b* colours of this kind";
    case PHOTOMETRIC_YCBCR:
      return "YCbCr colours of this kind";
    default:
      return fmt::format("colours of kind {}", photometric);
  }
}

/// Without the tag, as libtiff guesses.
uint16_t photometric_of(const TiffFile& file, int samples) {
  uint16_t photometric = 0;
  if (TIFFGetField(file.handle(), TIFFTAG_PHOTOMETRIC, &photometric) != 0) return photometric;
  return samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
}

bool libtiff_can_show(const TiffFile& file) {
  char message[1024] = {};
  return TIFFRGBAImageOK(file.handle(), message) != 0;
}

TiffColour colour_of(const TiffFile& file, const TiffLayout& layout) {
  const uint16_t photometric = photometric_of(file, layout.samples);
  const auto compression = file.number<uint16_t>(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
      return TiffColour::kInvertedGrey;
    case PHOTOMETRIC_MINISBLACK:
      return TiffColour::kGrey;
    case PHOTOMETRIC_RGB:
      return TiffColour::kRgb;
    case PHOTOMETRIC_PALETTE:
      return TiffColour::kPalette;
    case PHOTOMETRIC_SEPARATED:
      if (file.number<uint16_t>(TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK) {
        file.throw_unsupported("inks other than CMYK");
      }
      return TiffColour::kCmyk;
    case PHOTOMETRIC_YCBCR:
      if (compression == COMPRESSION_JPEG && !layout.planes) {
        TIFFSetField(file.handle(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        return TiffColour::kRgb;
      }
      break;
    default:
      break;
  }
  const bool is_log = photometric == PHOTOMETRIC_LOGL || photometric == PHOTOMETRIC_LOGLUV;
  const bool may_be_shown = photometric == PHOTOMETRIC_YCBCR || is_log ||
                            photometric == PHOTOMETRIC_CIELAB || photometric == PHOTOMETRIC_ICCLAB;
  if (!may_be_shown || !libtiff_can_show(file)) {
    file.throw_unsupported(photometric_name(photometric));
  }
  return TiffColour::kByLibtiff;
}

int colour_samples(TiffColour colour) {
  switch (colour) {
    case TiffColour::kRgb:
      return 3;
    case TiffColour::kCmyk:
      return 4;
    default:
      return 1;
  }
}

void find_alpha(const TiffFile& file, TiffLayout& layout) {
  uint16_t count = 0;
  uint16_t* kinds = nullptr;
  if (TIFFGetFieldDefaulted(file.handle(), TIFFTAG_EXTRASAMPLES, &count, &kinds) == 0) return;
  for (int i = 0; i < count; ++i) {
    const bool multiplied = kinds[i] == EXTRASAMPLE_ASSOCALPHA;
    if (!multiplied && kinds[i] != EXTRASAMPLE_UNASSALPHA) continue;
    const int sample = layout.samples - count + i;
    if (sample < layout.colour_samples) continue;
    layout.alpha_sample = sample;
    layout.alpha_is_multiplied = multiplied;
    return;
  }
}

void check_samples(const TiffFile& file, const TiffLayout& layout) {
  if (layout.colour == TiffColour::kByLibtiff) return;
  if (layout.samples < layout.colour_samples) {
    file.throw_unsupported(
        fmt::format("{} samples a pixel, {} wanted", layout.samples, layout.colour_samples));
  }
  const int bits = layout.bits;
  const bool is_complex = layout.sample_format == SAMPLEFORMAT_COMPLEXINT ||
                          layout.sample_format == SAMPLEFORMAT_COMPLEXIEEEFP;
  if (is_complex) file.throw_unsupported("complex numbers");
  const bool known_float = bits == 16 || bits == 32 || bits == 64;
  const bool known_int = (bits >= 1 && bits <= 16) || bits == 24 || bits == 32 || bits == 64;
  const bool known_signed = bits == 8 || bits == 16 || bits == 32 || bits == 64;
  const bool known = layout.is_float()                          ? known_float
                     : layout.sample_format == SAMPLEFORMAT_INT ? known_signed
                                                                : known_int;
  if (!known) file.throw_unsupported(fmt::format("samples of {} bits", bits));
  if (layout.colour == TiffColour::kPalette && (bits > 8 || layout.has_wide_values())) {
    file.throw_unsupported(fmt::format("a palette of {} bits", bits));
  }
}

}  // namespace

TiffLayout read_tiff_layout(const TiffFile& file) {
  const auto compression = file.number<uint16_t>(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  if (TIFFIsCODECConfigured(compression) == 0) {
    file.throw_unsupported("compression " + compression_name(compression));
  }
  TiffLayout layout;
  layout.width = file.number<uint32_t>(TIFFTAG_IMAGEWIDTH, 0);
  layout.height = file.number<uint32_t>(TIFFTAG_IMAGELENGTH, 0);
  layout.bits = file.number<uint16_t>(TIFFTAG_BITSPERSAMPLE, 1);
  layout.samples = file.number<uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1);
  layout.sample_format = file.number<uint16_t>(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  if (layout.sample_format == SAMPLEFORMAT_VOID) layout.sample_format = SAMPLEFORMAT_UINT;
  layout.planes =
      layout.samples > 1 &&
      file.number<uint16_t>(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  const auto orientation = file.number<uint16_t>(TIFFTAG_ORIENTATION, 1);
  layout.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  layout.colour = colour_of(file, layout);
  layout.colour_samples = colour_samples(layout.colour);
  find_alpha(file, layout);
  check_samples(file, layout);
  return layout;
}

}  // namespace owl3
