#!/bin/sh
# run.sh TEST.mjs ...: a test of the page by Node; 77, which CTest takes for skipped, where what it
# needs is not there, with a word on what that is.
if ! command -v node >/dev/null; then
  echo "skipped: there is no node (scripts/setup.sh --tests)"
  exit 77
fi
exec node "$@"
