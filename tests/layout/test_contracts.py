#!/usr/bin/env python3
"""contracts.py finds a contract that lacks a part, and a page that is behind the headers."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CONTRACTS = pathlib.Path(__file__).resolve().parents[2] / "tools" / "contracts.py"
WHOLE = "/// y = x.\n/// Input: x. Output: y.\n/// Weights: none.\n/// Behaviour: copies.\n/// Errors: none.\n"


class Contracts(unittest.TestCase):
    def run_on(self, comment, *options, page=None):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src/ttt/building_blocks").mkdir(parents=True)
            (root / "docs").mkdir()
            (root / "src/ttt/building_blocks/block.h").write_text(f"{comment}class Block {{\n  void forward(int x);\n}};\n")
            if page is not None:
                (root / "docs/contracts.md").write_text(page)
            run = subprocess.run([sys.executable, CONTRACTS, "--root", folder, *options], capture_output=True, text=True)
            return run.returncode, run.stdout

    def test_a_whole_contract_passes(self):
        self.assertEqual(self.run_on(WHOLE, "--write"), (0, "1 contracts, each complete\n"))

    def test_a_missing_part_is_named(self):
        code, output = self.run_on(WHOLE.replace("/// Behaviour: copies.\n", ""), "--write")
        self.assertEqual(code, 1)
        self.assertIn("Block says Input: Output: Weights: Errors:", output)

    def test_no_comment_at_all_is_found(self):
        self.assertIn("Block says nothing", self.run_on("", "--write")[1])

    def test_an_old_page_is_found(self):
        code, output = self.run_on(WHOLE, page="# Contracts\n")
        self.assertEqual(code, 1)
        self.assertIn("run tools/contracts.py --write", output)


if __name__ == "__main__":
    unittest.main()
