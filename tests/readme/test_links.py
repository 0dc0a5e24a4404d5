#!/usr/bin/env python3
"""Every link of the documents to a file of the repository, or to a heading in one, leads somewhere.

usage: test_links.py REPOSITORY
"""
import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$", re.M | re.S)


def anchors(page):
    """What GitHub calls the headings of a page."""
    for heading in re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text(encoding="utf-8")), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(page, root):
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{page.relative_to(root)}: {link} does not exist"
        elif anchor and anchor not in anchors(target):
            yield f"{page.relative_to(root)}: {link}: there is no such heading"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    pages = [*root.glob("*.md"), *(root / "docs").glob("*.md"), root / "tests/goldens/README.md"]
    problems = [problem for page in pages for problem in broken(page, root)]
    print("\n".join(problems) or f"the links of {len(pages)} pages lead somewhere")
    return 1 if problems or not pages else 0


sys.exit(main())
