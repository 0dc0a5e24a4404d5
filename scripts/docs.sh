#!/usr/bin/env bash
# Makes the API reference from the public headers, as HTML. Fails when a public symbol has no documentation.
#
# usage: scripts/docs.sh [FOLDER]      FOLDER: where index.html goes (build/docs/api)
# Exits 77 when Doxygen is not there (scripts/setup.sh).
set -euo pipefail
IFS=$'\n\t'

cd "$(dirname "${BASH_SOURCE[0]}")/.."
case ${1:-} in
  -*) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
if ! command -v doxygen >/dev/null 2>&1; then
  echo "skipped: doxygen is not installed (scripts/setup.sh)" >&2
  exit 77
fi
TTT_API_FOLDER=${1:-build/docs/api}
TTT_VERSION=$(sed -n 's/^#define TTT_VERSION_[MP][A-Z]* //p' src/ttt/core/version.h | paste -sd.)
export TTT_API_FOLDER TTT_VERSION
mkdir -p "$TTT_API_FOLDER"
doxygen docs/doxygen/Doxyfile
printf '%s\n' "$TTT_API_FOLDER/index.html"
