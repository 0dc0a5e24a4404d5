#!/usr/bin/env python3
"""Fails when a source that is compiled for an instruction set defines functions that others may be given.

usage: test_kernel_symbols.py NM OBJECT...

Of an inline function or a template that several objects define, the linker keeps one: should it keep that of the kernels
for AVX-512, a processor without AVX-512 would die of it in code that has nothing to do with kernels.
"""
import subprocess
import sys


def functions(nm, path):
    """Those that the object defines: (whether others may be given it, name)."""
    lines = subprocess.run([nm, "--demangle", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    symbols = (line.split(maxsplit=2) for line in lines.splitlines())
    return sorted({(kind == "W", name) for _, kind, name in symbols if kind in "WTt"})


def main():
    nm, *objects = sys.argv[1:]
    if not objects:
        sys.exit("no objects were given: the list of tests/hardware/CMakeLists.txt finds none")
    found = []
    for path in objects:
        defined = functions(nm, path)
        if not defined:
            sys.exit(f"{path} defines no function, as far as {nm} sees")
        found += [(path.rsplit("/", 1)[-1], name) for weak, name in defined if weak]
    for source, name in found:
        print(f"{source} defines {name}: put it into an unnamed namespace, declare it always_inline, or define it elsewhere")
    print(f"{len(objects)} objects, {len(found)} functions that others may be given")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
