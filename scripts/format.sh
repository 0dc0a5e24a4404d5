#!/usr/bin/env bash
# Formats the C++ sources as .clang-format says, with the one version whose answer counts.
#
# usage: scripts/format.sh [--check]      --check changes nothing and fails when something would change
# Exits 77 when clang-format 19 is not there (scripts/setup.sh --clang).
set -euo pipefail
IFS=$'\n\t'

cd "$(dirname "${BASH_SOURCE[0]}")/.."
options=(-i)
case ${1:-} in
  '') ;;
  --check) options=(--dry-run --Werror) ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "skipped: scripts/format.sh: not a git checkout" >&2; exit 77; }
for tool in clang-format-19 clang-format; do
  if "$tool" --version 2>/dev/null | grep -q 'version 19\.'; then
    git ls-files '*.h' '*.cpp' | xargs "$tool" "${options[@]}"
    exit
  fi
done
echo "skipped: clang-format 19 is not installed (scripts/setup.sh --clang)" >&2
exit 77
