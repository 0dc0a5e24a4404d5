"""Which lines a program compiled with --coverage has executed, by gcov."""
import json
import os
import pathlib
import subprocess


def parse(text, root, folder):
    """The executed lines (path below root, number) in gcov's JSON reports, one document a line."""
    found = set()
    for document in text.splitlines():
        for file in json.loads(document)["files"]:
            # gcov names files as the compiler did: absolute, or below the folder it ran in.
            path = pathlib.Path(os.path.normpath(folder / file["file"]))
            if path.is_relative_to(root):
                name = str(path.relative_to(root))
                found.update((name, line["line_number"]) for line in file["lines"] if line["count"] > 0)
    return found


def executed(root, folder):
    """The lines executed by programs built in `folder` since their counters (*.gcda) were removed."""
    # All objects: the linker keeps one copy of an inline function or a template, of whichever object.
    counters = [str(file.relative_to(folder)) for file in sorted(folder.rglob("*.gcda"))]
    if not counters:
        raise RuntimeError(f"{folder}: no coverage was counted")
    report = subprocess.run(["gcov", "--json-format", "--stdout", *counters], cwd=folder, check=True, capture_output=True, text=True)
    return parse(report.stdout, root, folder)
