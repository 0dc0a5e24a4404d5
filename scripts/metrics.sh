#!/usr/bin/env bash
# Measures what one more model costs and prints one table; exit code 1 when a limit is broken. docs/metrics.md explains it.
#
# usage: scripts/metrics.sh [--write]    --write: also puts the table into docs/metrics.md
# Builds in build-coverage/ and build-metrics/. TTT_JOBS bounds compile jobs.
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$root/scripts/common.sh"

page=()
case ${1:-} in
  '') ;;
  --write) page=(--write "$root/docs/metrics.md") ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

"$root/scripts/setup.sh"
TTT_JOBS=$(jobs_for_build)
export TTT_JOBS
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

for tool in add_model model_lines reuse test_time; do
  # A broken limit is in what the tool prints, and the table tells it; without that there is no table.
  if ! "$root/tools/metrics/$tool" --json >"$results/$tool.json" && [ ! -s "$results/$tool.json" ]; then
    printf 'metrics.sh: %s failed\n' "$tool" >&2
    exit 1
  fi
done
"$root/tools/metrics/table" "$results" "${page[@]}"
