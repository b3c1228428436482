#!/usr/bin/env bash
# Holds the model to its goldens on a device, and measures it there. Needs no network.
# Usage: scripts/gpu_check.sh [DEVICE [SHAPES...]]
#   DEVICE   as --device takes it (cuda)
#   SHAPES   of owl3 make-checkpoint --like (7b-240728 7b-241101); weights are random
# Environment: BUILD, a folder to build in (build/gpu); TORCH, an installed PyTorch's folder (that of
# python3's torch, where there is one; else Debian's LibTorch); OUT, where the reports and the random
# checkpoints go (build/gpu-check).
set -euo pipefail
cd "$(dirname "$0")/.."

device=${1:-cuda}
shift || true
shapes=("$@")
[ ${#shapes[@]} -gt 0 ] || shapes=(7b-240728 7b-241101)
build=${BUILD:-build/gpu}
out=${OUT:-build/gpu-check}
mkdir -p "$out"
say() { echo "gpu_check: $*" >&2; }

find_torch() {
  python3 -c 'import torch; print(torch.__path__[0])' 2> /dev/null || true
}

# A build of its own: another PyTorch than the tests' LibTorch, and perhaps no media libraries.
build_owl3() {
  local torch=${TORCH-$(find_torch)} media=ON
  pkg-config --exists libavformat libtiff-4 libjxl cairo freetype2 yaml-cpp 2> /dev/null || media=OFF
  say "building in $build: PyTorch ${torch:-of the system}, media libraries $media"
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DOWL3_TESTS=OFF -DOWL3_TRAIN=OFF \
    -DOWL3_TORCH=ON -DOWL3_TORCH_ROOT="$torch" -DOWL3_MEDIA="$media" > "$out/configure.log" 2>&1 ||
    { tail -5 "$out/configure.log" >&2; exit 1; }
  cmake --build "$build" --target owl3 owl3_torch > "$out/build.log" 2>&1 ||
    { tail -20 "$out/build.log" >&2; exit 1; }
}

# The trainer, from the same PyTorch; false, with the reason in $out/train.log, where this machine
# has not what it needs (the media libraries, PyTorch's CMake files and what those ask for, gloo).
build_trainer() {
  local torch=${TORCH-$(find_torch)}
  cmake -S . -B "$build/train" -G Ninja -DCMAKE_BUILD_TYPE=Release -DOWL3_TESTS=OFF \
    -DOWL3_TORCH=OFF -DOWL3_TRAIN=ON -DCMAKE_PREFIX_PATH="$torch" > "$out/train.log" 2>&1 &&
    cmake --build "$build/train" --target owl3-train >> "$out/train.log" 2>&1
}

# check NAME COMMAND...: one line of the report, passed or failed.
checks=()
failed=0
check() {
  local name=$1 result=passed
  shift
  "$@" > "$out/check.log" 2>&1 || { result=failed failed=1; tail -3 "$out/check.log" >&2; }
  say "$name: $result"
  checks+=("{\"name\": \"$name\", \"result\": \"$result\"}")
}

# Every checkpoint of the tests, both precisions.
check_goldens() {
  local name
  for name in gated-tied gated-untied unified; do
    check "golden $name" "$owl3" inspect golden "tests/data/model/$name" --device "$device"
    check "evidence $name" "$owl3" inspect evidence "tests/data/evidence/$name" --device "$device"
  done
}

check_answer() {
  local here there
  here=$("$owl3" chat owlet --image demo/album -p 'Which image shows a drop?')
  there=$("$owl3" chat owlet --image demo/album -p 'Which image shows a drop?' --device "$device")
  check "owlet answers as on the CPU" [ "$here" = "$there" ]
}

# Of an answer that is long enough to be decoded by CUDA graphs, where the device has them.
check_graphs() {
  local question=(chat owlet --greedy --image demo/album -p 'Describe the images.') with without
  with=$("$owl3" "${question[@]}" --device "$device")
  without=$("$owl3" "${question[@]}" --device "$device,graphs=off")
  check "owlet answers with graphs as without" [ "$with" = "$without" ]
}

# Ten steps of LoRA in float32. The trainer takes a card where it sees one: once it sees none.
train_steps() {
  rm -rf "$out/train-$1"
  "$build/train/owl3-train" train recipes/owlet/lora.yaml --set steps=10 --set log_every=1 \
    --set "output=$out/train-$1"
}

losses_agree() {
  train_steps device && CUDA_VISIBLE_DEVICES='' HIP_VISIBLE_DEVICES='' train_steps cpu || return
  python3 - "$out/train-device/metrics.jsonl" "$out/train-cpu/metrics.jsonl" << 'PYTHON'
import json, sys
device, cpu = ([json.loads(line)["loss"] for line in open(path) if '"loss"' in line]
               for path in sys.argv[1:])
assert len(device) == len(cpu) == 10, f"{len(device)} and {len(cpu)} losses instead of 10"
for step, (a, b) in enumerate(zip(device, cpu), 1):
    assert abs(a - b) <= 0.01 * abs(b), f"step {step}: loss {a} on the device, {b} on the CPU"
PYTHON
}

check_training() {
  if build_trainer; then
    check "ten steps of training lose as on the CPU, within 1 %" losses_agree
  else
    say "training: not compared, the trainer can't be built here (see $out/train.log)"
    checks+=('{"name": "training", "result": "not compared: the trainer could not be built"}')
  fi
}

# The figures of one model, as owl3 bench writes them.
measure() {
  local shape=$1 images=1,10,100,200,400,1000 batch=10 decode=64
  [ "$shape" != tiny ] || images=1,10 batch=2 decode=8
  [ -e "$out/$shape" ] || "$owl3" make-checkpoint --like "$shape" "$out/$shape" > /dev/null
  say "measuring $shape"
  "$owl3" bench "$out/$shape" --device "$device" -r 3 --batch "$batch" --images "$images" \
    --decode "$decode" --json > "$out/$shape.json"
  say "measuring $shape without graphs"
  "$owl3" bench "$out/$shape" --device "$device,graphs=off" -r 3 --batch "$batch" \
    --images "$images" --tests images --decode "$decode" --json > "$out/$shape-no-graphs.json"
}

# The device's memory in use, where its own tool tells.
device_memory() {
  nvidia-smi --query-gpu=name,memory.used,memory.total --format=csv,noheader 2> /dev/null ||
    echo "not known"
}

# What a person reads: one table a model. Time to the first token = images encoded + prompt read.
table() {
  python3 - "$out" "${shapes[@]}" << 'PYTHON'
import json, sys
out, shapes = sys.argv[1], sys.argv[2:]
for shape in shapes:
    run = json.load(open(f"{out}/{shape}.json"))["runs"][0]
    tests = {test["test"]: test for test in run["tests"]}
    encode = min(t["seconds_per_item"] for name, t in tests.items() if name.startswith("encode"))
    print(f"\n## {shape}, {run['device']}\n")
    print(f"{1 / encode:.1f} images a second; weights {run['weight_bytes'] / 1e9:.1f} GB.\n")
    plain = json.load(open(f"{out}/{shape}-no-graphs.json"))["runs"][0]
    plain_rates = {test["test"]: test["rate"] for test in plain["tests"]}
    print("| images | time to the first token | decode | without graphs | visual memory |")
    print("|---:|---:|---:|---:|---:|")
    for name, test in tests.items():
        if not name.startswith("prefill") or "image" not in name:
            continue
        n = test["images"]
        decode = next(t for t in tests.values()
                      if t["test"].startswith("decode at") and t["images"] == n)
        print(f"| {n} | {n * encode + test['median_seconds']:.3f} s | "
              f"{decode['rate']:.1f} tokens/s | {plain_rates[decode['test']]:.1f} tokens/s | "
              f"{test['visual_memory_bytes'] / 1e9:.2f} GB |")
PYTHON
}

owl3=$build/owl3
build_owl3
check_goldens
check_answer
check_graphs
check_training
for shape in "${shapes[@]}"; do measure "$shape"; done
{
  echo "# $device, $(date +%Y-%m-%d), $("$owl3" --version)"
  echo
  "$owl3" info owlet --device "$device" | tail -1
  echo
  echo "Memory of the device behind the last test: $(device_memory)"
  echo
  printf '%s\n' "${checks[@]}" | sed 's/.*"name": "\(.*\)", "result": "\(.*\)".*/- \1: \2/'
  table
} > "$out/gpu-check.md"
{
  printf '{"device": "%s", "checks": [%s], "models": {' "$device" "$(IFS=,; echo "${checks[*]}")"
  separator=
  for shape in "${shapes[@]}"; do
    printf '%s"%s": ' "$separator" "$shape"
    cat "$out/$shape.json"
    printf ', "%s, without graphs": ' "$shape"
    cat "$out/$shape-no-graphs.json"
    separator=,
  done
  echo '}}'
} > "$out/gpu-check.json"
cat "$out/gpu-check.md"
say "reports: $out/gpu-check.md, $out/gpu-check.json"
exit $failed
