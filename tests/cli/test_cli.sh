#!/usr/bin/env bash
# Exit codes and one-line errors of the program, and the tiny goldens through `compare`.
# usage: test_cli.sh PROGRAM GOLDENS_FOLDER
set -uo pipefail
program=$1 goldens=$2 failed=0

# expect STATUS ARGUMENTS...: the program ends so, and says one error line on failure
expect() {
  local want=$1 error got
  shift
  error=$("$program" "$@" 2>&1 >/dev/null)
  got=$?
  if [ "$got" != "$want" ] || { [ "$want" != 0 ] && ! grep -q '^ttt: error: ' <<<"$error"; }; then
    printf 'FAILED (%s, wanted %s): ttt %s\n%s\n' "$got" "$want" "$*" "$error"
    failed=1
  fi
}

expect 0 --version
expect 2
expect 2 no-such-verb
expect 2 logits --model x
expect 1 logits --model /nonexistent --ids 1,2 -o /dev/null
expect 1 logits --model /nonexistent --ids 1,,2 -o /dev/null
expect 0 devices --json
for folder in "$goldens"/llama-*/; do
  [ -f "$folder/golden.safetensors" ] || continue
  expect 0 compare --model "$folder" --golden "$folder/golden.safetensors" --precision exact --json
done
exit $failed
