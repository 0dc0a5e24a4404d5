#!/usr/bin/env python3
"""`ttt migrate scan`: committed answers for sources in version 1's style, none for those in version 2's, and files that are no sources.

usage: test_scan.py PROGRAM GOLDENS_FOLDER
"""
import json
import os
import random
import time

import migrate_support
from migrate_support import expected, support


class Scan(migrate_support.Case):
    def scan(self, folder, *flags, code, **options):
        return self.ends_well("scan", folder, *flags, codes=(code,), **options)

    def findings(self, text, name="model.py"):
        """(line, pattern) of what is found in a source of that text."""
        file = self.folder / name
        file.write_text(text)
        done = self.scan(file, "--json", code=3 if self.found(file) else 0)
        return [(finding["line"], finding["pattern"]) for finding in json.loads(done.stdout)["findings"]]

    def found(self, file):
        return self.ends_well("scan", file, codes=(0, 3)).returncode == 3

    def test_committed_answers(self):
        samples = self.samples()
        for _ in range(2):  # the same order every time
            self.assertEqual(self.scan("v1", code=3, cwd=samples).stdout, expected("scan-v1.txt"))
        self.assertEqual(self.scan("v1", "--json", code=3, cwd=samples).stdout, expected("scan-v1.json"))
        self.assertEqual(self.scan("v2", code=0, cwd=samples).stdout, "0 found in 0 of 2 files\n")
        self.assertEqual(json.loads(self.scan("v2", "--json", code=0, cwd=samples).stdout), {"files": 2, "findings": [], "skipped": []})

    def test_this_librarys_models_have_none(self):
        done = self.scan("models", code=0, cwd=migrate_support.HERE.parents[1])
        self.assertRegex(done.stdout, "^0 found in 0 of [1-9][0-9]+ files\n$")

    def test_comments_and_strings(self):
        self.assertEqual(self.findings('# if model_type == "llama":\n"""if model_type == "llama":"""\nx = "if is_galaxy:"\n'), [])
        self.assertEqual(self.findings('// is_galaxy ?\n/* if (model_type == "llama")\n */ auto x = "tile_size";\n', "model.h"), [])
        self.assertEqual(self.findings("x = '''\nis_galaxy\n''' if is_galaxy else 1\n"), [(3, "device-branch")])
        self.assertEqual(self.findings('auto x = R"--(")" is_galaxy)--"; if (is_galaxy) {}\n', "model.h"), [(1, "device-branch")])
        self.assertEqual(self.findings('x = "\\\\"; y = 1 if is_galaxy else 2\n'), [(1, "device-branch")])

    def test_conditions_over_several_lines(self):
        self.assertEqual(self.findings('if (a\n        and model_type\n        == "llama"):\n    pass\n'), [(2, "model-branch")])
        self.assertEqual(self.findings('if a and \\\n   is_galaxy:\n    pass\n'), [(2, "device-branch")])
        self.assertEqual(self.findings("x = f(\n    1 if is_galaxy\n    else 2)\n"), [(2, "device-branch")])
        self.assertEqual(self.findings("auto x = is_galaxy\n  ? 1\n  : 2;\n", "model.cpp"), [(1, "device-branch")])
        self.assertEqual(self.findings("#if A && \\\n  defined(ARCH_BLACKHOLE)\n#endif\n", "model.cpp"), [(2, "device-branch")])

    def test_what_is_no_branch(self):
        self.assertEqual(self.findings("if model_name is None:\n    is_galaxy = num_devices\nmode = Mode.DECODE\n"), [])
        self.assertEqual(self.findings('f(model_type="llama", mode="decode", scale=1.0)\nconfig["model_type"] = "llama"\n'), [])

    def test_whose_scale(self):
        """A block of version 1 may not compute it; a model that uses the library's blocks has to."""
        computed = "const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));\n"
        self.assertEqual(self.findings(computed, "model.cpp"), [(1, "hard-coded-scale")])
        for header in ('"ttt/patterns/causal_lm.h"', "<ttt/patterns/causal_lm.h>"):
            self.assertEqual(self.findings(f"#include {header}\n" + computed, "model.cpp"), [])
            self.assertEqual(self.findings(f"#include {header}\nfloat scale = 0.125f;\n", "model.cpp"), [])

    def test_forms_of_a_scale(self):
        for text in ("scale = 0.125", "s = head_dim ** -0.5", "s = self.head_dim ** (-0.5)", "s = 1.0 / (head_dim ** 0.5)", "s = 1 / math.sqrt(head_dim)",
                     "s = pow(head_dim, -0.5)"):
            self.assertEqual(self.findings(text + "\n"), [(1, "hard-coded-scale")], text)
        for text in ("auto s = rsqrtf(head_dim);", "auto s = 1.f / sqrtf(float(head_dim));", "auto s = std::pow(head_dim, -0.5f);"):
            self.assertEqual(self.findings(text + "\n", "model.cpp"), [(1, "hard-coded-scale")], text)
        self.assertEqual(self.findings("s = width ** -0.5\nt = head_dim ** 0.5\nu = pow(head_dim, 2)\nscale = 1.0\n"), [])

    def test_forms_of_a_branch(self):
        for text in ('if config["model_type"] == "llama":', 'if config.get("model_type") == "llama":', 'if "llama" == config["model_type"]:',
                     'if model_name().lower().startswith("llama"):'):
            self.assertEqual(self.findings(text + "\n    pass\n"), [(1, "model-branch")], text)
        self.assertEqual(self.findings('config["model_type"] = "llama"\nname = config.get("model_type")\n'), [])
        self.assertEqual(self.findings("if mesh.get_num_devices() > 1:\n    pass\n"), [(1, "device-branch")])

    def test_forms_of_a_tile_size(self):
        for text in ("rows = (n + 31) // 32", "rows = (n + 32 - 1) // 32"):
            self.assertEqual(self.findings(text + "\n"), [(1, "tile-size")], text)
        self.assertEqual(self.findings("auto rows = (n + 31) & ~31;\n", "model.cpp"), [(1, "tile-size")])
        self.assertEqual(self.findings("rows = (n + 31) // 8\nmore = n + 32 - 1\n"), [])

    def test_whose_folder(self):
        """Only the folders below `models` say which model a file is of: a checkout may be called anything."""
        text = "from models.llama.attention import Attention\n"
        for file, found in (("models/llama/mlp.py", 0), ("models/gemma/mlp.py", 1), ("llama/models/gemma/mlp.py", 1)):
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.assertEqual(self.scan(path, code=3 if found else 0).stdout.count("cross-model-import"), found, file)
        self.assertEqual(self.scan("mlp.py", code=0, cwd=self.folder / "models/llama").stdout, "0 found in 0 of 1 files\n")

    def test_what_hides_the_rest(self):
        for name, text in (("a.py", 'x = 1\n"""\nif is_galaxy:\n'), ("a.cpp", "int x;\n/* if (is_galaxy)\n"), ("b.cpp", 'int x;\nauto y = R"(is_galaxy ?')):
            file = self.folder / name
            file.write_text(text)
            self.assertIn("line 2: a comment or string begins that never ends", self.scan(file, code=0).stderr)

    def test_files_that_are_no_sources(self):
        folder = self.folder / "tree"
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "bad_utf8.py").write_bytes(b"x = '\xff\xfe'\nif is_galaxy\xc3:\n  pass\nif is_galaxy: # \xff\n  pass\n")
        (folder / "binary.py").write_bytes(b"\x7fELF\x00\x01if is_galaxy:")
        (folder / "empty.py").write_bytes(b"")
        (folder / "huge.py").write_bytes(b"# \n" * (3 << 20))
        (folder / "notes.txt").write_text("if is_galaxy:")
        (folder / "up").symlink_to(folder)
        (folder / "gone.py").symlink_to(folder / "absent")
        (folder / "loop.py").symlink_to(folder / "loop.py")
        os.mkfifo(folder / "pipe.py")
        done = self.scan(folder, code=3)
        self.assertEqual(len(done.stdout.splitlines()), 3, done.stdout)
        self.assertIn("bad_utf8.py:4: device-branch", done.stdout)
        for name, says in (("binary.py", "binary"), ("huge.py", "bytes, more than"), ("up", "not followed"), ("gone.py", "cannot open"), ("loop.py", "cannot open"),
                           ("pipe.py", "not a regular file")):
            self.assertTrue(any(name in line and says in line for line in done.stderr.splitlines()), (name, done.stderr))
        skipped = json.loads(self.scan(folder, "--json", code=3).stdout)["skipped"]
        self.assertEqual([name.removeprefix(f"{folder}/") for name in skipped], ["binary.py", "gone.py", "huge.py", "loop.py", "pipe.py"])
        self.assertIn("can be scanned", self.scan(folder / "binary.py", code=1).stderr.splitlines()[-1])
        self.scan(folder / "notes.txt", code=1)
        self.scan(folder / "absent", code=1)
        (self.folder / "nothing").mkdir()
        self.assertIn("holds no Python or C++ source", self.scan(self.folder / "nothing", code=1).stderr)

    def test_broken_sources(self):
        """One run over every way to cut the samples short, and noise."""
        folder = self.folder / "broken"
        folder.mkdir()
        for source in (migrate_support.HERE / "samples/v1/cpp/decoder.cpp", migrate_support.HERE / "samples/v1/models/demos/acme/attention.py"):
            for i, text in enumerate(migrate_support.broken(source.read_bytes(), 7)):
                (folder / f"{i}{source.suffix}").write_bytes(text.replace(b"\0", b" "))
        noise = random.Random(7)
        for i in range(100):
            characters = bytes(noise.choices(b"\"'\\\n(){}[]#/*R?:.<>=-! ifelsmodt\xff08_", k=noise.randrange(2000)))
            (folder / f"noise{i}{'.py' if i % 2 else '.h'}").write_bytes(characters)
        self.scan(folder, code=3)

    def test_time_is_linear(self):
        """Sources in which a careless reader looks back, or ahead, from every token."""
        folder = self.folder / "long"
        folder.mkdir()
        for i, part in enumerate(("model_name.", "if ", "? ", "#include <", "(", "a if ", "'''", "case ", 'R"(', "in self.")):
            for suffix in (".py", ".h"):
                (folder / f"{i}{suffix}").write_text(part * (300_000 // len(part)))
        start = time.monotonic()
        self.ends_well("scan", folder, codes=(0, 3))
        self.assertLess(time.monotonic() - start, 60)


if __name__ == "__main__":
    support.main()
