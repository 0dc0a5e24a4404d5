#!/usr/bin/env bash
# Makes the baseline of the public interface (tests/versioning/baseline) from this tree: done when a version is released, and before the
# first release when its interface changes. The tests versioning.* hold later builds to it.
#
# usage: scripts/baseline.sh      needs the build of scripts/test.sh, with build/installed-shared
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tests=$root/tests/versioning
installed=$root/build/installed-shared
[ -d "$installed" ] || { echo "baseline.sh: expected $installed; run scripts/test.sh first" >&2; exit 1; }

python3 "$tests/check_promises.py" api "$root/src" --write
python3 "$tests/check_promises.py" cli "$root/build/bin/ttt" --write
python3 "$tests/check_promises.py" json "$root/build/bin/ttt" "$root/tests/goldens" --write
python3 "$tests/abi.py" write "$tests/baseline/libttt.abi.xz" "$root/build/shared/src/libttt.so" "$installed/include"
# The same bytes for the same files.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=u=rwX,go=rX -C "$installed" -c include lib/cmake |
  xz -9 >"$tests/baseline/package.tar.xz"
sed -i '/^[+-] /d' "$tests/baseline/changes.txt"
rm -f "$tests/baseline/abi-changes.ini"
