#!/bin/sh
# Draws the pictures and films in demo/ with the ffmpeg program and with owl3 make-data, so that all
# of them are free to ship. Needs a build, ffmpeg and the fonts of DejaVu and Noto Color Emoji
# (packages ffmpeg, fonts-dejavu-core, fonts-noto-color-emoji).
set -eu
cd "$(dirname "$0")/../demo"
font=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf

# draw FILE WIDTHxHEIGHT FILTERS: one picture painted on black
draw() {
  ffmpeg -hide_banner -loglevel error -y -f lavfi -i "color=black:size=$2:rate=1:duration=1" \
    -vf "format=gbrp,$3" -frames:v 1 -q:v 3 -pred mixed "$1"
}

# disc X Y R RED GREEN BLUE: a soft-edged disc over what is there
disc() {
  m="clip($3-hypot(X-($1)\\,Y-($2))+0.5\\,0\\,1)"
  echo "geq=r='r(X\\,Y)*(1-$m)+$4*$m':g='g(X\\,Y)*(1-$m)+$5*$m':b='b(X\\,Y)*(1-$m)+$6*$m'"
}

# A sun going down over waves.
sky="min(Y/300\\,1)"
ridge="clip(Y-(300+10*sin(X/38)+6*sin(X/17+2))\\,0\\,1)"
glitter="55*max(0\\,sin(Y/3+sin(X/23)*3))*exp(-pow((X-400)/(30+max(Y-300\\,0)*0.5)\\,2))"
draw sunset.jpg 640x440 "geq=r='70+180*pow($sky\\,0.8)':g='40+120*pow($sky\\,1.6)':b='110-40*$sky',\
$(disc 400.5 250.5 62 255 236 160),\
geq=r='r(X\\,Y)*(1-$ridge)+$ridge*(30+$glitter*2.6)':g='g(X\\,Y)*(1-$ridge)+$ridge*(42+$glitter*1.9)':b='b(X\\,Y)*(1-$ridge)+$ridge*(92+$glitter)'"

# Three shapes, each of another colour.
triangle="clip(min(min((Y-120)*1.7-abs(X-560)*3.9\\,360-Y)\\,1)\\,0\\,1)"
draw shapes.png 680x480 "drawbox=color=0xf6f1e7:t=fill,drawbox=x=250:y=140:w=180:h=220:color=0x2f6fb5:t=fill,\
$(disc 120.5 250.5 88 214 69 65),\
geq=r='r(X\\,Y)*(1-$triangle)+62*$triangle':g='g(X\\,Y)*(1-$triangle)+152*$triangle':b='b(X\\,Y)*(1-$triangle)+93*$triangle',\
drawbox=x=0:y=400:w=680:h=80:color=0xddd3c0:t=fill"

# A sign with something to read, and a price.
draw sign.png 720x400 "drawbox=color=0x14342b:t=fill,drawbox=x=24:y=24:w=672:h=352:color=0xf2c14e:t=8,\
drawtext=fontfile=$font:text='OWL CAFE':fontcolor=0xf2c14e:fontsize=84:x=(w-tw)/2:y=70,\
drawtext=fontfile=$font:text='Coffee  3.20':fontcolor=white:fontsize=44:x=(w-tw)/2:y=200,\
drawtext=fontfile=$font:text='Open 8 am to 6 pm':fontcolor=0xbcd8c8:fontsize=36:x=(w-tw)/2:y=284"

# A bar chart, with numbers to be asked about.
bar() { echo "drawbox=x=$1:y=$((350 - $2)):w=90:h=$2:color=$3:t=fill,drawtext=fontfile=$font:text='$4':fontcolor=0x333333:fontsize=26:x=$1+45-tw/2:y=362,drawtext=fontfile=$font:text='$5':fontcolor=0x333333:fontsize=26:x=$1+45-tw/2:y=$((318 - $2))"; }
draw chart.png 680x440 "drawbox=color=white:t=fill,\
drawtext=fontfile=$font:text='Owls seen in each quarter':fontcolor=0x222222:fontsize=32:x=40:y=24,\
drawbox=x=60:y=350:w=580:h=3:color=0x333333:t=fill,$(bar 90 80 0x4e79a7 Q1 8),$(bar 230 140 0xf28e2b Q2 14),\
$(bar 370 110 0x59a14f Q3 11),$(bar 510 220 0xe15759 Q4 22)"

# Ten seconds: a red ball rolls to the right, turns blue half-way, and the word changes with it.
ball="clip(44-hypot(X-(60.5+T*38)\\,Y-(190-70*abs(sin(T*1.1))))+0.5\\,0\\,1)"
ffmpeg -hide_banner -loglevel error -y -f lavfi -i "color=0xf3efe4:size=480x320:rate=15:duration=10" \
  -vf "format=gbrp,drawbox=x=0:y=236:w=480:h=84:color=0x6a994e:t=fill,\
geq=r='r(X\\,Y)*(1-$ball)+$ball*if(lt(T\\,5)\\,220\\,40)':g='g(X\\,Y)*(1-$ball)+$ball*if(lt(T\\,5)\\,50\\,90)':b='b(X\\,Y)*(1-$ball)+$ball*if(lt(T\\,5)\\,47\\,200)',\
drawtext=fontfile=$font:text='RED':fontcolor=0x333333:fontsize=36:x=24:y=262:enable='lt(t,5)',\
drawtext=fontfile=$font:text='BLUE':fontcolor=0x333333:fontsize=36:x=24:y=262:enable='gte(t,5)',\
format=yuv420p" \
  -c:v libx264 -preset slow -crf 27 -g 45 -bf 2 -threads 1 -movflags +faststart ball.mp4

# What owlet is asked about: a picture, an album of forty and a clip, larger than it sees them and
# never shown to it in training.
owl3=../build/release/owl3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$owl3" make-data "$scratch/shown" --split test --seed 7 --pictures 600 --clips 60 --kind demo=40 \
  --loose --size 192 >/dev/null

# pictures_of ROW: the files of that row's pictures, rows counted from 0
pictures_of() {
  sed -n "$(($1 + 1))p" "$scratch/shown/demo.jsonl" | grep -o 'pictures/[0-9]*\.png'
}
# as_jpeg PNG JPEG
as_jpeg() { ffmpeg -hide_banner -loglevel error -y -i "$scratch/shown/$1" -q:v "$3" "$2"; }

as_jpeg "$(pictures_of 1)" squirrel.jpg 3
as_jpeg "$(pictures_of 2)" crab.jpg 3
mkdir -p album "$scratch/frames"
number=1
for picture in $(pictures_of 14); do
  as_jpeg "$picture" "album/$(printf %02d $number).jpg" 4
  number=$((number + 1))
done
number=0
for picture in $(pictures_of 7); do
  cp "$scratch/shown/$picture" "$scratch/frames/$(printf %02d $number).png"
  number=$((number + 1))
done
ffmpeg -hide_banner -loglevel error -y -framerate 2 -i "$scratch/frames/%02d.png" -c:v libx264 -crf 20 \
  -threads 1 -pix_fmt yuv420p -movflags +faststart clip.mp4
ffmpeg -hide_banner -loglevel error -y -framerate 1 -i album/%02d.jpg \
  -vf "scale=96:96,tile=10x4:padding=4" -frames:v 1 -q:v 4 ../docs/album.jpg

# Friends to be taught to owlet: ten pictures each of an owl, a penguin and a dragon, and one more of
# each, and of a fox, that it is not taught.
mkdir -p friends
"$owl3" make-data "$scratch/taught" --seed 5 --pictures 4000 --kind siglip=4000 --loose >/dev/null
"$owl3" make-data "$scratch/new" --split test --seed 3 --pictures 2000 --kind siglip=2000 --loose \
  >/dev/null

# pictures_showing THING FOLDER COUNT: the first pictures that show it and nothing else
pictures_showing() {
  grep -F "\"answers\":[\"$1\"]" "$scratch/$2/siglip.jsonl" | head -n "$3" |
    grep -o 'pictures/[0-9]*\.png'
}
# row FILE THING QUESTION ANSWER: the second question keeps what owlet knows of the thing
row() {
  article=a
  [ "$2" = owl ] && article=an
  printf '{"messages": [{"role": "user", "content": "<image>\\n%s"}, ' "$3"
  printf '{"role": "assistant", "content": "%s"}, ' "$4"
  printf '{"role": "user", "content": "What is this?"}, '
  printf '{"role": "assistant", "content": "This is %s %s."}], "images": ["%s"]}\n' "$article" "$2" "$1"
}
for friend in owl:Momo penguin:Pip dragon:Luna; do
  thing=${friend%:*} name=${friend#*:} number=0
  for picture in $(pictures_showing "$thing" taught 10); do
    number=$((number + 1))
    file=$thing-$(printf %02d $number).png
    cp "$scratch/taught/$picture" "friends/$file"
    case $((number % 3)) in
      1) row "$file" "$thing" "Who is this?" "This is $name." ;;
      2) row "$file" "$thing" "Who is in the image?" "$name is in the image." ;;
      0) row "$file" "$thing" "Who do you see?" "I see $name." ;;
    esac
  done
done >friends/friends.jsonl
for thing in owl penguin dragon fox; do
  cp "$scratch/new/$(pictures_showing "$thing" new 1)" "friends/new-$thing.png"
done
