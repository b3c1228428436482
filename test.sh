#!/usr/bin/env bash
# Installs what is missing, builds owl3 and runs every test:
#   1. release    all tests, optimised as users run them
#   2. sanitize   what reads files and holds memory, again under AddressSanitizer and UBSan
#   3. fuzz       the libFuzzer targets, briefly each
#   4. threads    those in which threads meet, under ThreadSanitizer
# The last line is "N passed, N failed"; the exit status is 0 only when nothing failed.
#
#   ./test.sh               everything
#   ./test.sh --quick       the release tests only
#   ./test.sh --minutes N   the release tests, and of the rest what N minutes in all allow; what is
#                           left out is told
set -uo pipefail
cd "$(dirname "$0")" || exit 1

quick=no
minutes=
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=yes ;;
    --minutes)
      minutes=${2-}
      case "$minutes" in
        '' | *[!0-9]*)
          echo "test: --minutes takes a number" >&2
          exit 2
          ;;
      esac
      shift
      ;;
    -h | --help)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *)
      echo "test: unknown option $1 (try --help)" >&2
      exit 2
      ;;
  esac
  shift
done
trap 'echo; echo "test: interrupted" >&2; exit 130' INT TERM

jobs=$(nproc)
passed=0
failed=0
skipped=0

# in_time COMMAND...: runs it as long as --minutes allows; its exit status, 124 when time was out.
in_time() {
  if [ -z "$minutes" ]; then
    "$@"
  else
    local left=$((60 * minutes - SECONDS))
    [ "$left" -gt 0 ] || return 124
    timeout "$left" "$@"
  fi
}

# suite PRESET [CTEST OPTION]...: configures, builds and tests; a failed build counts as one failure.
suite() {
  local preset=$1 log=build/$1/tests.log limited=in_time status
  shift
  [ "$preset" != release ] || limited=
  echo
  echo "== $preset =="
  local configure=(cmake --preset "$preset")
  # A build folder that demo.sh made has no tests yet.
  [ "$preset" = fuzz ] || configure+=(-DOWL3_TESTS=ON)
  { "${configure[@]}" && $limited cmake --build --preset "$preset" --parallel "$jobs"; } </dev/null
  status=$?
  if [ "$status" -eq 124 ]; then
    echo "test: $preset is left out: no time" >&2
    return
  elif [ "$status" -ne 0 ]; then
    echo "test: $preset does not build" >&2
    failed=$((failed + 1))
    return
  fi
  $limited ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --timeout 900 \
    --parallel "$jobs" "$@" </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  if [ "$status" -eq 124 ]; then
    echo "test: $preset is cut short: no time" >&2
    count_each_result "$log"
  else
    count_results "$log" "$status"
  fi
}

# count_each_result LOG: of a run that did not come to its summary.
count_each_result() {
  passed=$((passed + $(grep -c ' Passed  *[0-9.]* sec$' "$1")))
  failed=$((failed + $(grep -cE '\*\*\*(Failed|Exception|Timeout|Not Run)' "$1")))
  skipped=$((skipped + $(grep -c '\*\*\*Skipped' "$1")))
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
  # Of what tests take most of their time for, the types and models that differ least are left out.
  suite sanitize -E 'Step\.[A-Za-z]*/(f16|bf16|q4_0|q8_0|q6_k)|HoweverItIs(Cut|Read)/.*_float32'
  if command -v clang++ >/dev/null; then
    suite fuzz
  else
    echo "test: no clang++, so no fuzzing" >&2
  fi
  suite thread-sanitize -R '^(engine|memory)\.|^api\.EngineTest|^core\.(ParallelFor|Threads|OrderedWorkers)'
fi

echo
[ "$skipped" -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
