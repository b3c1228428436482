#!/bin/bash
# Fails when a source file includes a header of a room it may not depend on, or a header of
# include/owl3 that is not for its room; docs/architecture.md tells why.
# Usage: check-layers.sh [ROOT]      check-layers.sh --self-test
set -euo pipefail

# The rooms of src/ that a room may use beside itself.
declare -A may_use=(
  [core]=""
  [hub]="core"
  [formats]="core hub"
  [text]="core"
  [constraint]="core text"
  [parquet]="core text"
  [media]="core"
  [training_data]="core formats text media"
  [benchmarks]="core text parquet media training_data"
  [backend]="core"
  [model]="core formats backend"
  [memory]="core media model backend formats"
  [generate]="core formats text media backend model constraint"
  [engine]="core formats backend model generate constraint"
  [api]="core formats text media backend model memory generate engine constraint"
  [server]="core hub text generate api"
  [batch]="core text media training_data api"
  [owlet]="core media"
  [plot]="core"
  [runs]="core text"
  [program]="core text"
  [eval]="core formats text media training_data benchmarks backend model memory generate engine api program constraint"
  [builtin]="core hub formats"
  [cli]="batch core hub formats text media training_data benchmarks backend model memory generate engine api eval owlet builtin program server constraint runs"
  [draw]="core formats plot runs owlet eval program"
  [train]="core hub formats text media training_data backend model memory generate engine api runs eval builtin program"
)
# Of include/owl3/, every room may use these; the rest is for the rooms that see the whole engine.
# The public headers themselves use no room.
plain_headers="owl3/error.h owl3/export.h owl3/image_files.h owl3/options.h"
sees_public_api="api batch eval server cli train"

# Whether a file of `room` (or of "include") may have this #include.
may_include() {
  local room=$1 included=$2 target=${2%%/*}
  if [[ $target == owl3 ]]; then
    [[ " include $sees_public_api " == *" $room "* || " $plain_headers " == *" $included "* ]]
  elif [[ $included == */* && -n ${may_use[$target]+x} ]]; then
    [[ $target == "$room" || " ${may_use[$room]-} " == *" $target "* ]]
  fi  # names without a folder, and folders inside the room, are the room's own
}

check() {
  local root=$1 bad=0 file line rest included room
  while IFS=: read -r file line rest; do
    included=${rest#*\"} included=${included%%\"*}
    room=${file#"$root"/} room=${room#src/} room=${room%%/*}
    if [[ $room != include && -z ${may_use[$room]+x} ]]; then
      echo "$file: room '$room' is not listed in scripts/check-layers.sh"
      bad=1
    elif ! may_include "$room" "$included"; then
      echo "$file:$line: $room must not include $included"
      bad=1
    fi
  done < <(grep -rnE --include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh' \
                '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$root/src" "$root/include" || true)
  return $bad
}

# self_test_case EXPECTED FILE INCLUDED
self_test_case() {
  local root
  root=$(mktemp -d)
  mkdir -p "$root/src" "$root/include" "$(dirname "$root/$2")"
  echo "#include \"$3\"" > "$root/$2"
  local found=permitted
  check "$root" > /dev/null || found=refused
  rm -r "$root"
  [[ $found == "$1" ]] || { echo "$2 with \"$3\" is $found, not $1"; exit 1; }
}

self_test() {
  self_test_case permitted src/model/a.cpp core/tensor.h
  self_test_case permitted src/media/a.h owl3/options.h
  self_test_case permitted src/cli/a.cpp owl3/owl3.h
  self_test_case permitted include/owl3/a.h owl3/model.h
  self_test_case permitted src/server/a.cpp api/completion.h
  self_test_case refused src/server/a.cpp model/decoder.h
  self_test_case refused src/core/a.cpp model/decoder.h
  self_test_case refused src/generate/a.cpp owl3/model.h
  self_test_case refused include/owl3/a.h core/error.h
  self_test_case refused src/model/a.cpp memory/image_encoder.h
  self_test_case refused src/memory/a.h owl3/visual_memory.h
  self_test_case refused src/attic/a.cpp core/tensor.h
}

if [[ ${1:-} == --self-test ]]; then
  self_test
else
  check "${1:-$(dirname "$0")/..}"
fi
