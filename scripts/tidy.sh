#!/usr/bin/env bash
# Runs clang-tidy 19 with .clang-tidy over the C++ sources given, or those that differ from main; needs a configured build-debug/.
#
# usage: scripts/tidy.sh [FILE.cpp...]
set -euo pipefail
IFS=$'\n\t'

cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v clang-tidy-19 >/dev/null || { echo "scripts/tidy.sh: clang-tidy 19 is not installed (apt-get install clang-tidy-19)" >&2; exit 1; }
[ -f build-debug/compile_commands.json ] || { echo "scripts/tidy.sh: build-debug/ is not configured (cmake --preset debug)" >&2; exit 1; }
if [ $# -eq 0 ]; then
  mapfile -t changed < <(git diff --name-only --diff-filter=d main -- '*.cpp')
  set -- "${changed[@]}"
fi
[ $# -eq 0 ] || clang-tidy-19 -p build-debug --quiet "$@"
