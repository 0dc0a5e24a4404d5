#!/usr/bin/env bash
# What `ttt tune` gives beside the defaults: each model tuned, and then both measured by turns.
#
# usage: bench/tuned.sh [--turns N] [--write] MODEL...
#   --turns  medians are over so many, 5
#   --write  puts the table into docs/performance.md too
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
turns=5
write=()
models=()
while [ $# -gt 0 ]; do
  case $1 in
    --turns) turns=$2; shift ;;
    --write) write=(--write "$root/docs/performance.md") ;;
    -*) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    *) models+=("$1") ;;
  esac
  shift
done
[ "${#models[@]}" -gt 0 ] || models=("$("$root/scripts/fetch_model.sh")")

ttt=$root/build/bin/ttt
[ -x "$ttt" ] || { echo "tuned.sh: $ttt is not built (run scripts/demo.sh first)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The steps that `ttt tune` measures.
steps() {  # steps NAME TURN ARGUMENTS...
  local output=$work/$1@$2
  shift 2
  "$ttt" bench --model "$model" --json -r 1 -p 512 -n 32 -d 512 "$@" >"$output.json"
  "$ttt" bench --model "$model" --json -r 1 -p 0 -n 32 -b 8 "$@" >"$output-batch.json"
}
for model in "${models[@]}"; do
  name=$(basename "$model" .gguf)
  printf 'tuning %s\n' "$name" >&2
  "$ttt" tune --model "$model" -o "$work/$name.params" --json >"$work/$name.trials"
  for ((turn = 1; turn <= turns; ++turn)); do
    steps "$name@default" "$turn"
    steps "$name@tuned" "$turn" --device-params "$work/$name.params"
  done
done
"$ttt" devices --json >"$work/devices"
python3 "$root/bench/tuned_table.py" "$work" "${write[@]}"
