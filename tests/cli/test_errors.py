#!/usr/bin/env python3
"""Exit codes, one-line errors, and streams that are closed.

usage: test_errors.py PROGRAM GOLDENS_FOLDER
"""
import json
import os
import subprocess

import support
from support import GOLDENS, PROGRAM, TINY

GENERATE = ("generate", "--model", TINY, "--ids", "1,2,3", "--max-tokens", "3")


class Usage(support.Case):
    def test_help_and_version(self):
        self.assertRegex(self.ok("--version"), r"^ttt \d+\.\d+\.\d+(-\S+)? \(commit \S+\)\nbackends: cpu, .+\nCPU level: \w+\n$")
        verbs = ("generate", "chat", "logits", "compare", "perplexity", "tokenize", "bench", "tune", "devices", "inspect")
        for verb in verbs:
            self.assertIn(verb, self.ok("--help"))
            self.assertIn("--json", self.ok(verb, "--help"))
        for verb in set(verbs) - {"tokenize", "devices"}:
            for flag in ("--model", "--device", "--threads", "--precision", "--ctx", "--kv-dtype", "--batch-invariant", "--quantize", "--settings"):
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

    def test_usage_errors_say_what_is_expected(self):
        bench = ("bench", "--model", TINY)
        for arguments, says in (
            ([], "expected a verb, got none; there are: generate, chat, logits,"),
            (["frobnicate"], 'got "frobnicate"; there are: generate, chat, logits,'),
            (["frobnicate", "--model", TINY], 'got "frobnicate"'), (["--frob"], 'got "--frob"'),
            (["--json", "devices"], 'unexpected "--json" before the verb devices'),
            (["generate", "--model", TINY, "--propmt", "hi"], "generate has no flag --propmt;"),
            (["generate", "--propmt", "hi"], "generate has no flag --propmt;"),
            (["generate", "--model", TINY, "--propmt", "hi", "--prompt", "hi"], "generate has no flag --propmt;"),
            (["generate", "--propmt=hi there"], "generate has no flag --propmt;"),
            ([*GENERATE, "-temperature", "0"], "generate has no flag -temperature;"),
            ([*bench, "-x", "5"], "bench has no flag -x; `ttt bench --help`"),
            (["generate", "--model", TINY, "hello"], 'unexpected word "hello"; give the prompt as --prompt TEXT'),
            (["generate", "--model", TINY, "--prompt", "hello", "world"], 'unexpected word "world"'),
            (["chat", "--model", TINY, "hello"], 'chat: unexpected word "hello"'), (["chat", "generate"], 'unexpected word "generate"'),
            (["generate", "--model", TINY, "--file", ""], "--file: expected a file's name"),
            (["generate", "--model", "", "--ids", "1"], "--model: expected a file's name"),
            (["perplexity", "--model", TINY, "--file", ""], "--file: expected a file's name"),
            ([*GENERATE, "--top-k", "-1"], '--top-k: expected an integer at least 0, got "-1"'),
            ([*GENERATE, "--top-k", "1.5"], '--top-k: expected an integer at least 0, got "1.5"'),
            ([*GENERATE, "--max-tokens", "-1"], '--max-tokens: expected an integer at least 0, got "-1"'),
            ([*GENERATE, "--seed", "-1"], '--seed: expected an integer from 0 to 18446744073709551615, got "-1"'),
            ([*GENERATE, "--threads", "5000"], '--threads: expected an integer from 0 to 4096, got "5000"'),
            ([*GENERATE, "--presence-penalty", "nan"], "--presence-penalty: expected a number that is finite"),
            ([*GENERATE, "--frequency-penalty", "inf"], "--frequency-penalty: expected a number that is finite"),
            (["compare", "--model", TINY, "--golden", "g", "--min-pcc", "nan"], "--min-pcc: expected a number from -1 to 1"),
            (["perplexity", "--model", TINY, "--file", "-", "--ctx", "2"], "--ctx: expected an integer from 3 to"),
            ([*bench, "-p", "0", "-n", "0"], "leaves nothing to measure"),
        ):
            with self.subTest(arguments):
                self.fails(2, *arguments, says=says)

    def test_help_shows_defaults(self):
        """Those that are a value: neither an empty list, nor a number that stands for "not given"."""
        for verb, shown in (("generate", ["--temperature FLOAT=0", "--top-p FLOAT=1", "--threads INT=0", "--device NAME=auto",
                                          "--precision {exact,default,fast}=default", "--seed UINT=0"]),
                            ("compare", ["--min-pcc FLOAT=0.999"]), ("perplexity", ["--ctx INT=512"]),
                            ("bench", ["-p,--prefill INT=512", "-n,--decode INT=64", "-d,--depth INT=0", "-b,--batch INT=1"]),
                            ("embed", ["--pooling {mean,cls}=mean"]), ("chat", []), ("logits", []), ("tokenize", []), ("inspect", []), ("new-model", [])):
            text = " ".join(self.ok(verb, "--help").split())
            for part in shown:
                self.assertIn(part, text)
            for nonsense in ("=[]", "= ", "9223372036854775807", '=""', "=0x"):
                self.assertNotIn(nonsense, text, verb)
        self.assertIn("for stdin give a bare - or --file -", " ".join(self.ok("generate", "--help").split()))

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

    def test_what_to_give_instead(self):
        inspect = ("inspect", "--model")
        self.fails(1, *inspect, TINY / "model.safetensors", says=f"give its folder: {TINY}")
        self.fails(1, *inspect, "model.safetensors", says="give its folder: .", cwd=TINY)
        self.fails(1, *inspect, TINY / "config.json", says=f"give its folder: {TINY}")
        folder = self.folder / "files"
        folder.mkdir()
        self.fails(1, *inspect, folder, says="has no config.json; give a Hugging Face folder or a GGUF file")
        for name in ("b.gguf", "a.gguf"):
            (folder / name).write_bytes(b"")
        self.fails(1, *inspect, folder, says="has no config.json; give one of its files: a.gguf, b.gguf")
        for i in range(5):
            (folder / f"c{i}.gguf").write_bytes(b"")
        self.fails(1, *inspect, folder, says="a.gguf, b.gguf, c0.gguf, c1.gguf and 3 more")

    def test_device_params(self):
        file = self.folder / "params.json"
        flags = (*GENERATE, "--device-params", file)
        self.fails(1, *flags, says=f"[{file}] cannot be opened: No such file or directory")
        file.write_text('{"attn": {"page_size": 32}}')
        self.fails(1, *flags, says=f"[{file}] attn: no such operation; there are: attention, linear, prefill")
        file.write_text('{"attention": {"page": 32}}')
        self.fails(1, *flags, says=f"[{file}] attention.page: no such parameter; there are: kv_split, page_size")
        self.fails(1, *GENERATE, "--device-params", self.folder, says="cannot be opened: is a folder")

    def test_output_is_checked_before_the_work(self):
        """Shown by a model that is not there: its error would come first."""
        logits = ("logits", "--model", self.folder / "absent", "--ids", "1", "-o")
        self.fails(1, *logits, self.folder / "no" / "folder", says="no/folder] cannot be written: No such file or directory")
        self.fails(1, *logits, self.folder, says="expected a file to write, got a folder")
        (self.folder / "file").write_text("")
        self.fails(1, *logits, self.folder / "file" / "below", says="cannot be written: Not a directory")
        if os.path.exists("/dev/full"):
            self.fails(1, "logits", "--model", TINY, "--ids", "1", "-o", "/dev/full", says="cannot be written: No space left")

    def test_an_output_is_not_an_input(self):
        """What was read is there afterwards, byte for byte."""
        model = self.model()
        params = self.folder / "params.json"
        params.write_text('{"attention": {"page_size": 32}}')
        files = [params, *(file for file in model.iterdir() if file.suffix in (".json", ".safetensors"))]
        before = [file.read_bytes() for file in files]
        for file in files:
            for verb in (["logits", "--ids", "1", "-o"], ["bench", "--trace"]):
                self.fails(1, verb[0], "--model", model, "--device-params", params, *verb[1:], file, says="would be written over")
        self.fails(1, "tune", "--model", model, "-o", model / "config.json", says="would be written over")
        self.assertEqual([file.read_bytes() for file in files], before)

    def test_errors_are_short_lines(self):
        """Whatever the file brings: control characters, zeros, a name of a million letters."""
        model = self.model()
        config = json.loads((model / "config.json").read_text())
        for name in ("a\nb\x1b[31m\x00c", "x" * 1_000_000):
            (model / "config.json").write_text(json.dumps(config | {"model_type": name}))
            done = support.run("generate", "--model", model, "--ids", "1")
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
            self.assertTrue(done.stderr.rstrip("\n").isprintable(), done.stderr[:200])
            self.assertLess(len(done.stderr), 5000)

    def test_experts_that_are_not_there(self):
        for golden, key, value, says in (
            ("mixtral-window", "num_experts_per_tok", 99, "num_experts_per_tok: asks for 99 experts; there are "),
            ("deepseek-v3-groups", "n_group", 5, "n_group: does not divide the "),
            ("deepseek-v3-groups", "topk_group", 99, "topk_group: asks for 99 groups; there are "),
        ):
            model = self.model(GOLDENS / golden)
            config = json.loads((model / "config.json").read_text())
            (model / "config.json").write_text(json.dumps(config | {key: value}))
            self.fails(1, "generate", "--model", model, "--ids", "1", says=says)

    def test_broken_checkpoints(self):
        model = self.model()
        config = (model / "config.json").read_text()
        (model / "config.json").write_text(config.replace('"hidden_size": 45', '"hidden_size": 48'))
        self.fails(1, "generate", "--model", model, "--ids", "1", says="input_layernorm.weight: expected [48], got [45]")
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
