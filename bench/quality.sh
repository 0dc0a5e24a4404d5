#!/usr/bin/env bash
# What a weight format costs in quality, beside llama.cpp on the same files: SmolLM2 decoded to f32, stored again in each format, and
# measured against the f32 model on one text.
#
# usage: bench/quality.sh [--formats LIST] [--windows N] [--write]
#   --formats  q8_0,q4_0,...: all that both engines have, and bfp8 and bfp4, which only ttt has
#   --windows  of 512 tokens each, 4 of them
#   --write    puts the table into docs/performance.md too
#
# llama.cpp comes from bench/compare.sh (--build-only).
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
peers=${XDG_CACHE_HOME:-$HOME/.cache}/ttt-peers
formats=q8_0,q6_k,q5_k,q5_1,q5_0,q4_k,q4_1,q4_0,iq4_nl,q3_k,q2_k,bfp8,bfp4
windows=4
write=()
while [ $# -gt 0 ]; do
  case $1 in
    --formats) formats=$2; shift ;;
    --windows) windows=$2; shift ;;
    --write) write=(--write "$root/docs/performance.md") ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
  shift
done

"$root/bench/compare.sh" --build-only >/dev/null
llama=$(ls -d "$peers"/llama.cpp-*/build-gcc | tail -n 1)
cmake --build "$llama" -j "${TTT_JOBS:-2}" --target llama-quantize >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$llama/bin/llama-quantize" --allow-requantize "$("$root/scripts/fetch_model.sh")" "$work/f32.gguf" F32 >"$work/log" 2>&1
# Enough words for the windows; both engines leave out what does not fill one.
text=$root/tests/goldens/smollm2/text.txt
"$root/build/bin/ttt" tokenize --model "$work/f32.gguf" <"$text" >"$work/ids"
[ "$(wc -l <"$work/ids")" -ge $((windows * 512)) ] || { echo "quality.sh: $text has no $windows windows of 512 tokens" >&2; exit 1; }
size=$(($(wc -c <"$text") * windows * 512 / $(wc -l <"$work/ids") + 200))
head -c "$size" "$text" | iconv -c -f utf-8 -t utf-8 >"$work/text"

"$llama/bin/llama-perplexity" -m "$work/f32.gguf" -f "$work/text" -c 512 --chunks "$windows" --kl-divergence-base "$work/base" >"$work/log" 2>&1
for format in ${formats//,/$'\n'}; do
  printf '%s\n' "$format" >&2
  model=$work/$format.gguf quantize=none
  case $format in
    bfp*) model=$work/f32.gguf quantize=$format ;;
    *)
      "$llama/bin/llama-quantize" --pure "$work/f32.gguf" "$model" "${format^^}" >"$work/log" 2>&1
      "$llama/bin/llama-perplexity" -m "$model" -f "$work/text" -c 512 --chunks "$windows" --kl-divergence --kl-divergence-base "$work/base" \
        >"$work/$format.llama" 2>&1
      ;;
  esac
  "$root/build/bin/ttt" perplexity --model "$model" --quantize "$quantize" --reference "$work/f32.gguf" --file "$work/text" --ctx 512 --json \
    >"$work/$format.json"
  [ "$model" = "$work/f32.gguf" ] || rm -f "$model"
done
python3 "$root/bench/quality_table.py" "$work" "$formats" "${write[@]}"
