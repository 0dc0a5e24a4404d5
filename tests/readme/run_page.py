#!/usr/bin/env python3
"""Does what a page says, in order, in an empty folder: each ```sh block is run (```sh fails: must fail), each ```diff is
applied as a patch, and each ```text must be what the block before it printed.

usage: run_page.py PAGE.md FOLDER     (the commands see this process's environment)
"""
import pathlib
import re
import shutil
import subprocess
import sys

BLOCK = re.compile(r"^```(sh|sh fails|diff|text)\n(.*?)^```$", re.M | re.S)


def run(command, given, folder):
    done = subprocess.run(command, input=given, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout, end="", flush=True)
    return done.returncode, done.stdout


def main():
    page, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    blocks, printed = BLOCK.findall(page.read_text(encoding="utf-8")), ""
    assert any(kind == "sh" for kind, _ in blocks), f"{page} has no command"
    for kind, text in blocks:
        print(f"== {kind}\n{text}", flush=True)
        if kind == "text":
            assert text == printed, f"{page} says that this is printed:\n{text}\nbut it is:\n{printed}"
            continue
        command = ["patch", "-p0", "--fuzz=0"] if kind == "diff" else ["bash", "-euo", "pipefail"]
        code, printed = run(command, text, folder)
        assert (code != 0) == (kind == "sh fails"), f"{page}: exit code {code} after\n{text}"


main()
