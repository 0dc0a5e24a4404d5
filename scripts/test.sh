#!/usr/bin/env bash
# Builds and runs every test. The last line is the total: "N passed, N failed, N skipped".
#
# usage: scripts/test.sh [--sanitize]
#   plain:      Release build in build/, all tests
#   --sanitize: the same tests under AddressSanitizer and UndefinedBehaviorSanitizer, in build-asan/, then each fuzz target,
#               which is built with them too, in build-fuzz/ for TTT_FUZZ_SECONDS (60) seconds
# TTT_JOBS bounds compile jobs, TTT_TEST_JOBS tests at a time.
set -euo pipefail
IFS=$'\n\t'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$root/scripts/common.sh"

sanitize=0
case ${1:-} in
  '') ;;
  --sanitize) sanitize=1 ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

reports=()
# Compile failures count as one failed test each: a total that leaves them out would be a lie.
broken=()

# run_tests FOLDER [CTEST ARGUMENTS...]
run_tests() {
  local folder=$1
  shift
  local report=$folder/ctest-report.xml
  rm -f "$report"
  ctest --test-dir "$folder" --output-on-failure --output-junit "$report" --no-tests=error "$@" || true
  if [ -f "$report" ]; then
    reports+=("$report")
  else
    broken+=("ctest in ${folder##*/}")
  fi
}

test_jobs=${TTT_TEST_JOBS:-$(nproc)}

if [ "$sanitize" = 1 ]; then
  "$root/scripts/setup.sh" --clang
  folder=$root/build-asan preset=asan
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
else
  "$root/scripts/setup.sh" --clang
  folder=$root/build preset=release
fi
for model in smollm2 gemma3 minilm; do
  if ! "$root/scripts/fetch_model.sh" "$model" >/dev/null; then
    printf 'test.sh: the model %s could not be fetched; tests that need it will be skipped\n' "$model" >&2
  fi
done

# build_cleanly FOLDER ...: as `build`; a warning of a compiler counts as a failure, though what was built is tested.
build_log=$(mktemp)
trap 'rm -f "$build_log"' EXIT
build_cleanly() {
  local code
  build "$@" 2>&1 | tee "$build_log" >&2
  code=${PIPESTATUS[0]}
  if grep -qE '(: |^)warning: ' "$build_log"; then
    broken+=("warnings in ${1##*/}")
  fi
  return "$code"
}

if build_cleanly "$folder" "$preset"; then
  run_tests "$folder" -j "$test_jobs"
else
  broken+=("build in ${folder##*/}")
fi

if [ "$sanitize" = 1 ]; then
  export TTT_FUZZ_SECONDS=${TTT_FUZZ_SECONDS:-60}
  if build_cleanly "$root/build-fuzz" fuzz fuzzers "-DTTT_FUZZ_SECONDS=$TTT_FUZZ_SECONDS"; then
    run_tests "$root/build-fuzz" -j "$test_jobs"
  else
    broken+=("build in build-fuzz")
  fi
fi

python3 "$root/scripts/total.py" "${reports[@]}" "${broken[@]/#/broken:}"
