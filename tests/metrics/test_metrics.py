#!/usr/bin/env python3
"""The metrics count what they say, on small trees and histories made for it."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools" / "metrics"
sys.path.insert(0, str(TOOLS))
import families  # noqa: E402
import gcov  # noqa: E402
import name_check  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def git(self, *arguments):
        settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *settings, "-C", self.root, *arguments], check=True, capture_output=True)

    def commit(self, files):
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-m", "more")


class Families(Tree):
    def test_folders_and_names(self):
        self.write({"models/CMakeLists.txt": "", "models/common/CMakeLists.txt": "", "models/notes/README.md": "",
                    "models/one/CMakeLists.txt": "", "models/two_x/CMakeLists.txt": "",
                    "models/two_x/tests/t.cpp": '.model_types = {"two_y", "two_z"},',
                    "models/registry.cpp": 'Family{"three-w", load},'})
        self.assertEqual(families.families(self.root), ["one", "two_x"])
        self.assertEqual(families.model_types(self.root, "two_x"), ["two_y", "two_z"])
        self.assertEqual(families.names(self.root), ["one", "three-w", "two_x", "two_y", "two_z"])

    def test_lines(self):
        self.write({"models/one/one.cpp": "a\nb\n", "models/one/one.h": "c\n", "models/one/README.md": "d\n",
                    "models/one/tests/t.cpp": "e\n"})
        self.assertEqual(families.model_lines(self.root, "one"), 3)


class History(Tree):
    def setUp(self):
        super().setUp()
        try:
            self.git("init", "-q")
        except OSError as error:
            self.skipTest(f"no git: {error}")

    def test_src_lines_of_the_commit_that_added_the_folder(self):
        self.commit({"src/a.h": "1\n2\n", "models/zeta/CMakeLists.txt": ""})
        self.commit({"models/beta/CMakeLists.txt": "", "models/alpha/CMakeLists.txt": "", "src/a.h": "1\n3\n4\n"})
        self.commit({"models/gamma/CMakeLists.txt": "", "docs/x": "x\n"})
        self.commit({"models/gamma/gamma.cpp": "", "src/a.h": ""})
        self.write({"models/new/CMakeLists.txt": "", "src/a.h": "1\n"})
        rows = [(row.family, row.src_lines, row.families_in_commit) for row in families.added(self.root)]
        self.assertEqual(rows, [("zeta", 2, 1), ("alpha", 3, 2), ("beta", 3, 2), ("gamma", 0, 1), ("new", 1, 1)])
        self.assertIsNone(families.no_history(self.root))

    def test_no_history(self):
        self.commit({"models/one/CMakeLists.txt": ""})
        self.commit({"models/two/CMakeLists.txt": ""})
        with tempfile.TemporaryDirectory() as folder:
            self.git("clone", "-q", "--depth", "1", f"file://{self.root}", folder)
            self.assertIn("shallow", families.no_history(pathlib.Path(folder)))
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("not a git repository", families.no_history(pathlib.Path(folder)))


class Names(Tree):
    def found(self, files, allowed=()):
        self.write(files)
        return name_check.violations(self.root, ["gpt_oss", "olmo2", "phi"], allowed)

    def test_words_in_any_spelling(self):
        for text in ("int gpt_oss;", '"GPT-OSS"', "// OLMo 2\n", "olmo2_rope()", "load_phi();"):
            with self.subTest(text):
                self.assertEqual(len(self.found({"src/a.cpp": text})), 1)

    def test_parts_of_words_are_others(self):
        self.assertEqual(self.found({"src/a.cpp": "graphics phi3 dolphin olmo22 gptoss1"}), [])

    def test_paths(self):
        self.assertIn("in a path", self.found({"src/phi/a.h": ""})[0])

    def test_allowances(self):
        rule = ("src/a.cpp", "phi", "a letter")
        self.assertEqual(self.found({"src/a.cpp": "Phi(x)"}, [rule]), [])
        self.assertEqual(len(self.found({"src/b.cpp": "Phi(x)"}, [rule])), 1)
        self.assertEqual(self.found({"src/a.cpp": "", "src/b.cpp": ""}, [rule]),
                         ["src/a.cpp: nothing there needs the allowance for phi"])


class Gcov(unittest.TestCase):
    def test_a_line_counts_once_and_only_below_the_root(self):
        def document(file, *lines):
            return json.dumps({"files": [{"file": file, "lines": [{"line_number": n, "count": c} for n, c in lines]}]})
        text = "\n".join([document("/r/src/a.h", (1, 0), (2, 5), (3, 0)), document("../src/a.h", (2, 1), (3, 2)),
                          document("/usr/include/b.h", (1, 9))])
        self.assertEqual(gcov.parse(text, pathlib.Path("/r"), pathlib.Path("/r/build")), {("src/a.h", 2), ("src/a.h", 3)})


class Table(Tree):
    ADDED = {"families": [{"family": "one", "commit": "a", "src_lines": 900, "families_in_commit": 1},
                          {"family": "two", "commit": "b", "src_lines": 7, "families_in_commit": 2},
                          {"family": "three", "commit": "b", "src_lines": 7, "families_in_commit": 2}], "skipped": None, "names": []}
    LINES = {"families": {"one": 10, "two": 20, "three": 30}, "median": 20, "limit": 120, "common": 5}
    REUSE = {"families": [{"family": name, "first_run": first, "share": 0.9} for name, first in (("one", 50), ("two", 3), ("three", 0))],
             "limit": 0.8, "wrong": []}
    TIMES = {"runs": [{"families": n, "tests": 4, "programs": 2, "tier1": 1.0, "tier2": 0.5, "tier2_tests": 3} for n in (1, 3)],
             "tier3": {"one": 1.0, "two": 2.0, "three": 3.0}, "wrong": []}

    def table(self, *more, **changed):
        results = {"add_model": self.ADDED, "model_lines": self.LINES, "reuse": self.REUSE, "test_time": self.TIMES, **changed}
        self.write({f"{name}.json": json.dumps(result) for name, result in results.items()})
        done = subprocess.run([sys.executable, TOOLS / "table", self.root, *more], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_a_row_a_family(self):
        code, text = self.table()
        self.assertEqual(code, 0, text)
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")][2:]
        self.assertEqual(cells, [["one", "10", "the first", "the first", "90.0%", "1.00"], ["two", "20", "7, of 2 families", "3", "90.0%", "2.00"],
                                 ["three", "30", "7, of 2 families", "0", "90.0%", "3.00"]])
        self.assertIn("the other 2 families: 7", text)
        self.assertIn("1 of 2 (aim: half; met)", text)

    def test_broken_limits_fail(self):
        for name, result, change in (("add_model", self.ADDED, {"names": ["src/a.h:1: one"]}), ("model_lines", self.LINES, {"median": 121}),
                                     ("reuse", self.REUSE, {"wrong": ["one: 70%"]}), ("test_time", self.TIMES, {"wrong": ["other tests"]})):
            with self.subTest(name):
                code, text = self.table(**{name: {**result, **change}})
                self.assertEqual(code, 1)
                self.assertEqual(text.count("BROKEN: "), 1)

    def test_without_history(self):
        code, text = self.table(add_model={"families": [], "skipped": "a shallow clone", "names": []})
        self.assertEqual(code, 0, text)
        self.assertIn("SKIPPED, a shallow clone", text)
        self.assertIn("not known", text)

    def test_write(self):
        page = self.root / "page.md"
        page.write_text("before\n<!-- metrics: begin -->\nold\n<!-- metrics: end -->\nafter\n")
        self.assertEqual(self.table("--write", page)[0], 0)
        text = page.read_text()
        self.assertTrue(text.startswith("before\n<!-- metrics: begin -->\n| family") and text.endswith("<!-- metrics: end -->\nafter\n"), text)
        self.assertNotIn("old", text)


if __name__ == "__main__":
    unittest.main()
