#!/usr/bin/env python3
"""Every building block states its contract in its header: Input, Output, Weights, Behaviour, Errors, each once, in that order.

usage: contracts.py [--write]     checks the headers, and that docs/contracts.md says what they say; --write makes that page
A building block is a class with a `forward`; its contract is the /// comment right above it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PARTS = ["Input:", "Output:", "Weights:", "Behaviour:", "Errors:"]
PART = re.compile(r"\b(" + "|".join(PARTS) + ")")
CLASS = re.compile(r"^((?:///[^\n]*\n)*)(?:class|struct) (\w+)[^;{]*\{(.*?)^\};", re.M | re.S)


def contracts(root):
    for header in sorted((root / "src/ttt/building_blocks").rglob("*.h")):
        for comment, name, body in CLASS.findall(header.read_text(encoding="utf-8")):
            if re.search(r"\bvoid forward\(", body):
                yield header.relative_to(root), name, " ".join(line[3:].strip() for line in comment.splitlines())


def page(found):
    lines = ["# Contracts of the building blocks", "", "Written by `tools/contracts.py --write` from the headers. Tier 1 checks them; `step`, `Write` and `BlockOutput`",
             "are explained in `src/ttt/building_blocks/step.h` and `output.h`.", ""]
    for header, name, contract in found:
        what, *parts = PART.split(contract)
        lines += [f"## {name}", "", f"`{header}`: {what.strip()}", ""]
        lines += [f"- **{part[:-1]}** {text.strip()}" for part, text in zip(parts[::2], parts[1::2])] + [""]
    return "\n".join(lines)


def main():
    root = pathlib.Path(sys.argv[sys.argv.index("--root") + 1]) if "--root" in sys.argv else ROOT
    found = list(contracts(root))
    problems = [f"{header}: {name} says {' '.join(PART.findall(contract)) or 'nothing'}; expected {' '.join(PARTS)}"
                for header, name, contract in found if PART.findall(contract) != PARTS]
    document = root / "docs/contracts.md"
    if "--write" in sys.argv and not problems:
        document.write_text(page(found), encoding="utf-8")
    if not problems and (not document.exists() or document.read_text(encoding="utf-8") != page(found)):
        problems.append(f"{document} is not what the headers say: run tools/contracts.py --write")
    print("\n".join(problems) if problems else f"{len(found)} contracts, each complete")
    return 1 if problems or not found else 0


sys.exit(main())
