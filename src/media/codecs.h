// Decoding through libraries that are large and seldom needed: FFmpeg's, libtiff and libjxl. It is
// the module owl3-codecs.so, made of codecs/ and loaded when the first file asks for it; nothing
// else of owl3 is linked with those libraries.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "media/decode_formats.h"
#include "media/film_watch.h"
#include "media/frame_source.h"
#include "media/live_reader.h"

namespace owl3 {

/// What the module gives. Errors come through as what they are, as the C++ runtime is shared.
struct Codecs {
  /// Of the headers and the compiler that both sides were made with. The rest is only touched where
  /// it is the own one.
  const char* stamp;

  /// As in decode_formats.h.
  StoredSize (*read_tiff_size)(Bytes bytes, const std::string& name, const DecodeLimits& limits);
  /// Upright, as decode_heif() gives it; checked.
  StoredSize (*read_heif_size)(Bytes bytes, const std::string& name, const DecodeLimits& limits);
  StoredSize (*read_jxl_size)(Bytes bytes, const std::string& name);
  /// Of what decode_with_ffmpeg() decodes, by its header; checked.
  StoredSize (*read_size_with_ffmpeg)(Bytes bytes, const std::string& name,
                                      const DecodeLimits& limits);

  StoredImage (*decode_tiff)(Bytes bytes, const std::string& name, const DecodeLimits& limits);
  /// HEIC, AVIF: cropped, turned and mirrored already, which EXIF says once more beside.
  StoredImage (*decode_heif)(Bytes bytes, const std::string& name, const DecodeLimits& limits);
  StoredImage (*decode_jxl)(Bytes bytes, const std::string& name, const DecodeLimits& limits);
  /// BMP and the other still formats of FFmpeg; palettes become RGB exactly.
  StoredImage (*decode_with_ffmpeg)(Bytes bytes, const std::string& name,
                                    const DecodeLimits& limits);

  /// Reads the film's packets once, unless their index is known. Throws InputError when it can't be
  /// read or has no frames. The watch must outlive the source.
  std::unique_ptr<FrameSource> (*open_film)(const std::filesystem::path& path,
                                            const VideoOptions& options, FilmWatch& watch,
                                            std::shared_ptr<const FilmIndex> known);
  /// How long the film's pictures last, by its header alone; nothing where that does not tell, or
  /// only guesses. Throws InputError when the film can't be opened.
  std::optional<double> (*told_film_seconds)(const std::filesystem::path& path, FilmWatch& watch);
  /// As in live_reader.h, for all but folders.
  std::unique_ptr<LiveReader> (*open_live_film)(const LiveInput& input, FilmWatch& watch);
};

/// Loads the module where that was not done yet. Throws Error, "<name>: ...", when it or one of its
/// libraries is missing, or it is of another build: nothing is wrong with the file then.
const Codecs& codecs(const std::string& name);

}  // namespace owl3
