#!/usr/bin/env bash
# How fast a model writes on a machine it doesn't have to itself: tokens/s of each process alone, two
# side by side, beside a busy loop, and under a CPU quota of one core (for which it makes a control
# group, as root). Several builds are measured in turn, so that a machine that drifts is fair to all.
#   bench/shared-machine.sh MODEL [OWL3...]     the programs (default: build/release/owl3)
# ROUNDS (default 5) measured runs of each situation, TOKENS (default 150) in each; prints the medians.
set -euo pipefail
[ $# -ge 1 ] || {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
model=$1
shift
[ $# -gt 0 ] || set -- build/release/owl3
rounds=${ROUNDS:-5}
tokens=${TOKENS:-150}
unset OMP_WAIT_POLICY OMP_NUM_THREADS  # it shall do without
scratch=$(mktemp -d)
group=""
busy=""

clean_up() {
  [ -z "$busy" ] || kill "$busy"
  [ -z "$group" ] || rmdir "$group"
  rm -r "$scratch"
}
trap clean_up EXIT

# write_tokens PROGRAM: prints tokens/s of decoding.
write_tokens() {
  "$1" chat "$model" -p "Tell me something." --greedy --max-new-tokens "$tokens" --stats 2>&1 >"$scratch/answer" |
    awk '$1 == "decode" { print $2 }'
}

alone() { write_tokens "$1"; }

two() {
  write_tokens "$1" >"$scratch/other" &
  write_tokens "$1" >"$scratch/one"
  wait $!
  cat "$scratch/one" "$scratch/other"
}

busy() {
  (while :; do :; done) &
  busy=$!
  write_tokens "$1"
  kill "$busy"
  wait "$busy" 2>/dev/null || true
  busy=""
}

quota() {
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    write_tokens "$1"
  )
}

make_group() {
  local folder=/sys/fs/cgroup
  [ -f $folder/cgroup.controllers ] || folder=$folder/cpu
  mkdir "$folder/owl3-bench-$$" 2>/dev/null || return
  group=$folder/owl3-bench-$$
  if [ -f "$group/cpu.cfs_quota_us" ]; then
    cat "$group/cpu.cfs_period_us" >"$group/cpu.cfs_quota_us"
  else
    echo 100000 100000 >"$group/cpu.max"
  fi
}

situations="alone two busy"
if make_group; then situations+=" quota"; else echo "no control group can be made: no quota" >&2; fi

for ((round = 0; round < rounds; round++)); do
  for situation in $situations; do
    number=0
    for program in "$@"; do
      "$situation" "$program" >>"$scratch/$situation.$number"
      number=$((number + 1))
    done
  done
done

printf '| situation, tokens/s of each process |'
printf ' %s |' "$@"
printf '\n|---|%s\n' "$(printf -- '---:|%.0s' "$@")"
for situation in $situations; do
  printf '| %s |' "$situation"
  for ((number = 0; number < $#; number++)); do
    sort -n "$scratch/$situation.$number" |
      awk '{ rate[NR] = $1 } END { printf " %.1f (%.1f to %.1f) |", rate[int((NR + 1) / 2)], rate[1], rate[NR] }'
  done
  printf '\n'
done
