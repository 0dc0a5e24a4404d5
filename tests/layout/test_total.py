#!/usr/bin/env python3
"""scripts/total.py counts what CTest reports, and calls nothing passed that did not run."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOTAL = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "total.py"
CASE = '<testcase name="{}" status="{}">{}<system-out>{}</system-out></testcase>'


class Total(unittest.TestCase):
    def total(self, *cases, more=()):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.xml"
            report.write_text("<testsuite>" + "".join(CASE.format(*case) for case in cases) + "</testsuite>")
            run = subprocess.run([sys.executable, TOTAL, report, *more], capture_output=True, text=True)
            return run.returncode, run.stdout.splitlines()

    def test_all_well(self):
        self.assertEqual(self.total(("a", "run", "", ""), ("b", "run", "", "")), (0, ["2 passed, 0 failed, 0 skipped"]))

    def test_reasons_of_skips(self):
        code, lines = self.total(
            ("a", "run", "", ""),
            ("b", "notrun", '<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>',
             "[ RUN      ] B.b\n/x/b.cpp:3: Skipped\nno such device\n\n[  SKIPPED ] B.b (0 ms)\n"),
            ("c", "notrun", '<skipped message="SKIP_RETURN_CODE=77"/>', "skipped: no model\n"))
        self.assertEqual(code, 0)
        self.assertEqual(lines, ["skipped: b: no such device", "skipped: c: no model", "1 passed, 0 failed, 2 skipped"])

    def test_failures(self):
        code, lines = self.total(
            ("a", "fail", '<failure message=""/>', ""),
            ("b", "notrun", '<skipped message="Unable to find executable"/>', ""),
            ("c", "notrun", '<skipped message="Fixture dependency failed"/>', ""), more=["broken:build in build"])
        self.assertEqual(code, 1)
        self.assertEqual(lines[-1], "0 passed, 4 failed, 0 skipped")

    def test_nothing_ran(self):
        self.assertEqual(self.total()[0], 1)
        code, lines = self.total(("a", "run", "", ""), more=["/no/such/report.xml"])
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
