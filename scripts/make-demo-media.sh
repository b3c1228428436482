#!/bin/sh
# Draws the pictures and the film in demo/ with the ffmpeg program, so that all of them are free to
# ship. Needs ffmpeg and the DejaVu fonts (packages ffmpeg, fonts-dejavu-core).
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
