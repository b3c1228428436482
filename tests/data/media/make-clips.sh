#!/bin/sh
# Makes the clips of this folder with the ffmpeg program (5.1). Run it inside the folder.
set -eu
make() { ffmpeg -hide_banner -loglevel error -y "$@"; }
x264="-c:v libx264 -preset slow -crf 34 -pix_fmt yuv420p -threads 1"

# 10 s, B frames, key frames 2 s apart
make -f lavfi -i testsrc2=size=160x120:rate=25:duration=10 $x264 -bf 3 -g 50 -keyint_min 50 -sc_threshold 0 \
  -movflags +faststart h264-bframes.mp4
# one key frame only
make -f lavfi -i testsrc=size=128x96:rate=30:duration=6 $x264 -bf 3 -g 1000 -keyint_min 1000 -sc_threshold 0 h264-long-gop.mp4
# open GOPs, in MPEG-TS
make -f lavfi -i testsrc=size=128x96:rate=25:duration=4 $x264 -bf 3 -g 25 -x264-params open-gop=1:bluray-compat=0 h264-open-gop.ts
# variable frame rate: two of every five frames are left out
make -f lavfi -i testsrc=size=128x96:rate=30:duration=5 -vf "select='not(eq(mod(n,5),1)+eq(mod(n,5),3))'" -vsync vfr \
  $x264 -bf 2 -g 30 vfr.mkv
# an AVI whose B frames have no presentation times
make -f lavfi -i testsrc=size=128x96:rate=15:duration=4 -c:v mpeg4 -q:v 12 -bf 2 -g 30 -threads 1 mpeg4-bframes.avi
make -f lavfi -i testsrc=size=128x96:rate=15:duration=4 -c:v mpeg4 -q:v 12 -g 15 -threads 1 mpeg4.avi
# VP9 and VP8 with hidden reference frames
make -f lavfi -i testsrc=size=128x96:rate=25:duration=4 -c:v libvpx-vp9 -b:v 60k -g 50 -auto-alt-ref 1 -lag-in-frames 16 -threads 1 vp9.webm
make -f lavfi -i testsrc=size=128x96:rate=25:duration=4 -c:v libvpx -b:v 60k -g 50 -auto-alt-ref 1 -lag-in-frames 16 -threads 1 vp8.webm
make -f lavfi -i testsrc=size=96x64:rate=10:duration=3 -c:v mjpeg -q:v 12 -pix_fmt yuvj420p mjpeg.mov
# stored lying on its side, with a display matrix that turns it upright
make -f lavfi -i "color=red:size=64x32:rate=10:duration=1,drawbox=x=0:y=0:w=32:h=32:color=blue:t=fill" $x264 upright.mp4
make -i upright.mp4 -c copy -metadata:s:v:0 rotate=90 rotated.mp4
rm upright.mp4
# cut off in the middle of a frame
head -c "$(($(stat -c %s h264-bframes.mp4) * 6 / 10))" h264-bframes.mp4 > truncated.mp4
head -c "$(($(stat -c %s vp9.webm) / 2))" vp9.webm > truncated.webm
# sound without a picture
make -f lavfi -i sine=frequency=440:duration=0.2 -c:a aac -b:a 32k no-video.m4a
# HDR as phones and cameras record it: bars of white, red, green, blue, paper white being at 203 nits
hdr() {
  make -f lavfi -i "color=white:size=64x32:rate=2:duration=1,format=gbrp,drawbox=x=16:y=0:w=48:h=32:color=red:t=fill,drawbox=x=32:y=0:w=32:h=32:color=lime:t=fill,drawbox=x=48:y=0:w=16:h=32:color=blue:t=fill,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr" \
    -vf "zscale=tin=bt709:pin=bt709:t=$1:p=bt2020:m=bt2020nc:npl=203:r=limited,format=yuv420p10le" \
    -c:v libx265 -x265-params log-level=none:crf=6:info=0 -tag:v hvc1 -color_trc $1 -color_primaries bt2020 -colorspace bt2020nc "$2"
}
hdr arib-std-b67 hlg.mp4
hdr smpte2084 pq.mp4
# green in BT.709, of which the file says nothing; it is shown standing, 480 x 720
make -f lavfi -i "color=lime:size=720x480:rate=2:duration=1,format=gbrp,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr" \
  -vf scale=out_color_matrix=bt709,format=yuv420p,setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown -c:v libx264 -qp 1 upright.mp4
make -i upright.mp4 -c copy -metadata:s:v:0 rotate=90 unmarked-turned.mp4
rm upright.mp4
# Animations of five pictures, 40 x 40, shown for 1, 0.5, 2, 0 and 3 s. Made with ImageMagick, libwebp's
# cwebp and webpmux, and libavif's avifenc.
convert -page 40x40 \
  -delay 100 -dispose none \( -size 40x40 xc:red \) \
  -delay 50 -dispose previous \( -size 20x40 xc:lime \) \
  -delay 200 -dispose none -page 40x40+20+0 \( -size 20x40 xc:blue \) \
  -delay 0 -dispose none -page 40x40+0+20 \( -size 40x20 pattern:checkerboard -transparent '#666666' -fill yellow -opaque '#999999' \) \
  -delay 300 -dispose none -page 40x40+30+14 \( -size 10x10 xc:cyan \) -loop 0 animation.gif
webp() { convert -size "$2" "xc:$3" part.png && cwebp -quiet -lossless -exact part.png -o "$1.part"; }
webp 1 40x40 red
webp 2 20x40 lime
webp 3 20x40 'rgba(0,0,255,0.5)'
webp 4 10x40 'rgba(7,7,7,0)'
webp 5 10x10 cyan
# the second is taken away again, the third is half transparent, the fourth replaces what it covers
webpmux -frame 1.part +1000+0+0+0-b -frame 2.part +500+0+0+1+b -frame 3.part +2000+20+0+0+b \
  -frame 4.part +0+0+0+0-b -frame 5.part +3000+30+14+0+b -loop 0 -o animation.webp
rm ./*.part part.png
# a film of red, green and blue with an alpha track beside it
for colour in red lime blue; do convert -size 64x64 "xc:$colour" -alpha set -channel A -evaluate set 60% "frame-$colour.png"; done
avifenc -s 6 --min 0 --max 10 --timescale 10 --duration 7 frame-red.png frame-lime.png frame-blue.png animation.avif
rm frame-*.png
# a screen recording: ten pictures within a second, then nothing for the rest of a minute
make -f lavfi -i testsrc2=size=64x48:rate=30:duration=10 -vf "select='lt(n,100)',setpts='(floor(N/10)*60+mod(N,10)/10)/TB'" \
  -vsync passthrough -enc_time_base 1/1000 -bf 0 $x264 -video_track_timescale 90000 screen.mp4
# slides of 5 s each, and a constant rate that no whole step makes one a second
make -f lavfi -i testsrc2=size=64x48:rate=1/5:duration=15 $x264 slides.mp4
make -f lavfi -i testsrc2=size=64x48:rate=3/2:duration=10 $x264 slow.mp4
# recordings joined end to end: 2 s that begin at 100 s, then 2 s that begin at 10 s; the same with an hour between
part() { make -f lavfi -i testsrc=size=64x48:rate=25:duration=2 -vf negate=enable=$1 $x264 -bf 2 -g 25 -output_ts_offset $2 -f mpegts part-$1.ts; }
part 0 100
part 1 10
cat part-0.ts part-1.ts > joined-back.ts
part 1 3600
cat part-0.ts part-1.ts > joined-forward.ts
# a broadcast that is tuned into within an open group of pictures
make -f lavfi -i testsrc=size=64x48:rate=25:duration=3 -c:v mpeg2video -q:v 20 -bf 2 -g 12 -threads 1 -f mpegts whole.ts
tail -c "+$((188 * 40 + 1))" whole.ts > tuned-in.ts
rm part-0.ts part-1.ts whole.ts
# bytes in the middle of the film are lost to noise
make -f lavfi -i testsrc2=size=160x120:rate=25:duration=2 $x264 -bf 0 -g 25 -f mpegts noisy.ts
size=$(stat -c %s noisy.ts)
for i in 0 1 2 3 4 5; do
  printf '\377\125\252\063' | dd of=noisy.ts bs=1 seek=$((size / 4 + i * 70)) conv=notrunc status=none
done
