#!/usr/bin/env python3
"""Misuse of the library that must not compile. Each source does, once CONTROL is defined; without, it fails with the
error on its first line: `// error: REGEX`.

usage: test_compile_fail.py COMPILER INCLUDE_FOLDER SOURCE...
"""
import pathlib
import re
import subprocess
import sys

compiler, include, *sources = sys.argv[1:]
failures = []
for source in map(pathlib.Path, sources):
    def compiled(*options):
        return subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{include}",
                               *options, source], capture_output=True, text=True)

    wanted = re.match(r"// error: (.+)\n", source.read_text()).group(1)
    control, run = compiled("-DCONTROL"), compiled()
    if control.returncode != 0:
        failures.append(f"{source.name}: does not compile with CONTROL either:\n{control.stderr}")
    elif run.returncode == 0:
        failures.append(f"{source.name}: compiles")
    elif not re.search(wanted, run.stderr):
        failures.append(f"{source.name}: fails otherwise than by {wanted!r}:\n{run.stderr}")
    else:
        print(f"ok: {source.name}")
print("\n".join(failures))
sys.exit(1 if failures or not sources else 0)
