// The decoders that the module gives, as media/codecs.h describes them.
#pragma once

#include "media/decode_formats.h"

namespace owl3 {

StoredSize read_tiff_size(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredSize read_heif_size(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredSize read_jxl_size(Bytes bytes, const std::string& name);
StoredSize read_size_with_ffmpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits);

StoredImage decode_tiff(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_heif(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_jxl(Bytes bytes, const std::string& name, const DecodeLimits& limits);
StoredImage decode_with_ffmpeg(Bytes bytes, const std::string& name, const DecodeLimits& limits);

}  // namespace owl3
