#!/usr/bin/env python3
"""`ttt migrate checkpoint`: Meta's layout made from goldens and converted back, conversions that are killed and go on, and broken inputs.

usage: test_checkpoint.py PROGRAM GOLDENS_FOLDER
"""
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import time

import meta_layout
import migrate_support
from migrate_support import support

PLAIN = support.GOLDENS / "llama-few-keys-v4"      # as many keys as heads, rope of 10000
GROUPED = support.GOLDENS / "llama-bf16-sharded"   # four keys of eight heads, a head_dim of its own, an odd vocabulary
FLOAT32 = support.GOLDENS / "llama-default"
SMALL = ("--max-shard-bytes", "22000")  # several files of a tiny model, the first not the largest


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class Checkpoint(migrate_support.Case):
    def meta(self, source=PLAIN, name="meta", **layout):
        folder = self.folder / name
        meta_layout.write_meta(source, folder, **layout)
        return folder

    def convert(self, *flags, code=0, says="", source="meta", target="hf"):
        arguments = ("migrate", "checkpoint", "--from", self.folder / source, "--to", self.folder / target, *flags)
        return self.ok(*arguments) if code == 0 else self.fails(code, *arguments, says=says)

    def test_goldens(self):
        for source, layout in ((PLAIN, {}), (PLAIN, {"shards": 2}), (PLAIN, {"shards": 4, "embedding_by_columns": True}),
                               (GROUPED, {"shards": 2}), (GROUPED, {"shards": 2, "embedding_by_columns": True}), (FLOAT32, {})):
            with self.subTest(source=source.name, **layout):
                name = f"{source.name}-{len(list(self.folder.iterdir()))}"
                self.meta(source, name, **layout)
                self.convert(*SMALL, source=name, target=name + "-hf")
                self.assertEqual(meta_layout.read(self.folder / (name + "-hf")), meta_layout.read(source))
                answer = self.json("compare", "--model", self.folder / (name + "-hf"), "--golden", source / "golden.safetensors", "--precision", "exact")
                self.assertLess(answer["max_abs_diff"], 5e-4)
                self.assertEqual(answer["greedy_match"], answer["greedy_total"])

    def test_rows_in_metas_order_fail_the_comparison(self):
        """That the comparison above can fail: queries and keys whose rows were not put in order."""
        meta = self.meta()
        tensors = meta_layout.read(PLAIN)
        self.convert()
        for name in [name for name in tensors if "q_proj" in name or "k_proj" in name]:
            tensors[name] = meta_layout.interleaved(tensors[name], 8)
        meta_layout.write(self.folder / "hf" / "model.safetensors", tensors)
        self.assertTrue(meta.exists())
        compare = ("compare", "--model", self.folder / "hf", "--golden", PLAIN / "golden.safetensors", "--precision", "exact")
        self.assertNotEqual(support.run(*compare).returncode, 0)

    def test_config_and_report(self):
        meta = self.meta(GROUPED)
        report = json.loads(self.convert("--json"))
        self.assertEqual((report["from_files"], report["files"], report["kept_files"]), (1, 1, 0))
        notes = " ".join(report["notes"])
        for name in ("tokenizer.json", "generation_config.json", "eos_token_id"):
            self.assertIn(name, notes)
        config, want = (json.loads((folder / "config.json").read_text()) for folder in (self.folder / "hf", GROUPED))
        for key in ("architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                    "head_dim", "hidden_act", "rms_norm_eps", "tie_word_embeddings", "max_position_embeddings", "attention_bias", "mlp_bias"):
            self.assertEqual(config[key], want[key], key)
        self.assertEqual((config["rope_theta"], config["torch_dtype"]), (20000.0, "bfloat16"))
        self.assertEqual(sorted(content(self.folder / "hf")), ["config.json", "model.safetensors"])

        params = json.loads((meta / "params.json").read_text())
        del params["max_seq_len"]
        (meta / "params.json").write_text(json.dumps(params | {"use_scaled_rope": True, "vocab_size": -1}))
        text = self.convert(target="scaled")
        self.assertIn("of Llama 3.2's 1B and 3B it is 32", text)
        config = json.loads((self.folder / "scaled" / "config.json").read_text())
        self.assertEqual(config["rope_scaling"], {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                  "original_max_position_embeddings": 8192})
        self.assertEqual((config["max_position_embeddings"], config["vocab_size"]), (131072, 173))
        self.ok("generate", "--model", self.folder / "scaled", "--ids", "1,2", "--max-tokens", "1", "--temperature", "0")

    def test_without_output_it_is_tied(self):
        meta = self.meta()
        tensors = meta_layout.read_file(meta / "consolidated.00.safetensors")
        del tensors["output.weight"]
        (meta / "consolidated.00.safetensors").unlink()
        meta_layout.write(meta / "consolidated.safetensors", tensors)
        self.convert()
        self.assertTrue(json.loads((self.folder / "hf" / "config.json").read_text())["tie_word_embeddings"])
        self.ok("generate", "--model", self.folder / "hf", "--ids", "1,2", "--max-tokens", "1", "--temperature", "0")

    def test_memory_is_bounded(self):
        """A tensor larger than the memory that the program may have; zeros, which take no room on the disk before."""
        meta, limit = self.meta(), 48 << 20
        allow = lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        if subprocess.run([support.PROGRAM, "--version"], preexec_fn=allow, capture_output=True).returncode != 0:
            self.skipTest("this build takes more memory than that for nothing: it has a sanitizer")
        tensors = meta_layout.read_file(meta / "consolidated.00.safetensors")
        del tensors["output.weight"]
        rows = (64 << 20) // 64
        tensors["tok_embeddings.weight"] = ("BF16", [rows, 32], meta_layout.Zeros(64 * rows))
        meta_layout.write(meta / "consolidated.00.safetensors", tensors)
        (meta / "params.json").write_text(json.dumps(json.loads((meta / "params.json").read_text()) | {"vocab_size": rows}))
        done = support.run("migrate", "checkpoint", "--from", meta, "--to", self.folder / "hf", preexec_fn=allow)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertGreater((self.folder / "hf" / "model.safetensors").stat().st_size, limit)

    def interrupted(self, **options):
        """A conversion that does not come to its end; the files that it finished, with their identities."""
        command = [support.PROGRAM, "migrate", "checkpoint", "--from", self.folder / "meta", "--to", self.folder / "hf", *SMALL]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)

    def goes_on(self, want):
        """The second run does the rest, and not again what was done."""
        target = self.folder / "hf"
        finished = {file.name: file.stat().st_ino for file in target.glob("model-*.safetensors")} if target.exists() else {}
        for name in finished:
            self.assertEqual((target / name).read_bytes(), want[name])  # whole, or not there
        report = json.loads(self.convert(*SMALL, "--json"))
        self.assertEqual(content(target), want)
        self.assertEqual(report["kept_files"], len(finished))
        for name, inode in finished.items():
            self.assertEqual((target / name).stat().st_ino, inode)
        shutil.rmtree(target)
        return len(finished)

    def test_killed_at_a_byte(self):
        """The system kills it when a file grows past a limit: while it writes its record, and in each larger file."""
        self.meta(GROUPED, shards=2)
        self.convert(*SMALL, target="whole")
        want = content(self.folder / "whole")
        kept = set()
        for limit in (16, 5000, *sorted({len(data) - 1 for data in want.values()})):
            done = self.interrupted(preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            if done.wait() == 0:  # no file is as large
                shutil.rmtree(self.folder / "hf")
                continue
            self.assertEqual(done.returncode, -signal.SIGXFSZ)
            kept.add(self.goes_on(want))
        self.assertGreater(len(kept), 1)
        self.assertIn(0, kept)

    def test_killed_at_a_time(self):
        self.meta(GROUPED, shards=2)
        self.convert(*SMALL, target="whole")
        want = content(self.folder / "whole")
        for milliseconds in (0, 2, 4, 6, 8, 12, 16, 24):
            running = self.interrupted()
            time.sleep(milliseconds / 1000)
            running.kill()
            if running.wait() == 0 or (self.folder / "hf" / "config.json").exists():
                shutil.rmtree(self.folder / "hf", ignore_errors=True)
            else:
                self.goes_on(want)

    def test_a_conversion_of_something_else(self):
        meta = self.meta()
        running = self.interrupted(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)))
        self.assertEqual(running.wait(), -signal.SIGXFSZ)
        self.convert("--max-shard-bytes", "8000", code=1, says="in another layout; give another folder")
        shard = meta / "consolidated.00.safetensors"
        os.utime(shard, (1, 1))
        self.convert(*SMALL, code=1, says="holds a conversion of other files")

    def test_folders_that_are_not_written(self):
        self.meta()
        (self.folder / "hf").mkdir()
        (self.folder / "hf" / "mine.txt").write_text("")
        self.convert(code=1, says="holds mine.txt; nothing is overwritten")
        self.convert(target="done")
        self.convert(target="done", code=1, says="nothing is overwritten, give an empty folder")
        self.convert(target="meta", code=1, says="nothing is overwritten")
        (self.folder / "file").write_text("")
        self.convert(target="file/below", code=1, says="cannot be written: Not a directory")
        self.convert(target="file", code=1, says="cannot be written")
        (self.folder / "busy").mkdir()
        busy = os.open(self.folder / "busy", os.O_RDONLY)
        fcntl.flock(busy, fcntl.LOCK_EX)
        self.convert(target="busy", code=1, says="another conversion is writing it")
        os.close(busy)

    def test_params_that_disagree(self):
        meta = self.meta()
        whole = json.loads((meta / "params.json").read_text())
        for change, says in (
            ({"dim": 48}, "tok_embeddings.weight: expected [62, 48] from all shards together, got [62, 32]"),
            ({"n_layers": 3}, "layers.2.attention_norm.weight: is missing"),
            ({"n_layers": 1}, "layers.1.attention.wk.weight: is not a tensor of a model with params.json's layers"),
            ({"n_heads": 3, "n_kv_heads": 3}, "n_heads: 3 does not divide dim 32"),
            ({"n_heads": 8, "n_kv_heads": 3}, "n_kv_heads: 3 does not divide n_heads 8"),
            ({"n_kv_heads": 2}, "layers.0.attention.wk.weight: expected [16, 32] from all shards together, got [32, 32]"),
            ({"vocab_size": 63}, "vocab_size: says 63, and the tensors have 62"),
            ({"multiple_of": 32}, "multiple_of and ffn_dim_multiplier: says 64, and the tensors have 42"),
            ({"head_dim": 16}, "layers.0.attention.wq.weight: expected [64, 32]"),
            ({"head_dim": 7}, "head_dim: expected an even number"),
            ({"norm_eps": "small"}, "norm_eps: expected a number"),
            ({"moe": {}}, "moe: is a key that is not known"),
            ({"ffn_dim_multiplier": 1e300}, "ffn_dim_multiplier"),
            ({"dim": None}, "dim: expected"),
        ):
            with self.subTest(change=change):
                (meta / "params.json").write_text(json.dumps(whole | change))
                self.convert(code=1, says=says)
        self.assertFalse((self.folder / "hf").exists())

    def test_shards_that_are_missing_or_misshaped(self):
        meta = self.meta(GROUPED, shards=4)
        shards = [meta / f"consolidated.{i:02}.safetensors" for i in range(4)]
        aside = self.folder / "aside"
        shards[1].rename(aside)
        self.convert(code=1, says="consolidated.01.safetensors is missing, and consolidated.02.safetensors is there")
        aside.rename(shards[1])
        shards[3].rename(aside)
        self.convert(code=1, says="vocab_size: says 173, and the tensors have 129")
        shutil.copy(shards[0], shards[3])
        self.convert(code=1, says="vocab_size: says 173, and the tensors have 172")
        aside.rename(shards[3])
        for name, change, says in (
            ("norm.weight", lambda t: (t[0], t[1], b"\1" + t[2][1:]), "norm.weight: differs from the first shard's"),
            ("norm.weight", lambda t: (t[0], [2, 28], t[2]), "norm.weight: expected 1 dimensions, got [2, 28]"),
            ("layers.0.attention.wo.weight", lambda t: (t[0], t[1][::-1], t[2]), "layers.0.attention.wo.weight: expected [56, columns], got [16, 56]"),
            ("layers.1.attention.wq.weight", lambda t: ("F32", [t[1][0], t[1][1] // 2], t[2]), "expected bf16 as in the first shard, got f32"),
            ("layers.1.attention.wq.weight", lambda t: ("I16", t[1], t[2]), "expected a floating type, got i16"),
            ("layers.1.attention.wk.bias", None, "layers.1.attention.wk.bias: is not a tensor of"),
        ):
            with self.subTest(name=name, says=says):
                tensors = meta_layout.read_file(shards[3])
                tensors[name] = change(tensors[name]) if change else ("BF16", [2], bytes(4))
                shutil.copy(shards[3], aside)
                meta_layout.write(shards[3], tensors)
                self.convert(code=1, says=says)
                shutil.copy(aside, shards[3])
        shutil.copy(shards[0], meta / "consolidated.safetensors")
        self.convert(code=1, says="has both consolidated.safetensors and consolidated.00.safetensors")
        (meta / "consolidated.safetensors").unlink()
        for shard in shards:
            shard.unlink()
        self.convert(code=1, says="has no consolidated.safetensors")
        (meta / "consolidated.00.pth").write_bytes(b"")
        self.convert(code=1, says="consolidated.00.pth: expected safetensors")
        self.convert(code=1, source="absent", says="params.json")

    def test_broken_files(self):
        meta = self.meta(shards=2)
        for name, step in (("params.json", 24), ("consolidated.01.safetensors", 1500)):
            whole = (meta / name).read_bytes()
            for i, text in enumerate(migrate_support.broken(whole, step)):
                (meta / name).write_bytes(text)
                self.ends_well("checkpoint", "--from", meta, "--to", self.folder / f"{name}-{i}")
            (meta / name).write_bytes(whole)


if __name__ == "__main__":
    support.main()
