#!/usr/bin/env python3
"""check_layers.py finds what it is there to find, in small trees made for it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"


class CheckLayers(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {"src/ttt/core/a.h": "", "src/ttt/ops/o.h": "", "src/ttt/text/t.h": "",
                               "src/ttt/patterns/p.h": "", "src/backends/cpu/c.h": "", **files}.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            run = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True)
            return run.returncode, run.stdout

    def assert_ok(self, files):
        code, output = self.check(files)
        self.assertEqual(code, 0, output)

    def assert_violation(self, files, words):
        code, output = self.check(files)
        self.assertEqual(code, 1)
        self.assertIn(words, output)

    def test_left_is_allowed(self):
        self.assert_ok({"src/ttt/ops/x.cpp": '#include "ttt/core/a.h"\n#include "ttt/ops/o.h"\n#include <vector>\n'})
        self.assert_ok({"src/backends/cpu/x.cpp": '#include "c.h"\n#include "ttt/ops/o.h"\n'})
        self.assert_ok({"src/testing/x.cpp": '#include "ttt/patterns/p.h"\n#include "backends/cpu/c.h"\n'})

    def test_right_is_not(self):
        self.assert_violation({"src/ttt/core/x.h": '#include "ttt/ops/o.h"\n'}, "core includes ops")
        self.assert_violation({"src/ttt/core/x.h": '#include <ttt/ops/o.h>\n'}, "core includes ops")
        self.assert_violation({"src/ttt/core/x.h": '#include "../ops/o.h"\n'}, "core includes ops")

    def test_text_and_backends(self):
        self.assert_violation({"src/ttt/text/x.h": '#include "ttt/ops/o.h"\n'}, "text includes ops")
        self.assert_violation({"src/ttt/patterns/x.h": '#include "ttt/text/t.h"\n'}, "patterns includes text")
        self.assert_violation({"src/backends/cpu/x.h": '#include "ttt/patterns/p.h"\n'}, "backends/cpu includes patterns")
        self.assert_violation({"src/backends/gpu/x.h": '#include "backends/cpu/c.h"\n'}, "includes backends/cpu")
        self.assert_violation({"src/ttt/ops/x.cpp": '#include "backends/cpu/c.h"\n'}, "ops includes backends/cpu")
        self.assert_violation({"src/ttt/ops/x.cpp": '#include "models/m/m.h"\n'}, "includes models")

    def test_names(self):
        self.assert_violation({"src/ttt/ops/x.cpp": 'int llama_rope;\n'}, "x.cpp:1: a model's name")
        self.assert_violation({"src/ttt/ops/x.cpp": '\nauto s = "Qwen2";  // a comment\n'}, "x.cpp:2")
        self.assert_violation({"src/ttt/ops/x.cpp": 'auto s = "// no comment: gemma";\n'}, "x.cpp:1")
        self.assert_violation({"src/ttt/ops/mistral_mask.h": ''}, "in a path")
        self.assert_ok({"src/ttt/ops/x.cpp": '// as llama.cpp does\n/* Qwen\n gemma */ int coherent;\n'})
        self.assert_ok({"src/ttt/ops/x.cpp": 'auto s = "llama3";  // format name\n'})


if __name__ == "__main__":
    unittest.main()
