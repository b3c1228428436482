#!/bin/bash
# Fails when two types have the same full name: each file compiles by itself, but in a program that
# has both, the linker keeps one of their destructors, and of std::vector's functions, for the two.
# Usage: check-names.sh [ROOT]      check-names.sh --self-test
set -euo pipefail

# NAME FILE for every type that is defined in a namespace, but for unnamed ones, and the program
# that a kernel source is compiled into.
types() {
  find "$1/src" "$1/include" \( -name '*.h' -o -name '*.cpp' \) -print0 | sort -z | xargs -0 awk '
    FNR == 1 { space = ""; unnamed = 0 }
    /^namespace \{/ { unnamed = 1 }
    /^}  \/\/ namespace$/ { unnamed = 0 }
    /^namespace [A-Za-z0-9_:]+ \{/ { space = $2 }
    !unnamed && /^(struct|class|union|enum class) / && !/^[^{]*;/ {
      name = $0
      sub(/^(struct|class|union|enum class) /, "", name)
      gsub(/OWL3_API |alignas\([^)]*\) /, "", name)
      sub(/[^A-Za-z0-9_:].*/, "", name)
      print space "::" name, FILENAME
    }'
}

check() {
  local bad=0 name files
  while read -r name files; do
    echo "$name is defined more than once: $files"
    bad=1
  done < <(types "$1" | awk '
    { if (files[$1] != "") twice[$1] = 1; files[$1] = files[$1] " " $2 }
    END { for (name in twice) print name files[name] }' | sort)
  return $bad
}

self_test() {
  local root
  root=$(mktemp -d)
  mkdir -p "$root/src/a" "$root/src/b" "$root/include"
  printf 'namespace owl3 {\nstruct Turn;\nclass Turn final : public Base {\n};\n}\n' > "$root/src/a/a.h"
  printf 'namespace owl3 {\nnamespace {\nstruct Turn {\n};\n}  // namespace\n}\n' > "$root/src/b/b.cpp"
  printf 'namespace owl3::cli {\nstruct Turn {\n};\n}\n' > "$root/src/b/c.h"
  check "$root" || { echo "types of different names are refused"; exit 1; }
  printf 'namespace owl3 {\nstruct OWL3_API Turn {\n};\n}\n' > "$root/src/b/d.cpp"
  ! check "$root" > /dev/null || { echo "two types of the same name are permitted"; exit 1; }
  rm -r "$root"
}

if [[ ${1:-} == --self-test ]]; then
  self_test
else
  check "${1:-$(dirname "$0")/..}"
fi
