#!/usr/bin/env python3
"""Today's program reads the files that released ones wrote (baseline/files), and does what they say.

usage: test_files.py PROGRAM GOLDENS_FOLDER
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

program, model = sys.argv[1], pathlib.Path(sys.argv[2]) / "llama-rows-of-64"
FILES = pathlib.Path(__file__).resolve().parent / "baseline" / "files"


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_program(self, *arguments):
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)

    def logits(self, *arguments):
        """The file that the verb writes."""
        output = self.folder / "logits.safetensors"
        done = self.run_program("logits", "--model", model, "--ids", "1,2,3", "-o", output, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return output.read_bytes()

    def refuses(self, flag, document, word):
        file = self.folder / "edited.json"
        file.write_text(json.dumps(document))
        done = self.run_program("inspect", "--model", model, flag, file)
        self.assertEqual(done.returncode, 1)
        self.assertIn(word, done.stderr)

    def test_settings(self):
        file = FILES / "settings.json"
        self.assertNotEqual(self.logits("--settings", file), self.logits())  # its weight formats round
        settings = json.loads(file.read_text())
        self.refuses("--settings", {**settings, "weight_format": []}, "weight_format")
        self.refuses("--settings", {**settings, "device_params": {"attention": {"page": 32}}}, "page")

    def test_device_parameters(self):
        file = FILES / "device_params.json"
        self.logits("--device-params", file)
        params = json.loads(file.read_text())
        tuned = self.run_program("tune", "--model", model, "--device-params", file, "-p", 2, "-n", 1, "-r", 1, "--json",
                                 "-o", self.folder / "tuned.json")
        self.assertEqual(tuned.returncode, 0, tuned.stderr)
        self.refuses("--device-params", {**params, "attend": {}}, "attend")
        self.refuses("--device-params", {**params, "linear": {"rows": 64}}, "rows")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
