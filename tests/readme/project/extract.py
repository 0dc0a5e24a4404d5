#!/usr/bin/env python3
"""Writes the C++ blocks of a Markdown page to FOLDER/snippet_LINE.cpp, ready to compile.

usage: extract.py ROOT PAGE FOLDER      PAGE is below ROOT, the repository
A block that defines a function, a type or a namespace at the left margin is taken as it stands; another is a sequence of
statements, and gets a function around all but its #include and using lines. What follows ```cpp says more:
  continues   the block goes on where the one before it ended, in the same file
  of FILE     the block is a part of that file, which is compiled elsewhere; it is an error when it is not
"""
import pathlib
import re
import sys


BLOCK = re.compile(r"^```cpp(?: (continues|of (\S+)))?\n(.*?)^```$", re.M | re.S)
DEFINITION = re.compile(r"^(?:(?:struct|class|namespace|template)\b|(?!if\b|for\b|while\b|switch\b)\w[^;=]*\)[^;=()]*\{$)",
                        re.M)


def translation_unit(blocks, where):
    """The text of a file that holds the blocks, (first line, text) each."""
    top, body = [], []
    for line, block in blocks:
        if DEFINITION.search(block):
            top.append(f'#line {line} "{where}"\n{block}')
            continue
        for number, text in enumerate(block.split("\n"), line):
            outside = text.startswith(("#include", "using "))
            (top if outside else body).append(f'#line {number} "{where}"\n{text}')
    if body:
        body = ["void snippet() {", *body, "}"]
    return "\n".join([*top, *body, ""])


def chains(root, page):
    """Lists of blocks that belong together."""
    text = (root / page).read_text(encoding="utf-8")
    chain = []
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        if found[2]:
            if found[3] not in (root / found[2]).read_text(encoding="utf-8"):
                sys.exit(f"{page}:{line}: this is not in {found[2]}")
            continue
        if chain and found[1] != "continues":
            yield chain
            chain = []
        chain.append((line, found[3]))
    if chain:
        yield chain


def main():
    root, page, folder = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for chain in chains(root, page):
        (folder / f"snippet_{chain[0][0]:04}.cpp").write_text(translation_unit(chain, root / page))


if __name__ == "__main__":
    main()
