#!/usr/bin/env python3
"""Every message that docs/troubleshooting.md explains is one that the sources write.

usage: test_troubleshooting.py REPOSITORY
"""
import pathlib
import re
import sys

FOLDERS = ("apps", "cmake", "models", "src")
# From CLI11.
FOREIGN = {"Exactly 1 option from"}


def sources(root):
    """The files that hold messages; string literals that stand side by side are joined."""
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.suffix in {".cpp", ".h", ".cmake", ".in"}:
                yield re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8")).replace('\\"', '"')


def main():
    root = pathlib.Path(sys.argv[1])
    text = "\n".join(sources(root))
    messages = re.findall(r"^### `(.*)`$", (root / "docs/troubleshooting.md").read_text(encoding="utf-8"), re.M)
    missing = []
    for message in messages:
        parts = [re.escape(part) for part in message.split("…")]
        if message not in FOREIGN and not re.search("[^\\n]*".join(parts), text):
            missing.append(message)
    print("\n".join(f"no source writes: {message}" for message in missing) or f"{len(messages)} messages, each in the sources")
    return 1 if missing or not messages else 0


sys.exit(main())
