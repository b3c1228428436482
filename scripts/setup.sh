#!/usr/bin/env bash
# Installs what building owl3 needs and this machine lacks (Debian 12), as root or through sudo.
#   scripts/setup.sh           what the build needs
#   scripts/setup.sh --train   and what the trainer needs
#   scripts/setup.sh --tests   and what the tests need, those of the trainer too
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  echo "setup: $*" >&2
  exit 1
}

with_tests=no
with_train=no
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=yes with_train=yes ;;
    --train) with_train=yes ;;
    -h | --help)
      sed -n '2,5s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) die "unknown option $argument (try --help)" ;;
  esac
done

# packages SECTION: the names under its heading in packages.txt.
packages() {
  awk -v wanted="[$1]" '/^# \[/ { section = $2 } /^[^#]/ && section == wanted { print $1 }' \
    scripts/packages.txt
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] && return
  # An npm from elsewhere serves as well as Debian's.
  case "$1" in
    nodejs | npm) command -v npm >/dev/null && command -v node >/dev/null ;;
    *) return 1 ;;
  esac
}

install_missing() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "these packages are missing, and there is neither root nor sudo: ${missing[*]}"
    as_root=(sudo "${as_root[@]}")
  fi
  echo "setup: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q </dev/null ||
    echo "setup: apt-get update had errors; trying with the package lists there are" >&2
  "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null ||
    die "apt-get could not install the packages above"
}

fetch_test_data() {
  # npm writes this file last, so it tells whether what package-lock.json names is all there.
  [ node_modules/.package-lock.json -nt package-lock.json ] && return
  echo "setup: fetching test data with npm"
  npm ci --no-audit --no-fund </dev/null || die "npm ci failed; the tests need the tokenizer it fetches"
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "not a Debian system; install the equivalents of scripts/packages.txt by hand"
fi

sections=build
[ "$with_tests" = no ] || sections+=" tests"
[ "$with_train" = no ] || sections+=" train"
wanted=""
for section in $sections; do wanted+=" $(packages "$section")"; done
# shellcheck disable=SC2086  # names, one word each
install_missing $wanted
if [ "$with_tests" = yes ]; then
  fetch_test_data
fi
