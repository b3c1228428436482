#!/usr/bin/env bash
# Installs what is missing, builds owl3 and shows its main job: questions about the pictures and the
# clip in demo/, and a follow-up that encodes nothing again. Ctrl-C stops it.
#
#   ./demo.sh           with a small model of random weights, made on the spot
#   ./demo.sh MODEL     with the mPLUG-Owl3 checkpoint in the folder MODEL
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0"
  exit 0
fi
model=${1:+$(realpath -m -- "$1")}
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

step "Building owl3"
build

if [ -z "$model" ]; then
  model=build/demo-model
  step "A model to try it with"
  [ -f "$model/config.json" ] || show "$owl3" make-checkpoint --like tiny "$model"
  cat <<'TEXT'
NOTE: this model's weights are random, so its words mean nothing yet. What you see is the real
program at work: reading pictures and film, encoding them, answering, remembering. For answers that
mean something, run ./demo.sh MODEL with the folder of a released mPLUG-Owl3 checkpoint.
TEXT
fi

step "A question about pictures"
show "$owl3" chat "$model" --image demo/shapes.png --image demo/sunset.jpg \
  --seed 1 --max-new-tokens 40 -p 'Which of the two pictures shows the sea?' --stats

step "A question about a film"
show "$owl3" chat "$model" --video demo/ball.mp4 --fps 2 --seed 1 --max-new-tokens 40 \
  -p 'What does the ball do?' --stats

step "A conversation: what was looked at is remembered"
conversation="/image demo/sign.png
/video demo/ball.mp4
What is written on <image>, and what moves in <video>?
/stats
And what colour is it?
/stats"
printf '\nOne line at a time, as you would type them:\n'
while IFS= read -r line; do printf '  > %s\n' "$line"; done <<<"$conversation"
show "$owl3" chat "$model" --seed 1 --max-new-tokens 40 <<<"$conversation"
cat <<'TEXT'

The follow-up read its own few tokens only: the count of images encoded is the same in both
statistics. Now you:
TEXT
printf '  %s chat %q --image demo\n' "$owl3" "$model"
