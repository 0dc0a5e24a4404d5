#!/usr/bin/env python3
"""Writes each ```cpp block of a Markdown file to FOLDER/snippet_LINE.cpp, ready to compile.

usage: extract.py README.md FOLDER
A block that defines a function, a type or a namespace at the left margin is taken as it stands; another is a sequence of
statements, and gets a function around all but its #include and using lines.
"""
import pathlib
import re
import sys


DEFINITION = re.compile(r"^(?:(?:struct|class|namespace|template)\b|(?!if\b|for\b|while\b|switch\b)\w[^;=]*\)[^;=()]*\{$)",
                        re.M)


def translation_unit(block, where, line):
    if DEFINITION.search(block):
        return f'#line {line} "{where}"\n{block}'
    top, body = [], []
    for number, text in enumerate(block.split("\n"), line):
        outside = text.startswith(("#include", "using "))
        (top if outside else body).append(f'#line {number} "{where}"\n{text}')
    return "\n".join([*top, "void snippet() {", *body, "}", ""])


def main():
    readme, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    text = readme.read_text(encoding="utf-8")
    for found in re.finditer(r"^```cpp\n(.*?)^```$", text, re.M | re.S):
        line = text.count("\n", 0, found.start(1)) + 1
        (folder / f"snippet_{line:04}.cpp").write_text(translation_unit(found.group(1), readme, line))


if __name__ == "__main__":
    main()
