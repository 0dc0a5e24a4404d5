#!/usr/bin/env bash
# Installs what the build needs from Debian's packages. Does nothing when all is there.
#
# usage: scripts/setup.sh [--clang]    --clang: also what the tests need beside the build: clang 19 for fuzz targets, sanitizers,
#                                       formatting and lists of the public headers; libabigail
set -euo pipefail
IFS=$'\n\t'

clang=0
case ${1:-} in
  '') ;;
  --clang) clang=1 ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

packages=(g++ cmake ninja-build pkg-config ca-certificates python3 python3-venv
  libgtest-dev libgmock-dev libbenchmark-dev nlohmann-json3-dev libcli11-dev libfmt-dev libxxhash-dev doxygen)
if [ "$clang" = 1 ]; then
  packages+=(clang-19 lld-19 libclang-rt-19-dev clang-format-19 python3-clang-19 abigail-tools)
fi

# The text component needs Rust 1.85 or newer (edition 2024). Debian's cargo-web is one.
cargo_is_new_enough() {
  local version major minor
  version=$(cargo --version 2>/dev/null | awk '{ print $2 }') || return 1
  IFS=. read -r major minor _ <<<"$version"
  [ -n "${minor:-}" ] && { [ "$major" -gt 1 ] || [ "$minor" -ge 85 ]; }
}
if ! cargo_is_new_enough; then
  packages+=(cargo-web rustc-web)
fi

# `pkg-config` may be a name that pkgconf provides, so an installed program counts too.
installed=$(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package}\n' 2>/dev/null | sed -n 's/^ii *//p' | sed 's/:.*//' || true)
missing=()
for package in "${packages[@]}"; do
  if ! grep -qxF -- "$package" <<<"$installed"; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
  printf 'setup.sh: this is not a Debian system; install the equivalents of: %s\n' "$(IFS=' '; printf '%s' "${missing[*]}")" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    printf 'setup.sh: run as root or install sudo; missing: %s\n' "$(IFS=' '; printf '%s' "${missing[*]}")" >&2
    exit 1
  fi
  as_root=(sudo)
fi

printf 'setup.sh: installing %s\n' "$(IFS=' '; printf '%s' "${missing[*]}")" >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
