#!/usr/bin/env bash
# Makes the files of this folder; README.md tells what they are. Wants the programs ffmpeg (with
# libx265 and libaom), ImageMagick's convert, libheif's heif-enc and libavif's avifenc.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# coded NAME FORMAT ENCODER... : a coded picture of its own, BT.601, full range, from $work/in.png
coded() {
  local name=$1 format=$2
  shift 2
  ffmpeg -v error -y -i "$work/in.png" -frames:v 1 -bitexact \
    -vf "scale=out_color_matrix=bt601:out_range=full:flags=accurate_rnd+full_chroma_int,format=$format" \
    -color_range pc -colorspace smpte170m "$@" "$name"
}
hevc=(-c:v libx265 -preset medium -x265-params "qp=4:info=0:log-level=none:range=full:colormatrix=smpte170m:keyint=1" -f hevc)
av1=(-c:v libaom-av1 -still-picture 1 -crf 5 -cpu-used 4 -f obu)

quadrants=(\( -size 32x24 xc:red xc:lime +append \) \( -size 32x24 xc:blue xc:white +append \) -append)
png=(-depth 16 -define png:color-type=2 -define png:bit-depth=16)
convert "${quadrants[@]}" "${png[@]}" "$work/in.png"
coded quadrants.hevc yuv420p "${hevc[@]}"
coded quadrants-10.hevc yuv420p10le "${hevc[@]}"
coded quadrants.obu yuv420p "${av1[@]}"
coded quadrants.h264 yuv420p -c:v libx264 -qp 4 -bsf:v filter_units=remove_types=6 -f h264
convert -size 64x48 xc:yellow "${png[@]}" "$work/in.png"
coded yellow.hevc yuv420p "${hevc[@]}"
convert \( -size 32x48 xc:gray50 \) \( -size 32x48 xc:white \) +append "${png[@]}" "$work/in.png"
coded half-clear.hevc gray "${hevc[@]}"
convert -size 64x48 xc:'rgb(58.06%,58.06%,58.06%)' "${png[@]}" "$work/in.png"
coded paper-10.hevc yuv420p10le "${hevc[@]}"

# Whole files.
convert \( -size 256x192 xc:red xc:lime +append \) \( -size 256x192 xc:blue xc:white +append \) -append \
  "${png[@]}" "$work/large.png"
convert "${quadrants[@]}" "${png[@]}" "$work/small.png"
convert "${quadrants[@]}" -alpha set -channel A -evaluate set 50% -depth 8 -define png:color-type=6 "$work/clear.png"
av1=(avifenc --min 0 --max 10 -s 6)
"${av1[@]}" -g 2x2 -y 420 -d 10 "$work/large.png" grid.avif >/dev/null
"${av1[@]}" -y 444 --premultiply "$work/clear.png" premultiplied.avif >/dev/null
"${av1[@]}" -y 444 --crop 0,0,40,48 --irot 1 --imir 1 "$work/small.png" turned.avif >/dev/null
heif-enc -q 90 -b 10 --thumb 32 "$work/small.png" -o thumbnail.heic >/dev/null
