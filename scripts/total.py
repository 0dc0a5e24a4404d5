#!/usr/bin/env python3
"""Adds up CTest's JUnit reports: each skip with its reason, then one line "N passed, N failed, N skipped".

usage: total.py [REPORT.xml | broken:WHAT]...    exit code 1 when anything failed or nothing passed
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def skip_reason(case):
    """Why a test was skipped or disabled: what follows GoogleTest's "Skipped" line, a line "skipped: reason", else CTest's words."""
    if case.get("status") == "disabled":
        return "disabled"
    output = case.findtext("system-out") or ""
    found = re.search(r"^.*: Skipped\n(.*?)(?=^\[|\Z)", output, re.M | re.S)
    if found and found.group(1).strip():
        return " ".join(found.group(1).split())
    found = re.search(r"^skip(?:ped)?:\s*(.+)$", output, re.M | re.I)
    if found:
        return found.group(1).strip()
    element = case.find("skipped")
    return (element.get("message") if element is not None else "") or "no reason given"


def main():
    passed = failed = skipped = 0
    for argument in sys.argv[1:]:
        if argument.startswith("broken:"):
            print(f"FAILED: {argument.removeprefix('broken:')}")
            failed += 1
            continue
        try:
            cases = list(ElementTree.parse(argument).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"FAILED: {argument}: {error}")
            failed += 1
            continue
        for case in cases:
            status = case.get("status")
            if status == "run":
                passed += 1
            elif status == "disabled" or (status == "notrun" and case.find("skipped") is not None
                                          and case.find("skipped").get("message", "").startswith("SKIP_")):
                skipped += 1
                print(f"skipped: {case.get('name')}: {skip_reason(case)}")
            else:  # "fail", or not run for want of its program or fixture
                failed += 1
                print(f"FAILED: {case.get('name')}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
