#!/usr/bin/env python3
"""Compares a shared library with the description of the released one that is committed, by libabigail.

usage: abi.py check BASELINE.abi LIBRARY.so INCLUDE_FOLDER      exit code 1 with abidiff's report when it differs
       abi.py write BASELINE.abi LIBRARY.so INCLUDE_FOLDER

The library has to be built with debug information. Only what the public headers declare counts. Changes that are meant are listed
beside the baseline in abi-changes.ini, as suppressions of libabigail. Exit code 77 where it is not installed (abigail-tools).
"""
import pathlib
import shutil
import subprocess
import sys

if len(sys.argv) != 5 or sys.argv[1] not in ("check", "write"):
    sys.exit(__doc__)
action, baseline, library, headers = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
if shutil.which("abidiff") is None:
    print("skipped: abidiff is not installed (scripts/setup.sh --clang)", file=sys.stderr)
    sys.exit(77)

if action == "write":
    sys.exit(subprocess.run(["abidw", "--headers-dir", headers, "--drop-private-types", "--no-show-locs", "--no-corpus-path",
                             "--no-comp-dir-path", "--out-file", baseline, library]).returncode)

listed = baseline.parent / "abi-changes.ini"
done = subprocess.run(["abidiff", "--drop-private-types", "--headers-dir2", headers, "--no-show-locs", "--leaf-changes-only",
                       *(["--suppressions", listed] if listed.exists() else []), baseline, library], capture_output=True, text=True)
print(done.stdout + done.stderr)
if done.returncode:
    print("docs/versioning.md promises the binary interface of libttt.so within a major version; the report above says what differs "
          "from 2.0.0. A change that is meant goes into abi-changes.ini")
    sys.exit(1)
print("the binary interface is the released one")
