// The one symbol that owl3-codecs.so shows.
#include "media/codecs.h"
#include "media/codecs/decoders.h"
#include "media/codecs/film_length.h"
#include "media/codecs/film_source.h"
#include "media/codecs/live_film.h"
#include "owl3/export.h"

extern "C" {
extern OWL3_API const owl3::Codecs owl3_codecs;
const owl3::Codecs owl3_codecs = {
    .stamp = OWL3_CODECS_STAMP,
    .read_tiff_size = owl3::read_tiff_size,
    .read_heif_size = owl3::read_heif_size,
    .read_jxl_size = owl3::read_jxl_size,
    .read_size_with_ffmpeg = owl3::read_size_with_ffmpeg,
    .decode_tiff = owl3::decode_tiff,
    .decode_heif = owl3::decode_heif,
    .decode_jxl = owl3::decode_jxl,
    .decode_with_ffmpeg = owl3::decode_with_ffmpeg,
    .open_film = owl3::open_film_source,
    .told_film_seconds = owl3::told_film_seconds,
    .open_live_film = owl3::open_live_film,
};
}
