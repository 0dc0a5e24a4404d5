#!/usr/bin/env bash
# From a bare Debian machine to an answer: installs what is missing, builds, fetches the default model, runs it.
#
# usage: scripts/demo.sh ["prompt"]
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prompt=${1:-What is the capital of France?}
# shellcheck source=scripts/common.sh
. "$root/scripts/common.sh"

"$root/scripts/setup.sh"
build "$root/build" release bin/ttt
model=$("$root/scripts/fetch_model.sh")
exec "$root/build/bin/ttt" generate --model "$model" --prompt "$prompt"
