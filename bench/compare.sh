#!/usr/bin/env bash
# Side by side with llama.cpp on one machine: the same GGUF, the same number of threads, by turns; ttt both as it
# comes and with --batch-invariant.
#
# usage: bench/compare.sh [--build-only] [--rounds N] [--threads N] [--model FILE]... [--formats LIST] [--shape NAME]
#                         [--prefill N] [--decode N] [--depth LIST] [--deep LIST] [--batch LIST] [--avx2] [--write]
#   --model    a GGUF; again for more. Without it and without --formats: SmolLM2
#   --formats  q4_0,q8_0,...: random checkpoints of a real shape (--shape, llama-1b; or SHAPE:FORMAT in the list), made by
#              bench/make_checkpoint.py
#   --depth    0,4096: tokens in the cache before; --batch 1,8,16: sequences that decode at once, at depth 0
#   --deep     those of --formats to be measured behind 4096 tokens too, once a round, as that takes minutes
#   --avx2     both are held to AVX2, as on a processor that has no more
#   --write    puts the rows into this processor's table in docs/performance.md too, and into the README's
#
# llama.cpp is built outside the repository, with g++ and with clang 19 (the better of the two is the bar),
# from the source bundle in the npm package node-llama-cpp.
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
peers=${XDG_CACHE_HOME:-$HOME/.cache}/ttt-peers
version=3.22.1
rounds=3
threads=''
models=()
formats=''
shape=llama-1b
prefill=512
decode=64
depth=0
deep=''
deep_tokens=4096
batch=1
write=0
build_only=0
level=''
instructions=(-DGGML_NATIVE=ON)
jobs=${TTT_JOBS:-2}

usage() { sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
while [ $# -gt 0 ]; do
  case $1 in
    --build-only) build_only=1 ;;
    --rounds) rounds=$2; shift ;;
    --threads) threads=$2; shift ;;
    --model) models+=("$2"); shift ;;
    --formats) formats=$2; shift ;;
    --shape) shape=$2; shift ;;
    --depth) depth=$2; shift ;;
    --deep) deep=$2; shift ;;
    --batch) batch=$2; shift ;;
    --avx2)
      level=-avx2
      instructions=(-DGGML_NATIVE=OFF -DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON)
      export TTT_CPU_ISA=avx2
      ;;
    --write) write=1 ;;
    --prefill) prefill=$2; shift ;;
    --decode) decode=$2; shift ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

say() { printf '%s\n' "$*" >&2; }
need() {
  command -v "$1" >/dev/null 2>&1 || { say "bench/compare.sh: $1 is missing (install it: $2)"; exit 1; }
}

fetch_llama_cpp() {
  local src=$peers/llama.cpp-$version
  [ -f "$src/CMakeLists.txt" ] && return
  need npm 'apt-get install npm'
  need git 'apt-get install git'
  mkdir -p "$peers"
  local work
  work=$(mktemp -d "$peers/fetch.XXXXXX")
  say "fetching node-llama-cpp $version"
  (cd "$work" && npm pack --silent "node-llama-cpp@$version" >/dev/null && tar xzf ./*.tgz package/llama/gitRelease.bundle)
  git init -q "$work/src"
  git -C "$work/src" fetch -q "$work/package/llama/gitRelease.bundle" HEAD
  git -C "$work/src" -c advice.detachedHead=false checkout -q FETCH_HEAD
  mv "$work/src" "$src"
  rm -rf "$work"
}

build_llama_cpp() {  # build_llama_cpp NAME CC CXX
  local name=$1 cc=$2 cxx=$3
  local src=$peers/llama.cpp-$version dir=$peers/llama.cpp-$version/build-$1$level
  [ -x "$dir/bin/llama-bench" ] && [ -x "$dir/bin/llama-perplexity" ] && [ -x "$dir/bin/llama-batched-bench" ] && return
  if ! command -v "$cxx" >/dev/null 2>&1; then
    say "llama.cpp with $name: left out, $cxx is not installed"
    return
  fi
  say "building llama.cpp with $name (log: $dir.log)"
  cmake -S "$src" -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
    "${instructions[@]}" -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=ON -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF \
    -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
    -DLLAMA_BUILD_NUMBER=0 -DLLAMA_BUILD_COMMIT="node-$version" >"$dir.log" 2>&1
  nice -n 10 cmake --build "$dir" -j "$jobs" --target llama-bench llama-batched-bench llama-perplexity >>"$dir.log" 2>&1
}

# A build without AMX's products, on a machine that has them, is no bar.
check_amx() {  # check_amx NAME
  local program=$peers/llama.cpp-$version/build-$1$level/bin/llama-bench products
  [ -x "$program" ] || return 0
  products=$(objdump -d "$program" | grep -c tdpb || true)
  [ "$products" -gt 0 ] || {
    say "bench/compare.sh: this machine has AMX, but llama.cpp with $1 was built without it: $program has no tile products (remove its folder build-$1 and build on this machine, with a compiler that knows AMX)"
    exit 1
  }
}

need cmake 'scripts/setup.sh'
need ninja 'scripts/setup.sh'
fetch_llama_cpp
build_llama_cpp clang clang-19 clang++-19
build_llama_cpp gcc gcc g++
if [ -z "$level" ] && grep -qw amx_tile /proc/cpuinfo; then
  need objdump 'apt-get install binutils'
  check_amx clang
  check_amx gcc
fi
if [ "$build_only" = 1 ]; then
  for name in clang gcc; do
    for program in llama-bench llama-batched-bench llama-perplexity; do
      ls "$peers/llama.cpp-$version/build-$name$level/bin/$program" 2>/dev/null || true
    done
  done
  exit 0
fi

ttt=$root/build/bin/ttt
[ -x "$ttt" ] || { say "bench/compare.sh: $ttt is not built (run scripts/demo.sh first)"; exit 1; }
# name_of FORMAT, or SHAPE:FORMAT: of the checkpoint.
name_of() {
  local of=$1
  [[ $of = *:* ]] || of=$shape:$of
  printf '%s' "${of/:/-}"
}
# Random checkpoints, made where there are none or older ones than their generator.
make_checkpoints() {
  local format file name python=$peers/venv/bin/python
  if [ ! -x "$python" ]; then
    python3 -m venv "$peers/venv"
    "$python" -m pip install --quiet "$(grep '^gguf==' "$root/tools/goldens/requirements.txt")" \
      "$(grep '^numpy==' "$root/tools/goldens/requirements.txt")"
  fi
  for format in ${formats//,/$'\n'}; do
    name=$(name_of "$format")
    file=$peers/checkpoints/$name.gguf
    if [ ! "$file" -nt "$root/bench/make_checkpoint.py" ]; then
      say "making $file"
      "$python" "$root/bench/make_checkpoint.py" --shape "${name%-*}" --type "${name##*-}" "$file"
    fi
    models+=("$file")
  done
}
for format in ${deep//,/$'\n'}; do
  [[ ,$formats, = *,$format,* ]] || { say "bench/compare.sh: --deep $format is not among --formats"; exit 2; }
done
[ -z "$formats" ] || make_checkpoints
[ "${#models[@]}" -gt 0 ] || models=("$("$root/scripts/fetch_model.sh")")
if [ -z "$threads" ]; then
  # Physical cores that this process may use: one per distinct (package, core).
  threads=$(lscpu -p=CPU,CORE,SOCKET | grep -v '^#' | while IFS=, read -r cpu core socket; do
    if taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | awk -F- -v c="$cpu" '$1 <= c && c <= ($2 == "" ? $1 : $2) { f = 1 } END { exit !f }'
    then printf '%s,%s\n' "$core" "$socket"; fi
  done | sort -u | wc -l)
fi
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# llama_rows NAME PROGRAM OUTPUT ARGUMENTS...: runs one of llama.cpp's programs, if that build is there.
llama_rows() {
  local name=$1 program=$2 output=$3
  shift 3
  local bin=$peers/llama.cpp-$version/build-$name$level/bin/$program
  [ -x "$bin" ] || return 0
  if ! "$bin" -t "$threads" -ngl 0 "$@" >"$output" 2>"$output.err"; then
    say "$program with $name failed: $(tail -n 1 "$output.err")"
    rm -f "$output"
  fi
}

# ttt_rows OUTPUT ARGUMENTS...: ttt bench.
ttt_rows() {
  local output=$1
  shift
  "$ttt" bench --model "$model" --threads "$threads" --json "$@" >"$output"
}

# start_cost OUTPUT COMMAND...: of a process that loads the model, decodes one token and ends.
start_cost() {
  local output=$1
  shift
  if ! python3 "$root/bench/process_cost.py" "$@" >"$output" 2>"$results/err"; then
    say "$1 failed: $(tail -n 1 "$results/err")"
    rm -f "$output"
  fi
}

# Each measures all programs by turns, in files that end with TURN.
measure_start() {
  local start=("$ttt" logits --model "$model" --threads "$threads" --ids 1 -o "$results/logits")
  start_cost "$results/$name@ttt@$1.start" "${start[@]}"
  if [ ! -d "$results/packed" ]; then
    start_cost "$results/first" "${start[@]}" --packed-cache "$results/packed"
    sync  # no turn shall share the disk
  fi
  start_cost "$results/$name@ttt-kept@$1.start" "${start[@]}" --packed-cache "$results/packed"
  for peer in clang gcc; do
    bin=$peers/llama.cpp-$version/build-$peer$level/bin/llama-bench
    [ ! -x "$bin" ] || start_cost "$results/$name@$peer@$1.start" \
      "$bin" -t "$threads" -ngl 0 -m "$model" -p 0 -n 1 -r 1 --no-warmup
  done
}
# measure_step TURN REPETITIONS PREFILL DECODE DEPTHS
measure_step() {
  local step=(-r "$2" -p "$3" -n "$4" -d "$5")
  ttt_rows "$results/$name@ttt@$1.json" "${step[@]}"
  for peer in clang gcc; do
    llama_rows "$peer" llama-bench "$results/$name@$peer@$1.json" -m "$model" "${step[@]}" -o json
  done
  ttt_rows "$results/$name@ttt-invariant@$1.json" --batch-invariant "${step[@]}"
}
measure_batches() {
  ttt_rows "$results/$name@ttt@$1.json" -p 0 -n "$decode" -b "$batches"
  for peer in clang gcc; do
    llama_rows "$peer" llama-batched-bench "$results/$name@$peer@$1.jsonl" \
      -m "$model" -npp 1 -ntg "$decode" -npl "$batches" -c 4096 --output-format jsonl
  done
  ttt_rows "$results/$name@ttt-invariant@$1.json" --batch-invariant -p 0 -n "$decode" -b "$batches"
}

# Sequences that decode at once, but for the one that llama-bench has measured already.
batches=$(printf '%s\n' ${batch//,/$'\n'} | grep -vx 1 | paste -sd, || true)
# What waits for memory is short and swings most, within seconds where a virtual machine's processors move: many short
# turns a round, so that each program meets every state of the machine.
turns=7
say "$threads threads, $rounds rounds, prefill $prefill, decode $decode, depth $depth${deep:+ ($deep_tokens for $deep)}, batch $batch"
for model in "${models[@]}"; do
  name=$(basename "$model" .gguf)
  printf '%s\t%s\n' "$name" "$(stat -L -c %s "$model")" >>"$results/files"
  cat "$model" >/dev/null  # into the page cache
  rm -rf "$results/packed"
  for ((round = 1; round <= rounds; ++round)); do
    say "$name, round $round of $rounds"
    for ((turn = 1; turn <= turns; ++turn)); do
      measure_start "$round-$turn"
      measure_step "$round-$turn-decode" 1 0 "$decode" "$depth"
    done
    measure_step "$round-prefill" 3 "$prefill" 0 "$depth"
    for format in ${deep//,/$'\n'}; do
      [ "$name" != "$(name_of "$format")" ] || measure_step "$round-deep" 2 "$prefill" "$decode" "$deep_tokens"
    done
    [ -z "$batches" ] || measure_batches "$round-batches"
  done
done
"$ttt" devices --json >"$results/devices"
printf '%s\t%s\n' "$version" "$rounds" >"$results/run"
arguments=("$results")
[ "$write" = 0 ] || arguments+=(--write "$root/docs/performance.md" "$root/README.md")
python3 "$root/bench/compare_table.py" "${arguments[@]}"
