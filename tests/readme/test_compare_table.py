#!/usr/bin/env python3
"""The table that bench/compare.sh makes of what it measured.

usage: test_compare_table.py REPOSITORY
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv[1]) / "bench" / "compare_table.py"


def ours(speed, share, reading=40e9, working_set=10**9, **step):
    row = {"kind": "decode", "n": 64, "depth": 0, "batch": 1, **step}
    return {"threads": 2,
            "roofline": {"working_set_bytes": working_set, "bytes_per_second": reading, "flops_per_second": 9e11, "instruction": "vnni"},
            "rows": [{**row, "tokens_per_second": {"median": speed}, "roofline_share": share}]}


def llama(*speeds, prompt=0, generated=64, depth=0):
    return [{"n_prompt": prompt, "n_gen": generated, "n_depth": depth, "samples_ts": list(speeds)}]


class CompareTable(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.put("devices", {"devices": [{"isa": "avx9", "features": ["dots"]}]})
        self.put("files", "m\t2500000\n", text=True)
        self.put("run", "1.2.3\t3\n", text=True)

    def put(self, name, content, text=False):
        (self.folder / name).write_text(content if text else json.dumps(content))

    def table(self, *more):
        done = subprocess.run([sys.executable, str(SCRIPT), str(self.folder), *map(str, more)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def cells(self, step, text=None):
        rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in (text or self.table()).splitlines() if line.startswith("| m ")]
        (found,) = (row for row in rows if row[1] == step)
        return found

    def test_medians_over_turns_against_the_better_peer(self):
        for turn, (speed, share) in enumerate([(30, 0.9), (20, 0.5), (22, 0.7)]):
            self.put(f"m@ttt@{turn}.json", ours(speed, share))
            self.put(f"m@ttt-invariant@{turn}.json", ours(11, 0.3))
            self.put(f"m@clang@{turn}.json", llama(9, 10, 11))
            self.put(f"m@gcc@{turn}.json", llama(8))
        self.assertEqual(self.cells("decode 64"), ["m", "decode 64", "10.0", "22.0", "2.20x", "70%", "11.0", "50%", "clang"])

    def test_the_better_peer_is_named(self):
        self.put("m@ttt@0.json", ours(30, 0.9))
        self.put("m@clang@0.json", llama(8))
        self.put("m@gcc@0.json", llama(9))
        self.assertEqual(self.cells("decode 64")[-1], "g++")
        self.assertIn("\nllama.cpp of node-llama-cpp 1.2.3; rounds: 3\n", self.table())

    def test_steps_are_told_apart_and_in_order(self):
        self.put("m@ttt@a.json", ours(1, 0.1, batch=8))
        self.put("m@ttt@b.json", ours(2, 0.1, depth=4096))
        self.put("m@ttt@c.json", ours(3, 0.1, kind="prefill", n=512))
        self.put("m@ttt@d.json", ours(4, 0.1))
        self.put("m@gcc@a.jsonl", 'progress\n{"tg": 64, "pl": 8, "speed_tg": 0.5}\n', text=True)
        self.put("m@gcc@b.json", llama(4, depth=4096))
        text = self.table()
        steps = [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("| m ")]
        self.assertEqual(steps, ["prefill 512", "decode 64", "decode 64 at depth 4096", "decode 64, batch 8"])
        self.assertEqual(self.cells("decode 64, batch 8", text)[2:5], ["0.5", "1.0", "2.00x"])
        self.assertEqual(self.cells("decode 64 at depth 4096", text)[2:5], ["4.0", "2.0", "0.50x"])
        self.assertEqual(self.cells("decode 64", text)[2:5], ["-", "4.0", "-"])

    def test_memory_is_what_models_larger_than_caches_read(self):
        self.put("m@ttt@0.json", ours(1, 0.1, reading=35e9))
        self.put("m@ttt@1.json", ours(1, 0.1, reading=66e9))
        self.put("small@ttt@0.json", ours(1, 0.1, reading=200e9, working_set=10**7))
        self.assertIn("2 threads; reading 35.0 to 66.0 GB/s, multiply-adds 0.900 TFLOP/s (vnni)", self.table())

    def test_starts(self):
        self.put("m@ttt@0.json", ours(1, 0.1))
        for program, seconds, peak in (("ttt", 0.4, 3e6), ("ttt-kept", 0.1, 2e6), ("clang", 0.2, 9e6), ("gcc", 0.3, 8e6)):
            self.put(f"m@{program}@0.start", {"seconds": seconds, "peak_bytes": peak})
        self.assertRegex(self.table(), r"\| m +\| +2 \| +0\.20 \| +9 \| +0\.40 \| +3 \| +0\.50x \| +0\.10 \| +2\.00x \|")

    def test_a_section_is_replaced_and_quoted(self):
        page, readme = self.folder / "page.md", self.folder / "readme.md"
        page.write_text("before\n<!-- measured: other -->\n## other\n\nold\n<!-- end: other -->\nafter\n")
        readme.write_text("<!-- speed: begin -->\n<!-- speed: end -->\n")
        self.put("m@ttt@0.json", ours(1.5, 0.1))
        self.table("--write", page, readme)
        self.put("m@ttt@0.json", ours(2.5, 0.1))
        self.table("--write", page, readme)
        text = page.read_text()
        self.assertTrue(text.startswith("before\n<!-- measured: other -->"))
        self.assertTrue(text.endswith("after\n"))
        self.assertEqual(text.count("avx9, dots -->"), 2)
        self.assertIn(" 2.5 ", text)
        self.assertNotIn(" 1.5 ", text)
        self.assertIn(" 2.5 ", readme.read_text())
        subprocess.run([sys.executable, str(SCRIPT), "--check", str(readme), str(page)], check=True)
        readme.write_text(readme.read_text().replace(" 2.5 ", " 2.6 "))
        changed = subprocess.run([sys.executable, str(SCRIPT), "--check", str(readme), str(page)], capture_output=True, text=True)
        self.assertEqual(changed.returncode, 1)

    def written(self, page, readme):
        self.table("--write", page, readme)
        return page.read_text()

    def test_rows_of_other_models_stay(self):
        page, readme = self.folder / "page.md", self.folder / "readme.md"
        page.write_text("")
        readme.write_text("<!-- speed: begin -->\n<!-- speed: end -->\n")
        self.put("m@ttt@0.json", ours(1.5, 0.1, reading=30e9))
        self.put("m@ttt@0.start", {"seconds": 0.4, "peak_bytes": 3e6})
        text = self.written(page, readme)
        # As older sections have it: without the last column, or two of the starts.
        def without(columns, text):
            return "\n".join("|".join(line.split("|")[: -1 - columns]) + "|" if "|" in line else line for line in text.split("\n"))

        rates, starts = text.split("From start")
        page.write_text(without(1, rates) + "From start" + without(2, starts))
        self.assertNotIn("packed before", page.read_text())
        self.assertNotIn("llama.cpp of |", page.read_text())
        for file in self.folder.glob("m@*"):
            file.unlink()
        self.put("files", "l\t2500000\n", text=True)
        self.put("run", "1.2.4\t1\n", text=True)
        self.put("l@ttt@0.json", ours(2.5, 0.1))
        self.put("l@ttt@0.start", {"seconds": 0.2, "peak_bytes": 3e6})
        text = self.written(page, readme)
        models = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|") and "model" not in line and "--" not in line]
        self.assertEqual(models, ["l", "m", "l", "m"])
        self.assertIn("reading 30.0 to 40.0 GB/s", text)
        self.assertIn("\nllama.cpp of node-llama-cpp 1.2.3, 1.2.4; rounds: 1 to 3\n", text)
        self.assertIn("\nllama.cpp of node-llama-cpp 1.2.3, 1.2.4; rounds: 1 to 3\n", self.written(page, readme))
        self.put("l@ttt@0.json", {**ours(2.5, 0.1), "threads": 4})
        text = self.written(page, readme)
        self.assertNotIn("| m ", text, "as other numbers of threads measure something else")
        self.assertIn("\nllama.cpp of node-llama-cpp 1.2.4; rounds: 1\n", text)

    def test_the_readme_has_a_row_for_each_model(self):
        page, readme = self.folder / "page.md", self.folder / "readme.md"
        page.write_text("")
        readme.write_text("<!-- speed: begin -->\n<!-- speed: end -->\n")
        for model in "mno":
            self.put(f"{model}@ttt@0.json", ours(3, 0.1))
        self.put("m@clang@0.json", llama(2))
        self.put("m@ttt@1.json", ours(9, 0.1, depth=4096))
        self.put("files", "m\t2500000\n", text=True)
        self.put("m@ttt@0.start", {"seconds": 0.4, "peak_bytes": 3e6})
        self.put("m@gcc@0.start", {"seconds": 0.2, "peak_bytes": 3e6})
        self.written(page, readme)
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in readme.read_text().splitlines() if line.startswith("|")]
        self.assertEqual(rows[0], ["model", "decode 64", "start, s"], "what few models have is left out")
        self.assertEqual(rows[2:], [["m", "3.0 (1.50x)", "0.40 (0.50x)"], ["n", "3.0", "-"], ["o", "3.0", "-"]])

    def test_the_readme_goes_on_quoting_one_processor(self):
        page, readme = self.folder / "page.md", self.folder / "readme.md"
        page.write_text("<!-- measured: other -->\n## other\n\nold\n<!-- end: other -->\n")
        readme.write_text("<!-- speed: begin -->\nother; old\n<!-- speed: end -->\n")
        self.put("m@ttt@0.json", ours(1.5, 0.1))
        self.assertIn(" 1.5 ", self.written(page, readme))
        self.assertIn("other; old", readme.read_text())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
