#!/usr/bin/env bash
# Installs what is missing, builds owl3 and runs every test:
#   1. release    all tests, optimised as users run them
#   2. fuzz       the libFuzzer targets, briefly each
#   3. sanitize   all but the program's and the trainer's tests again under AddressSanitizer and UBSan
#   4. threads    those in which threads meet, under ThreadSanitizer
# The last line is "N passed, N failed"; the exit status is 0 only when nothing failed.
#
#   ./test.sh           everything
#   ./test.sh --quick   the release tests only
set -uo pipefail
cd "$(dirname "$0")" || exit 1

quick=no
for argument in "$@"; do
  case "$argument" in
    --quick) quick=yes ;;
    -h | --help)
      sed -n '2,10s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      echo "test: unknown option $argument (try --help)" >&2
      exit 2
      ;;
  esac
done
trap 'echo; echo "test: interrupted" >&2; exit 130' INT TERM

jobs=$(nproc)
passed=0
failed=0
skipped=0

# suite PRESET [CTEST OPTION]...: configures, builds and tests; a failed build counts as one failure.
suite() {
  local preset=$1 log=build/$1/tests.log
  shift
  echo
  echo "== $preset =="
  local configure=(cmake --preset "$preset")
  # A build folder that demo.sh made has no tests yet.
  [ "$preset" = fuzz ] || configure+=(-DOWL3_TESTS=ON)
  if ! { "${configure[@]}" && cmake --build --preset "$preset" --parallel "$jobs"; } </dev/null; then
    echo "test: $preset does not build" >&2
    failed=$((failed + 1))
    return
  fi
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --timeout 900 \
    --parallel "$jobs" "$@" </dev/null 2>&1 | tee "$log"
  count_results "$log" "${PIPESTATUS[0]}"
}

# count_results LOG STATUS: adds up "98% tests passed, 2 tests failed out of 100".
count_results() {
  local log=$1 status=$2 bad=0 all=0 ignored
  read -r bad all <<<"$(sed -n 's/^.*tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' \
    "$log" | tail -n 1)"
  ignored=$(grep -c '\*\*\*Skipped' "$log")
  if [ "$status" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then
    echo "test: ctest itself failed (see $log)" >&2
    bad=1 all=$((${all:-0} + 1))
  fi
  failed=$((failed + ${bad:-0}))
  skipped=$((skipped + ignored))
  passed=$((passed + ${all:-0} - ${bad:-0} - ignored))
}

scripts/setup.sh --tests || exit 1
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=$PWD  # another clone finds the same objects
  export CCACHE_SLOPPINESS=pch_defines,time_macros  # else nothing with a precompiled header is kept
fi
# Test programs run side by side, each with a thread per core: those that wait should sleep.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}

suite release
if [ "$quick" = no ]; then
  if command -v clang++ >/dev/null; then
    suite fuzz
  else
    echo "test: no clang++, so no fuzzing" >&2
  fi
  suite sanitize -LE slow
  suite thread-sanitize -R '^(engine|memory)\.|^api\.EngineTest|^core\.(ParallelFor|Threads|OrderedWorkers)'
fi

echo
[ "$skipped" -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
