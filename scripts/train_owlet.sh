#!/usr/bin/env bash
# Trains owlet, a small mPLUG-Owl3, from nothing: pictures and questions, a tokenizer, six runs by
# recipes/owlet/, owlet.gguf. docs/owlet.md tells what, why, and how good it is.
#
#   scripts/train_owlet.sh [FOLDER] [--encoder ENCODER] [--interleaved]
#
#   FOLDER          where everything is made (default: build/owlet)
#   --encoder       begin with this vision encoder instead of training one: models/owlet-vision
#   --interleaved   another model of the same size, for comparison: no hyper attention, an image's
#                   visual tokens stand in the text, in longer rows and fewer steps
#
# Needs a build with the trainer (./demo.sh makes none: ./test.sh does). Ctrl-C stops it; started
# again, it goes on from the last checkpoint.
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,13s/^# \{0,1\}//p' "$0"
  exit 0
fi
root=$(cd "$(dirname "$0")/.." && pwd)
owl3=$root/build/release/owl3
recipes=$root/recipes/owlet
folder=$root/build/owlet
encoder=""
interleaved=no
while [ $# -gt 0 ]; do
  case "$1" in
    --encoder)
      [ -f "${2:-}/text_tower.json" ] || { echo "train_owlet: --encoder wants a folder" >&2; exit 2; }
      encoder=$(realpath "$2")
      shift
      ;;
    --interleaved) interleaved=yes ;;
    -*)
      echo "train_owlet: unknown option $1 (try --help)" >&2
      exit 2
      ;;
    *) folder=$1 ;;
  esac
  shift
done
mkdir -p "$folder"
cd "$folder"
# The training under way saves a checkpoint before it ends. Ctrl-C reaches its processes too, and a
# second signal would end them at once.
processes=()
trap 'wait; exit 130' INT
trap 'kill "${processes[@]}" 2>/dev/null; wait; exit 143' TERM

# The recipes' bf16 is for processors that multiply it; others would take ten times as long.
precision=()
grep -q avx512_bf16 /proc/cpuinfo || precision=(--set precision=float32)

# Each image is 16 tokens there: rows must be longer to hold the same samples, and positions reach
# 16 times as far. So many steps take a little longer than the ones of owlet.
declare -A other=(
  [echo]="init.variant=unified init.config.hyper_layers=[] init.config.rope_theta=25600000
          init.config.max_position_embeddings=8192"
  [stage1]="batch.tokens=2560 steps=200"
  [stage2]="batch.tokens=2560 steps=1040"
  [stage3]="batch.tokens=4096 steps=1075"
  [long]="batch.tokens=7424 steps=203"
)

step() { printf '\n== %s (%s) ==\n' "$1" "$(date +%H:%M:%S)"; }

# whole FOLDER COMMAND...: runs the command, which makes FOLDER, unless that is there as a whole.
whole() {
  local folder=$1
  shift
  [ -e "$folder/.whole" ] && return
  rm -rf "$folder"
  "$@"
  touch "$folder/.whole"
}

# train STAGE: in two processes of half the cores each, which train small models half again as
# fast as one of all cores. What they find each other by, torchrun or mpirun would set as well.
train() {
  [ -d "runs/$1/model" ] && return
  local rank key keys settings=("${precision[@]}")
  if [ "$interleaved" = yes ]; then
    read -rd '' -a keys <<<"${other[$1]:-}" || true
    for key in "${keys[@]}"; do settings+=(--set "$key"); done
  fi
  processes=()
  # Another port for each script that runs, so that several may.
  export MASTER_ADDR=127.0.0.1 MASTER_PORT=$((20000 + $$ % 10000)) WORLD_SIZE=2 LOCAL_WORLD_SIZE=2
  for rank in 1 0; do
    RANK=$rank LOCAL_RANK=$rank "$owl3" train "$recipes/$1.yaml" --resume "${settings[@]}" &
    processes+=($!)
  done
  wait "${processes[@]}"
  [ -d "runs/$1/model" ]
}

step "Pictures and questions"
if [ -n "$encoder" ]; then
  mkdir -p runs/siglip
  [ -d runs/siglip/model ] || cp -r "$encoder" runs/siglip/model
  cp "$encoder/tokenizer.json" .
else
  # The encoder's pictures are no others': the decoder meets features as good as those of new ones.
  whole pictures "$owl3" make-data pictures --seed 2 --pictures 330000 --kind siglip=330000
fi
kinds=echo=15000,text=60000,pages=60000,lists=80000,recall=80000
kinds+=,stage1=50000,stage2=20000,stage3=60000,single=60000,clip=20000
whole data "$owl3" make-data data --pictures 50000 --clips 3000 --kind "$kinds"
whole held-out "$owl3" make-data held-out --split test --seed 1 --pictures 5000 \
  --kind siglip=1024,lists=400,recall=400,stage3=2000,distractors=7200
[ -f tokenizer.json ] ||
  "$owl3" make-tokenizer tokenizer.json data/text.jsonl data/stage*.jsonl --whole-numbers 400

step "1 of 6: a vision encoder"
train siglip
step "2 of 6: a decoder that copies"
train echo
step "3 of 6: what pictures show, one image among several"
train stage1
step "4 of 6: sentences, reading, clips"
train stage2
step "5 of 6: conversations"
train stage3
step "6 of 6: long sequences"
train long

[ "$interleaved" = no ] || exit 0  # the engine runs the released architecture only
step "One file"
cp "$recipes/generation_config.json" runs/long/model/
"$owl3" convert runs/long/model owlet.gguf --type bf16 --force
