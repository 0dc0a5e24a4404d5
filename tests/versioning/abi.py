#!/usr/bin/env python3
"""Compares a shared library with the description of the released one that is committed, by libabigail.

usage: abi.py check BASELINE.abi.xz LIBRARY.so INCLUDE_FOLDER      exit code 1 with abidiff's report when it differs
       abi.py write BASELINE.abi.xz LIBRARY.so INCLUDE_FOLDER

The library has to be built with debug information. Only what the public headers declare counts: not the symbols of functions that
they do not name, nor what abi-ignored.ini lists. Changes that are meant are listed beside the baseline in abi-changes.ini. Both
files are suppressions of libabigail. Exit code 77 where it is not installed (abigail-tools).
"""
import lzma
import pathlib
import shutil
import subprocess
import sys
import tempfile

if len(sys.argv) != 5 or sys.argv[1] not in ("check", "write"):
    sys.exit(__doc__)
action, baseline, library, headers = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
if shutil.which("abidiff") is None:
    print("skipped: abidiff is not installed (scripts/setup.sh --clang)", file=sys.stderr)
    sys.exit(77)


def describe(file):
    """Both sides are made alike: abidiff reads private types differently from a library and from a description."""
    done = subprocess.run(["abidw", "--headers-dir", headers, "--drop-private-types", "--no-show-locs", "--no-corpus-path",
                           "--no-comp-dir-path", "--out-file", file, library])
    if done.returncode:
        sys.exit(f"abi.py: abidw cannot read {library}")


ignored = pathlib.Path(__file__).parent / "abi-ignored.ini"
listed = baseline.parent / "abi-changes.ini"
with tempfile.TemporaryDirectory() as folder:
    now, then = pathlib.Path(folder) / "now.abi", pathlib.Path(folder) / "then.abi"
    describe(now)
    if action == "write":
        baseline.write_bytes(lzma.compress(now.read_bytes(), preset=9))
        sys.exit(0)
    then.write_bytes(lzma.decompress(baseline.read_bytes()))
    done = subprocess.run(["abidiff", "--no-show-locs", "--leaf-changes-only", "--no-unreferenced-symbols", "--suppressions", ignored,
                           *(["--suppressions", listed] if listed.exists() else []), then, now], capture_output=True, text=True)
print(done.stdout + done.stderr)
if done.returncode:
    print(f"docs/versioning.md promises the binary interface of {library.name} within a major version; the report above says what differs from "
          "the baseline. A change that is meant goes into abi-changes.ini")
    sys.exit(1)
print("the binary interface is the released one")
