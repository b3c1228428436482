#!/bin/bash
# Fails when a source file includes a header of a room it may not depend on. Each room's line lists
# the rooms it may use beside itself; docs/architecture.md tells why.
# Usage: check-layers.sh [SOURCE_FOLDER]      check-layers.sh --self-test
set -euo pipefail

declare -A may_use=(
  [core]=""
  [formats]="core"
  [text]="core"
  [media]="core"
  [backend]="core"
  [model]="core formats backend"
  [generate]="core formats text media backend model"
  [api]="core formats text media backend model generate"
  [cli]="core formats text media backend model generate api"
)

check() {
  local src=$1 bad=0 file line rest included room target
  while IFS=: read -r file line rest; do
    included=${rest#*\"} included=${included%%\"*}
    room=${file#"$src"/} room=${room%%/*}
    target=${included%%/*}
    # Names without a folder, and folders inside the room, are the room's own; include/owl3 has no
    # room.
    [[ $included == */* && -n ${may_use[$target]+x} && $target != "$room" ]] || continue
    if [[ -z ${may_use[$room]+x} ]]; then
      echo "$file: room '$room' is not listed in scripts/check-layers.sh"
      bad=1
    elif [[ " ${may_use[$room]} " != *" $target "* ]]; then
      echo "$file:$line: $room must not include $included"
      bad=1
    fi
  done < <(grep -rnE --include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh' \
                '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$src" || true)
  return $bad
}

self_test() {
  local folder
  folder=$(mktemp -d)
  trap "rm -rf '$folder'" EXIT
  mkdir -p "$folder/core" "$folder/model"
  echo '#include "core/tensor.h"' > "$folder/model/good.cpp"
  check "$folder" > /dev/null || { echo "a permitted include was refused"; exit 1; }
  echo '#include "model/good.h"' > "$folder/core/bad.cpp"
  if check "$folder" > /dev/null; then echo "a forbidden include was not seen"; exit 1; fi
}

if [[ ${1:-} == --self-test ]]; then
  self_test
else
  check "${1:-$(dirname "$0")/../src}"
fi
