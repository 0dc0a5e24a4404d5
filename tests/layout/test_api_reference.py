#!/usr/bin/env python3
"""The settings of the API reference: a public symbol without documentation is an error, and headers read as they should."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SETTINGS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "doxygen"
HEADER = """#pragma once
namespace ttt::inline v2 {{
/// A thing.
struct Thing {{
  int size;{size}
  void forward(int x) const;
 private:
  int hidden_;
}};
}}  // namespace ttt::inline v2
"""


class ApiReference(unittest.TestCase):
    def run_on(self, header):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            shutil.copytree(SETTINGS, root / "docs/doxygen")
            (root / "src/ttt/core").mkdir(parents=True)
            (root / "src/ttt/core/thing.h").write_text(header)
            (root / "docs/doxygen/main.dox").write_text("/// @namespace ttt\n/// The library.\n")
            run = subprocess.run(["doxygen", "docs/doxygen/Doxyfile"], cwd=root, capture_output=True, text=True,
                                 env={**os.environ, "TTT_API_FOLDER": folder, "TTT_VERSION": "2"})
            page = root / "structttt_1_1Thing.html"
            return run.returncode, run.stderr, page.read_text() if page.exists() else ""

    def test_what_is_documented_passes(self):
        code, errors, page = self.run_on(HEADER.format(size="  ///< in bytes"))
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("in bytes", page)

    def test_a_member_without_documentation_is_an_error(self):
        code, errors, _ = self.run_on(HEADER.format(size=""))
        self.assertNotEqual(code, 0)
        self.assertIn("thing.h:5: error: Member size", errors)

    def test_every_block_has_its_forward_described(self):
        self.assertIn("what the contract above says", self.run_on(HEADER.format(size="  ///< in bytes"))[2])


if __name__ == "__main__":
    if not shutil.which("doxygen"):
        print("skipped: doxygen is not installed (scripts/setup.sh)")
        sys.exit(77)
    unittest.main()
