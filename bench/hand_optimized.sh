#!/usr/bin/env bash
# The blocks beside the same calls written by hand, and beside oneDNN where libdnnl-dev is installed.
#
# usage: bench/hand_optimized.sh [--write]
#   --write  puts the table into docs/performance.md too
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
  ''|--write) ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

program=$root/build/bin/hand_optimized
[ -x "$program" ] || { echo "hand_optimized.sh: $program is not built (run scripts/test.sh, or cmake --build build --target hand_optimized)" >&2; exit 1; }
table=$(mktemp)
trap 'rm -f "$table"' EXIT
"$program" | tee "$table"
[ "${1:-}" = --write ] || exit 0
PYTHONPATH=$root/bench python3 - "$table" "$root/docs/performance.md" <<'PYTHON'
import pathlib
import sys

from page import put

put(sys.argv[2], "hand", pathlib.Path(sys.argv[1]).read_text())
PYTHON
