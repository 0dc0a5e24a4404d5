# Functions that demo.sh and test.sh share; sourced, not run.
# shellcheck shell=bash

# Compile jobs: TTT_JOBS, else one a processor, but no more than memory allows (1.5 GB each).
jobs_for_build() {
  if [ -n "${TTT_JOBS:-}" ]; then
    printf '%s\n' "$TTT_JOBS"
    return
  fi
  local cpus by_memory
  cpus=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo)
  [ "${by_memory:-0}" -ge 1 ] || by_memory=1
  printf '%s\n' "$((cpus < by_memory ? cpus : by_memory))"
}

# build FOLDER PRESET [TARGET [CMAKE ARGUMENTS...]]: configures and builds; an empty TARGET means all.
# Ninja notices changed CMake files by itself, so a folder is configured again only when its settings change.
build() {
  local folder=$1 preset=$2 target=${3:-} root stamp settings
  shift $(($# < 3 ? $# : 3))
  root=$(dirname "$folder")
  stamp=$folder/.configured-with
  settings=$(printf '%s ' "$preset" "$@" && cat "$root/CMakePresets.json")
  if [ ! -f "$folder/build.ninja" ] || [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$settings" ]; then
    (cd "$root" && cmake --preset "$preset" -B "$folder" "$@") >&2 || return 1
    printf '%s' "$settings" >"$stamp"
  fi
  cmake --build "$folder" -j "$(jobs_for_build)" ${target:+--target "$target"} >&2
}
