#!/usr/bin/env bash
# Makes the baseline of the public interface (tests/versioning/baseline) from this tree: done when a version is released, and before the
# first release when its interface changes. The tests versioning.* hold later builds to it.
#
# usage: scripts/baseline.sh      needs the build of scripts/test.sh, of the sources as they are now
set -euo pipefail
IFS=$'\n\t'

if [ $# -ne 0 ]; then
  sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests=tests/versioning
installed=build/installed-shared
program=build/bin/ttt

fail() {
  echo "baseline.sh: $1; run scripts/test.sh first" >&2
  exit 1
}

# A baseline of an older build would promise what is no longer there.
[ -d "$installed/include/ttt" ] && [ -x "$program" ] || fail "expected $installed/include/ttt and $program"
while IFS= read -r header; do
  cmp -s "$installed/include/$header" "src/$header" || fail "$installed/include/$header is not src/$header"
done < <(cd "$installed/include" && find ttt -type f)
# Version 1's vocabulary is not in the program.
newer=$(find apps src -regex '.*\.\(cpp\|h\|rs\)' -not -path 'src/ttt/compat/*' -newer "$program" -print -quit)
[ -z "$newer" ] || fail "$newer is newer than $program"

python3 "$tests/check_promises.py" api src --write
python3 "$tests/check_promises.py" cli "$program" --write
python3 "$tests/check_promises.py" json "$program" tests/goldens --write
for library in libttt ttt/text/libttt_text ttt/testing/libttt_testing ttt/compat/libttt_compat; do
  python3 "$tests/abi.py" write "$tests/baseline/${library##*/}.abi.xz" "build/shared/src/$library.so" "$installed/include"
done
# The headers, the package's files and consumers of both; the same bytes for the same files.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=u=rwX,go=rX \
  --transform='s,^\(project\|components\|llama3\|common\)\(/\|$\),consumers/&,' -c \
  -C "$installed" include lib/cmake -C "$PWD/tests/consumer" project components -C "$PWD/models" llama3 common |
  xz -9 >"$tests/baseline/package.tar.xz"
sed -i '/^[+-] /d' "$tests/baseline/changes.txt"
rm -f "$tests/baseline/abi-changes.ini"
