#!/usr/bin/env python3
"""Exit codes, one-line errors, and streams that are closed.

usage: test_errors.py PROGRAM GOLDENS_FOLDER
"""
import os
import subprocess

import support
from support import PROGRAM, TINY

GENERATE = ("generate", "--model", TINY, "--ids", "1,2,3", "--max-tokens", "3")


class Usage(support.Case):
    def test_help_and_version(self):
        self.assertRegex(self.ok("--version"), r"^ttt \d+\.\d+\.\d+\n$")
        verbs = ("generate", "chat", "logits", "compare", "perplexity", "tokenize", "bench", "devices", "inspect")
        for verb in verbs:
            self.assertIn(verb, self.ok("--help"))
            self.assertIn("--json", self.ok(verb, "--help"))
        for verb in set(verbs) - {"tokenize", "devices"}:
            for flag in ("--model", "--device", "--threads", "--precision", "--ctx", "--kv-dtype", "--batch-invariant", "--quantize"):
                self.assertIn(flag, self.ok(verb, "--help"))

    def test_usage_errors_are_2(self):
        for arguments in (
            [], ["no-such-verb"], ["generate"], [*GENERATE, "--no-such-flag"], ["logits", "--model", TINY, "--ids", "1"],
            [*GENERATE, "--prompt", "both"], ["generate", "--model", TINY],
            ["generate", "--model", TINY, "--ids", "1,,2"], ["generate", "--model", TINY, "--ids", ""],
            ["generate", "--model", TINY, "--ids", "1,-2"], ["generate", "--model", TINY, "--ids", "99999999999"],
            ["generate", "--model", TINY, "not-a-dash"],
            [*GENERATE, "--precision", "double"], [*GENERATE, "--kv-dtype", "f64"], [*GENERATE, "--quantize", "q2_k"],
            [*GENERATE, "--threads", "-1"], [*GENERATE, "--threads", "many"], [*GENERATE, "--ctx", "0"],
            [*GENERATE, "--temperature", "-1"], [*GENERATE, "--temperature", "nan"], [*GENERATE, "--top-p", "0"],
            [*GENERATE, "--top-p", "1.5"], [*GENERATE, "--min-p", "2"], [*GENERATE, "--top-k", "-1"],
            [*GENERATE, "--repetition-penalty", "0"], [*GENERATE, "--max-tokens", "-1"], [*GENERATE, "--seed", "x"],
            ["bench", "--model", TINY, "-b", "0"], ["bench", "--model", TINY, "-p", "-1"],
        ):
            with self.subTest(arguments):
                self.fails(2, *arguments)

    def test_other_errors_are_1(self):
        absent = self.folder / "absent"
        broken = self.folder / "broken.gguf"
        broken.write_bytes(b"GGUF and nothing more")
        for verb in (["generate", "--ids", "1"], ["chat"], ["logits", "--ids", "1", "-o", self.folder / "o"], ["tokenize", "--", "a"],
                     ["compare", "--golden", TINY / "golden.safetensors"], ["perplexity", "--file", "-"], ["bench"], ["inspect"]):
            for model in (absent, broken):
                with self.subTest(verb=verb, model=model):
                    self.fails(1, verb[0], "--model", model, *verb[1:], says=str(model))
        self.fails(1, *GENERATE, "--device", "no-such-device", says="wormhole_b0")
        self.fails(1, *GENERATE, "--device", "wormhole_b0", says="planning target")
        self.fails(1, "compare", "--model", TINY, "--golden", absent, says=str(absent))
        self.fails(1, "bench", "--model", TINY, "-p", "64", "--ctx", "8", says="--ctx")

    def test_broken_checkpoints(self):
        model = self.model()
        config = (model / "config.json").read_text()
        (model / "config.json").write_text(config.replace('"hidden_size": 45', '"hidden_size": 48'))
        self.fails(1, "generate", "--model", model, "--ids", "1", says="expected [147, 48]")
        (model / "config.json").write_text(config[:40])
        self.fails(1, "generate", "--model", model, "--ids", "1", says="config.json")
        (model / "config.json").write_text(config)
        (model / "model.safetensors").unlink()
        self.fails(1, "generate", "--model", model, "--ids", "1", says="model.safetensors")


class Streams(support.Case):
    def shell(self, line):
        return subprocess.run(["bash", "-c", line, "bash", PROGRAM, *map(str, GENERATE)], capture_output=True, text=True)

    def error(self, line):
        done = self.shell(line)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr, "ttt: error: [stdout] cannot be written\n")

    def test_stdout_that_takes_nothing(self):
        self.error('"$@" >&-')
        self.error('"$@" --json >&-')
        if os.path.exists("/dev/full"):
            self.error('"$@" >/dev/full')
        else:
            print("not tried: this system has no /dev/full")

    def test_broken_pipe(self):
        self.error('{ sleep 0.1; "$@"; } | true; exit ${PIPESTATUS[0]}')

    def test_closed_stdin_and_stderr(self):
        self.assertEqual(self.shell('"$@" <&-').returncode, 0)
        done = self.shell('"$@" 2>&-')
        self.assertEqual((done.returncode, len(done.stdout.split(","))), (0, 3))

    def test_a_closed_stdout_is_not_the_output_file(self):
        file = self.folder / "logits.safetensors"
        line = f'"$1" logits --model "$4" --ids 1,2 --json -o "{file}" >&-'
        done = subprocess.run(["bash", "-c", line, "bash", PROGRAM, *map(str, GENERATE)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(support.read_safetensors(file)["logits"][0], [2, 147])


if __name__ == "__main__":
    support.main()
