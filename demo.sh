#!/usr/bin/env bash
# Installs what is missing, builds owl3 and shows its main job: questions about a picture, an album
# of forty and a clip in demo/, and follow-ups that encode nothing again. Ctrl-C stops it.
#
#   ./demo.sh           with owlet, the small model that is part of the program
#   ./demo.sh MODEL     with a model that owl3 pull fetched, or the checkpoint in the folder MODEL
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0"
  exit 0
fi
model=${1:-}
[ ! -e "$model" ] || model=$(realpath -- "$model")
cd "$(dirname "$0")"
owl3=build/release/owl3
trap 'echo; echo "demo: stopped" >&2; exit 130' INT TERM

# step TITLE: a heading.
step() { printf '\n== %s ==\n' "$1"; }

# show COMMAND...: prints the command as one would type it, then runs it.
show() {
  local word
  printf '\n$'
  for word in "$@"; do
    [[ $word =~ ^[[:alnum:]_./=:-]+$ ]] || word=${word@Q}
    printf ' %s' "$word"
  done
  printf '\n'
  "$@"
}

build() {
  scripts/setup.sh
  if [ ! -f build/release/build.ninja ]; then
    cmake --preset release -DOWL3_TESTS=OFF </dev/null
  fi
  cmake --build --preset release --target owl3 --parallel "$(nproc)" </dev/null
}

# converse ARGUMENT...: a conversation, its lines on standard input, as one would type them.
converse() {
  local lines
  lines=$(cat)
  printf '\nOne line at a time, as you would type them:\n'
  while IFS= read -r line; do printf '  > %s\n' "$line"; done <<<"$lines"
  show "$owl3" chat "$@" <<<"$lines"
}

ask_owlet() {
  step "A picture"
  show "$owl3" chat owlet --image demo/crab.jpg -p 'What is this?'
  converse owlet --image demo/squirrel.jpg <<'LINES'
What is this?
And what colour is the ground?
Is the squirrel large or small?
LINES

  step "An album of forty pictures: looked at once, asked as often as you like"
  converse owlet --image demo/album <<'LINES'
What is in image 20?
And image 16?
Which image shows a drop?
Which image shows the word no?
What colour is the ground behind the rose?
And behind the mushroom?
Do image 3 and image 4 show the same?
/stats
LINES

  step "A clip"
  converse owlet --video demo/clip.mp4 --fps 2 <<'LINES'
What happens in the clip?
Does the monkey appear or vanish?
What colour is the ground?
LINES
  cat <<TEXT

Now you:
  $owl3 chat owlet --image demo/album

owlet knows drawn pictures only. For your own photos, fetch a real model and ask it:
  $owl3 pull owl3-2b
  $owl3 chat owl3-2b --image photo.jpg
TEXT
}

ask_checkpoint() {
  step "A question about pictures"
  show "$owl3" chat "$model" --image demo/shapes.png --image demo/sunset.jpg \
    --seed 1 --max-new-tokens 40 -p 'Which of the two pictures shows the sea?' --stats

  step "A question about a film"
  show "$owl3" chat "$model" --video demo/ball.mp4 --fps 2 --seed 1 --max-new-tokens 40 \
    -p 'What does the ball do?' --stats

  step "A conversation: what was looked at is remembered"
  converse "$model" --seed 1 --max-new-tokens 40 <<'LINES'
/image demo/sign.png
/video demo/ball.mp4
What is written on <image>, and what moves in <video>?
/stats
And what colour is it?
/stats
LINES
  printf '\nNow you:\n  %s chat %q --image demo\n' "$owl3" "$model"
}

step "Building owl3"
build
if [ -z "$model" ]; then ask_owlet; else ask_checkpoint; fi
cat <<TEXT

In a browser, with pictures and films dropped on the page:
  $owl3 serve${model:+ $(printf %q "$model")}
and open http://127.0.0.1:8080

A follow-up reads its own few tokens only: images are encoded once (/stats counts them).
To teach, plot or install, build the rest, too:
  scripts/setup.sh --train && cmake --preset release && cmake --build --preset release
TEXT
