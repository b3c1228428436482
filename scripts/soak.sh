#!/usr/bin/env bash
# Streams from a server to many clients for a while, and says how it went: whether each answer was
# the one that is given alone, how long the first text took, how large the server was.
#
#   scripts/soak.sh [SECONDS] [CLIENTS] [-- OPTION...]
#
#   SECONDS    how long (3600)
#   CLIENTS    how many at once (64)
#   OPTION     of owl3 serve, with its MODEL; owlet without
#
# Needs node. Ends with 1 where a request failed, an answer was another one, or the server grew by
# more than 64 MiB once its caches were full.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,12s/^# \{0,1\}//p' "$0"
  exit 0
fi
seconds=3600
clients=64
if [[ ${1:-} =~ ^[0-9]+$ ]]; then seconds=$1; shift; fi
if [[ ${1:-} =~ ^[0-9]+$ ]]; then clients=$1; shift; fi
if [ "${1:-}" = -- ]; then shift; elif [ $# -gt 0 ]; then
  echo "soak: unknown argument $1 (try --help)" >&2
  exit 2
fi
owl3=${OWL3:-build/release/owl3}
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -r "$folder"' EXIT

"$owl3" serve --port 0 -q --max-running 64 "$@" >"$folder/line" 2>"$folder/log" &
server=$!
for _ in $(seq 600); do
  [ -s "$folder/line" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
address=$(grep -o 'http://[^ ]*' "$folder/line")
if ! result=$(node scripts/load_clients.mjs "$address" "$clients" "$seconds" "$server"); then
  echo "$result"
  echo "soak: requests failed, or answers were others" >&2
  exit 1
fi
echo "$result"
kill -TERM "$server"
wait "$server"
server=""
node -e '
  const { resident_mib } = JSON.parse(process.argv[1]);
  if (resident_mib.end - resident_mib.settled <= 64) process.exit(0);
  console.error(`soak: the server grew from ${resident_mib.settled} to ${resident_mib.end} MiB`);
  process.exit(1);
' "$result"
