#!/usr/bin/env python3
"""Every verb on tiny checkpoints, against what transformers said of them.

usage: test_verbs.py PROGRAM GOLDENS_FOLDER
"""
import json
import re

import support
from support import GOLDENS, TINY, read_safetensors, run, write_safetensors

GOLDEN = read_safetensors(TINY / "golden.safetensors")
SHAPE = GOLDEN["logits"][0]
IDS = GOLDEN["input_ids"][1][: SHAPE[1]]
GREEDY = GOLDEN["greedy"][1][: GOLDEN["greedy"][0][1]]
PROMPT = ",".join(map(str, IDS))


class Compare(support.Case):
    def compare(self, model, golden, *more):
        return self.json("compare", "--model", model, "--golden", golden, "--precision", "exact", *more)

    def changed(self, **tensors):
        """The golden with some of its tensors replaced."""
        file = self.folder / "changed.safetensors"
        write_safetensors(file, {**GOLDEN, **tensors})
        return file

    def test_goldens(self):
        passed = 0
        for folder in sorted(GOLDENS.iterdir()):
            golden = folder / "golden.safetensors"
            if not (folder / "config.json").exists():
                continue
            with self.subTest(folder.name):
                done = run("compare", "--model", folder, "--golden", golden, "--precision", "exact", "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                got = json.loads(done.stdout)
                self.assertGreater(got["pcc"], 0.99999)
                self.assertLess(got["max_abs_diff"], 5e-4)
                stored = read_safetensors(golden)
                if "logits" in stored:
                    self.assertGreater(got["top1"], 0.99)
                    self.assertEqual(got["top5"], 1)
                else:
                    self.assertIsNone(got["top1"])
                self.assertEqual(got["greedy_match"], got["greedy_total"])
                self.assertEqual(got["greedy_total"], len(stored["greedy"][1]) if "greedy" in stored else 0)
                for hidden in ("hidden_0", "hidden_last"):
                    self.assertEqual(f"{hidden}_pcc" in got, hidden in stored and "logits" in stored)
                passed += 1
        self.assertGreaterEqual(passed, 100)

    def test_goldens_in_gguf(self):
        files = sorted((GOLDENS / "gguf").glob("*.gguf"))
        self.assertGreater(len(files), 25)
        for file in files:
            own = file.with_suffix(".safetensors")
            golden = own if own.exists() else GOLDENS / file.stem / "golden.safetensors"
            with self.subTest(file.stem):
                got = self.compare(file, golden)
                self.assertLess(got["max_abs_diff"], 5e-4)
                self.assertEqual(got["greedy_match"], got["greedy_total"])

    def test_another_greedy_token_fails(self):
        tokens = list(GOLDEN["greedy"][1])
        tokens[3] = (tokens[3] + 1) % SHAPE[2]
        golden = self.changed(greedy=(GOLDEN["greedy"][0], tokens))
        out = self.fails(1, "compare", "--model", TINY, "--golden", golden, "--json", says="1 of 32 greedy tokens")
        self.assertEqual(json.loads(out)["greedy_match"], 31)

    def test_low_correlation_fails(self):
        for name in ("logits", "hidden_0", "hidden_last"):
            shape, values = GOLDEN[name]
            golden = self.changed(**{name: (shape, [v + (0.5 if i % 2 else -0.5) for i, v in enumerate(values)])})
            arguments = ("compare", "--model", TINY, "--golden", golden, "--json")
            out = self.fails(1, *arguments, says="pcc")
            self.assertLess(json.loads(out)["pcc" if name == "logits" else f"{name}_pcc"], 0.999)
            self.ok(*arguments, "--min-pcc", "-1")

    def test_golden_of_another_model(self):
        shape = [*SHAPE[:2], SHAPE[2] - 1]
        golden = self.changed(logits=(shape, [0.0] * (shape[0] * shape[1] * shape[2])))
        self.fails(1, "compare", "--model", TINY, "--golden", golden, says=f"expected a vocabulary of {SHAPE[2]}")
        golden = self.changed(hidden_0=([1, 2], [0.0, 0.0]))
        self.fails(1, "compare", "--model", TINY, "--golden", golden, says="hidden_0: expected")

    def test_common_flags(self):
        golden = TINY / "golden.safetensors"
        for more in (["--kv-dtype", "f32"], ["--kv-dtype", "f16"], ["--kv-dtype", "bf16"], ["--kv-dtype", "q8"],
                     ["--precision", "default"], ["--precision", "fast"], ["--batch-invariant"], ["--threads", "1"], ["--device", "cpu"]):
            with self.subTest(more):
                # Greedy tokens of a random model may differ where precision is lower: exit code 1.
                done = run("compare", "--model", TINY, "--golden", golden, "--json", *more)
                self.assertGreater(json.loads(done.stdout)["pcc"], 0.999)

    def test_quantize(self):
        model = GOLDENS / "llama-bf16-sharded"
        golden = model / "golden.safetensors"
        pcc = {}
        for kind in ("none", "q8_0", "q4_0", "bfp8", "bfp4"):
            done = run("compare", "--model", model, "--golden", golden, "--min-pcc", "0.9", "--json", "--quantize", kind)
            pcc[kind] = json.loads(done.stdout)["pcc"]
        self.assertGreater(pcc["none"], pcc["q8_0"])
        self.assertGreater(pcc["q8_0"], pcc["q4_0"])
        self.assertGreater(pcc["q8_0"], 0.999)
        self.assertGreater(pcc["q4_0"], 0.9)
        self.assertGreater(pcc["none"], pcc["bfp8"])
        self.assertGreater(pcc["bfp8"], max(0.99, pcc["bfp4"]))


class Logits(support.Case):
    def logits(self, *more):
        file = self.folder / "logits.safetensors"
        self.ok("logits", "--model", TINY, "--ids", PROMPT, "-o", file, *more)
        return read_safetensors(file)["logits"]

    def test_against_the_golden(self):
        shape, values = self.logits("--precision", "exact")
        self.assertEqual(shape, SHAPE[1:])
        want = GOLDEN["logits"][1][: len(values)]
        self.assertLess(max(abs(a - b) for a, b in zip(values, want)), 5e-4)

    def test_same_bits_for_any_tiling(self):
        params = self.folder / "params.json"
        found = set()
        for linear in ({}, {"rows_per_task": 16, "tokens_per_tile": 3}, {"rows_per_task": 1 << 24, "tokens_per_tile": 1 << 24}):
            params.write_text(json.dumps({"linear": linear}))
            for model, quantize in ((TINY, "none"), (GOLDENS / "llama-rows-of-64", "q8_0")):  # floats, integers
                out = self.folder / "logits.safetensors"
                self.ok("logits", "--model", model, "--ids", ",".join(str(i + 1) for i in range(21)), "--quantize", quantize,
                        "--device-params", params, "-o", out)
                found.add((quantize, out.read_bytes()))
        self.assertEqual(len(found), 2)

    def test_same_bits_for_any_threads(self):
        one = self.logits("--threads", "1")
        for threads in (2, 3, 5):
            self.assertEqual(self.logits("--threads", threads), one)

    def test_json_and_errors(self):
        file = self.folder / "out.safetensors"
        got = self.json("logits", "--model", TINY, "--ids", "1,2,3", "-o", file)
        self.assertEqual(got["shape"], [3, SHAPE[2]])
        self.fails(1, "logits", "--model", TINY, "--ids", f"1,{SHAPE[2]}", "-o", file, says=f"vocabulary of {SHAPE[2]}")
        self.fails(1, "logits", "--model", TINY, "--ids", "1,2", "-o", self.folder / "no" / "folder", says="no/folder")
        self.fails(1, "logits", "--model", TINY, "--ids", "1,2,3", "-o", file, "--ctx", "2", says="--ctx")


class Generate(support.Case):
    def generate(self, *more):
        return self.json("generate", "--model", TINY, "--ids", PROMPT, "--max-tokens", 8, *more)

    def test_greedy(self):
        got = self.generate("--temperature", "0", "--precision", "exact")
        want = GREEDY[:8]
        stops = [i for i, token in enumerate(want) if token == support.EOS]
        self.assertEqual(got["tokens"], want[: stops[0]] if stops else want)
        self.assertEqual(got["finish_reason"], "stop_token" if stops else "max_tokens")
        self.assertEqual(got["prompt_tokens"], len(IDS))

    def test_plain_output(self):
        done = run("generate", "--model", TINY, "--ids", PROMPT, "--max-tokens", 4, "--precision", "exact")
        self.assertEqual(done.stdout, ",".join(map(str, GREEDY[:4])) + "\n")
        self.assertRegex(done.stderr, r"^prompt: \d+ tokens, [\d.]+ tokens/s; answer: 4 tokens, [\d.]+ tokens/s; max_tokens\n$")

    def test_sampling_flags(self):
        hot = ("--temperature", "3", "--seed", "7")
        first = self.generate(*hot)["tokens"]
        self.assertEqual(self.generate(*hot)["tokens"], first)
        self.assertNotEqual(self.generate("--temperature", "3", "--seed", "8")["tokens"], first)
        greedy = self.generate()["tokens"]
        for filtered in (["--top-k", "1"], ["--top-p", "0.000001"], ["--min-p", "1"]):
            self.assertEqual(self.generate(*hot, *filtered)["tokens"], greedy, filtered)
        free = self.generate("--repetition-penalty", "1000")["tokens"]
        self.assertEqual(len(set(free)), len(free))
        self.assertFalse(set(free) & set(IDS))

    def test_tiny_temperatures_are_greedy(self):
        greedy = self.generate()["tokens"]
        for temperature in ("1e-30", "1e-300", "1e-308"):
            self.assertEqual(self.generate("--temperature", temperature, "--seed", "3")["tokens"], greedy)

    def test_a_full_context_says_what_to_do(self):
        context = len(IDS) + 2
        flags = ("generate", "--model", TINY, "--ids", PROMPT, "--precision", "exact", "--ctx")
        self.warns(*flags, context, says=f"the context of {context} tokens is full; --ctx makes room")
        self.warns("generate", "--model", GOLDENS / "gpt2-wide", "--ids", ",".join(["5"] * 58), "--ctx", 100,
                   says="the context of 59 tokens is full; the model takes no more")

    def test_no_rate_without_a_step(self):
        for count in (0, 1):
            done = run("generate", "--model", TINY, "--ids", PROMPT, "--max-tokens", count)
            self.assertRegex(done.stderr, rf"^prompt: \d+ tokens, [\d.]+ tokens/s; answer: {count} tokens; max_tokens\n$")

    def test_flags_that_do_not_do_what_they_seem_to(self):
        flags = ("generate", "--model", TINY, "--ids", PROMPT, "--max-tokens", 2)
        self.warns(*flags, "--precision", "exact", "--kv-dtype", "q8", says="--kv-dtype q8: the cache is not exact")
        self.quiet(*flags, "--precision", "exact", "--kv-dtype", "f32")
        self.quiet(*flags, "--precision", "exact")
        self.quiet(*flags, "--kv-dtype", "q8")
        for model in (GOLDENS / "gguf" / "llama-rows-of-64-q8_0.gguf", TINY):  # quantized already; rows of no whole blocks
            self.warns("generate", "--model", model, "--ids", "1,2", "--max-tokens", 2, "--quantize", "q8_0",
                       says="--quantize q8_0: no effect")
        self.quiet("generate", "--model", GOLDENS / "llama-bf16-sharded", "--ids", "1,2", "--max-tokens", 2, "--quantize", "q8_0")

    def test_more_threads_than_cpus(self):
        """Said in a line, and done in a reasonable time: threads that spin would keep the CPUs from those that work."""
        flags = ("--max-tokens", 4, "--precision", "exact")
        self.quiet("generate", "--model", TINY, "--ids", PROMPT, *flags)
        out = self.warns("generate", "--model", TINY, "--ids", PROMPT, *flags, "--threads", 4096, says="4096 threads", timeout=120)
        self.assertEqual(out, self.ok("generate", "--model", TINY, "--ids", PROMPT, *flags))

    def test_limits(self):
        self.assertEqual(self.json("generate", "--model", TINY, "--ids", PROMPT, "--max-tokens", 0)["tokens"], [])
        context = len(IDS) + 5
        got = self.json("generate", "--model", TINY, "--ids", PROMPT, "--ctx", context)
        self.assertIn(got["finish_reason"], ("context_full", "stop_token"))
        if got["finish_reason"] == "context_full":
            self.assertEqual(len(got["tokens"]), 6)  # the last token needs no place
        self.fails(1, "generate", "--model", TINY, "--ids", PROMPT, "--ctx", len(IDS) - 1, says="--ctx")
        self.fails(1, "generate", "--model", TINY, "--prompt", "no tokenizer here", says="tokenizer.json")


class Bench(support.Case):
    def test_rows(self):
        got = self.json("bench", "--model", TINY, "-p", 16, "-n", 4, "-d", 8, "-b", 2, "--threads", 2)
        self.assertEqual([row["kind"] for row in got["rows"]], ["prefill", "decode"])
        self.assertEqual([row["n"] for row in got["rows"]], [16, 4])
        self.assertGreater(got["roofline"]["bytes_per_second"], 1e8)
        self.assertGreater(got["roofline"]["flops_per_second"], 1e8)
        for row in got["rows"]:
            self.assertEqual((row["depth"], row["batch"]), (8, 2))
            rates = row["tokens_per_second"]
            self.assertLessEqual(rates["min"], rates["median"])
            self.assertLessEqual(rates["median"], rates["max"])
            for key in ("gb_per_second", "tflops", "roofline_share"):
                self.assertGreater(row[key], 0)

    def test_a_table_for_people(self):
        head, *rows, roofline = self.ok("bench", "--model", TINY, "-p", 8, "-n", 2, "-r", 3).splitlines()
        for wanted in ("median t/s", "min", "max", "roofline"):
            self.assertIn(wanted, head)
        self.assertEqual([row.split()[:4] for row in rows], [["prefill", "8", "0", "1"], ["decode", "2", "0", "1"]])
        for row in rows:
            self.assertEqual(len(row), len(head))
            median, least, most = map(float, row.split()[4:7])
            self.assertLessEqual(least, median)
            self.assertLessEqual(median, most)
        found = re.fullmatch(r"roofline: ([\d.]+) GB/s \(([\d.]+) to ([\d.]+)\) reading .+ over and over, .+ TFLOP/s \(.+\)", roofline)
        rate, slowest, fastest = map(float, found.groups())
        self.assertLessEqual(slowest, rate)
        self.assertLessEqual(rate, fastest)

    def test_lists_make_a_row_for_each_combination(self):
        rows = self.json("bench", "--model", TINY, "-p", "4,8", "-n", 2, "-d", "0,16", "-b", "1,3", "-r", 1)["rows"]
        want = [(kind, n, depth, batch) for depth in (0, 16) for batch in (1, 3) for kind, n in (("prefill", 4), ("prefill", 8), ("decode", 2))]
        self.assertEqual([tuple(row[key] for key in ("kind", "n", "depth", "batch")) for row in rows], want)

    def test_sequences_choose_experts_of_their_own(self):
        """Else a batch reads the experts of one sequence, which stay in the caches."""
        rows = self.json("bench", "--model", GOLDENS / "qwen3-moe-all-sparse", "-p", 0, "-n", 8, "-b", "1,4", "-r", 1)["rows"]
        one, four = (row["gb_per_second"] * row["batch"] / row["tokens_per_second"]["median"] for row in rows)
        self.assertGreater(four, 1.3 * one)

    def test_profile_and_trace(self):
        trace = self.folder / "trace.json"
        bench = ("bench", "--model", TINY, "-p", 8, "-n", 2, "-r", 1)
        rows = self.json(*bench, "--profile", "--trace", trace)["rows"]
        for row in rows:
            self.assertAlmostEqual(sum(op["share"] for op in row["profile"]), 1, places=6)
            self.assertEqual(row["profile"][-1]["op"], "between ops")
            seconds = sum(op["seconds"] for op in row["profile"])
            self.assertAlmostEqual(seconds, row["n"] / row["tokens_per_second"]["median"], places=6)
            linear = next(op for op in row["profile"] if op["op"] == "linear")
            self.assertGreater(linear["calls"], 0)
            self.assertGreater(linear["tflops"], 0)
        events = json.loads(trace.read_text())["traceEvents"]
        self.assertEqual([e["args"]["name"] for e in events if e["ph"] == "M"], ["prefill 8, depth 0, batch 1", "decode 2, depth 0, batch 1"])
        ran = [e for e in events if e["ph"] == "X"]
        self.assertEqual(len(ran), sum(op["calls"] for row in rows for op in row["profile"]))
        for before, after in zip(ran, ran[1:]):
            self.assertLessEqual(before["ts"], after["ts"])
        self.assertIn("between ops", self.ok(*bench, "--profile"))
        self.assertNotIn("between ops", self.ok(*bench))
        self.fails(1, *bench, "--trace", self.folder / "no" / "trace.json", says="cannot be written")

    def test_prompts_of_a_batch_share_steps(self):
        """Then the weights are read once for all of them: fewer bytes than as many prompts of their own."""
        def bytes_of(batch, *more):
            row = self.json("bench", "--model", TINY, "-p", 16, "-n", 0, "-b", batch, *more)["rows"][0]
            return row["gb_per_second"] * 1e9 * row["n"] * row["batch"] / row["tokens_per_second"]["median"]

        one, eight = bytes_of(1), bytes_of(8)
        self.assertLess(eight, 4 * one)
        params = self.folder / "params.json"  # steps of 24 tokens: six for eight prompts of 16, cut across prompts
        params.write_text('{"prefill": {"chunk": 24}}')
        cut = bytes_of(8, "--device-params", params)
        self.assertGreater(cut, eight)
        self.assertLess(cut, 8 * one)

    def test_either_kind_alone(self):
        for prefill, decode, kind in ((8, 0, "prefill"), (0, 2, "decode")):
            rows = self.json("bench", "--model", TINY, "-p", prefill, "-n", decode)["rows"]
            self.assertEqual([row["kind"] for row in rows], [kind])


class Tune(support.Case):
    def test_writes_what_device_params_takes(self):
        out = self.folder / "params.json"
        got = self.json("tune", "--model", TINY, "-o", out, "-p", 8, "-n", 2, "-d", 16, "-b", 3, "-r", 1)
        self.assertEqual(json.loads(out.read_text()), got["params"])
        tried = {}
        for trial in got["trials"]:
            tried.setdefault((trial["operation"], trial["key"]), []).append(trial)
            self.assertGreater(trial["prefill_tokens_per_second"], 0)
            self.assertGreater(trial["decode_tokens_per_second"], 0)
            self.assertGreater(trial["batch_tokens_per_second"], 0)
        self.assertLessEqual({("attention", "kv_split"), ("linear", "rows_per_task"), ("prefill", "chunk")}, set(tried))
        for (operation, key), trials in tried.items():
            self.assertGreater(len(trials), 1)
            (chosen,) = (trial for trial in trials if trial["chosen"])
            self.assertEqual(got["params"].get(operation, {}).get(key, trials[0]["value"]), chosen["value"])
        self.ok("bench", "--model", TINY, "-p", 4, "-n", 0, "--device-params", out)
        self.fails(1, "tune", "--model", TINY, "-o", self.folder / "no" / "params.json", says="cannot be written")


class Inspect(support.Case):
    def test_tensors_and_plan(self):
        got = self.json("inspect", "--model", TINY, "--ctx", 64)
        self.assertEqual(got["model_type"], "llama")
        self.assertEqual(got["config"]["hidden_size"], 45)
        tensors = {tensor["name"]: tensor for tensor in got["tensors"]}
        self.assertEqual(set(tensors), set(read_safetensors(TINY / "model.safetensors")))
        embedding = tensors["model.embed_tokens.weight"]
        self.assertEqual((embedding["shape"], embedding["format"]), ([147, 45], "f32"))
        self.assertEqual(embedding["bytes"], 4 * 147 * 45)
        self.assertEqual(sum(f["bytes"] for f in got["formats"]), sum(t["bytes"] for t in got["tensors"]))
        plan = got["memory_plan"]
        self.assertEqual(plan["total"], plan["weights"] + plan["cache"] + plan["workspace"])
        self.assertEqual(plan["context"], 64)
        self.assertTrue(plan["fits"])
        self.assertIn("model.embed_tokens.weight", self.ok("inspect", "--model", TINY))

    def test_devices_that_are_not_here(self):
        plan = self.json("inspect", "--model", TINY, "--device", "wormhole_b0")["memory_plan"]
        self.assertEqual((plan["device"], plan["available"]), ("wormhole_b0", 12 << 30))

    def test_what_does_not_fit_is_said_before_loading(self):
        plan = self.json("inspect", "--model", TINY, "--ctx", 1 << 30)["memory_plan"]
        self.assertFalse(plan["fits"])
        self.fails(1, "generate", "--model", TINY, "--ids", "1", "--ctx", 1 << 30, says="GiB")

    def test_unknown_family(self):
        model = self.model()
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps({**config, "model_type": "nobody-knows"}))
        done = run("inspect", "--model", model, "--json")
        self.assertEqual(done.returncode, 0)
        self.assertIsNone(json.loads(done.stdout)["memory_plan"])
        self.assertRegex(done.stderr, "^ttt: warning: .*nobody-knows")
        self.fails(1, "logits", "--model", model, "--ids", "1", "-o", "/dev/null", says="nobody-knows")


class Devices(support.Case):
    def test_list(self):
        got = self.json("devices")["devices"]
        self.assertEqual(got[0]["name"], "cpu")
        self.assertGreater(got[0]["cores"], 0)
        self.assertIn("wormhole_b0", [device["name"] for device in got])
        self.assertIn("wormhole_b0", self.ok("devices"))


if __name__ == "__main__":
    support.main()
