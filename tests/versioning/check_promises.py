#!/usr/bin/env python3
"""Holds the public interface to the baseline of the last release (docs/versioning.md). A line that is gone breaks a promise; a new
one is public from now on, and has to be listed.

usage: check_promises.py api INCLUDE_FOLDER
       check_promises.py cli PROGRAM
       check_promises.py json PROGRAM GOLDENS
       check_promises.py KIND ... --write         makes a baseline of what is there; before a release, or for a new major version

The differences from the baseline that are meant stand in baseline/changes.txt, a line each: "+ api ..." for what was added,
"- api ..." for what is gone (which needs a new major version). What the headers deprecate has to follow the policy for that. Exit code 1
with a line for each difference that is not there or that is there and is not one; 77 where a tool is missing.
"""
import datetime
import pathlib
import sys

import deprecations

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROMISE = {"api": "symbols of the public headers", "cli": "verbs, flags and arguments of the program", "json": "fields of the program's JSON"}
RELEASE_NOTE = "docs/versioning.md"


def name_of(line):
    """What a line is about, without the rest that may have changed: for "function ttt::f(int) -> void" it is "function ttt::f"."""
    return line.split("(", 1)[0].split(",", 1)[0].split(": ", 1)[0].split(" = ", 1)[0]


def listed_changes(path, kind):
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    of_kind = {sign: {line[len(f"{sign} {kind} "):] for line in lines if line.startswith(f"{sign} {kind} ")} for sign in "+-"}
    return of_kind["+"], of_kind["-"]


def differences(kind, baseline, now, added, removed):
    """The messages: none where `now` is the baseline with the listed changes."""
    baseline, now = set(baseline), set(now)
    gone, new = baseline - now, now - baseline
    replaced = {}
    for line in sorted(new):
        replaced.setdefault(name_of(line), []).append(line)
    messages = []
    for line in sorted(gone - removed):
        instead = replaced.get(name_of(line), [])
        what = f"changed: {line}\n    now: {'; '.join(instead)}" if instead else f"gone: {line}"
        messages.append(f"{RELEASE_NOTE} promises the {PROMISE[kind]} within a major version; {what}")
    for line in sorted(new - added):
        messages.append(f"new, and promised from now on; list it in baseline/changes.txt: + {kind} {line}")
    for line in sorted((added - new) | (removed - gone)):
        messages.append(f"baseline/changes.txt lists a change that is none: {kind} {line}")
    return messages


def lines_now(kind, arguments):
    if kind == "api":
        import api_list
        if api_list.cindex is None:
            print("skipped: libclang 19 is not installed (scripts/setup.sh --clang)", file=sys.stderr)
            sys.exit(77)
        return api_list.api_lines(*arguments)
    import program_lists
    return program_lists.command_line(*arguments) if kind == "cli" else program_lists.json_fields(*arguments)


def main(kind, *arguments):
    write = "--write" in arguments
    now = lines_now(kind, [argument for argument in arguments if argument != "--write"])
    baseline = HERE / "baseline" / f"{kind}.txt"
    if write:
        baseline.write_text("\n".join(now) + "\n")
        return 0
    messages = differences(kind, baseline.read_text().splitlines(), now, *listed_changes(HERE / "baseline" / "changes.txt", kind))
    if kind == "api":
        documents = [(ROOT / file).read_text() for file in ("CHANGELOG.md", "docs/migration.md")]
        messages += deprecations.problems(now, *documents, datetime.date.today())
    print("\n".join(messages) or f"{len(now)} lines, as promised")
    return 1 if messages else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in PROMISE:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
