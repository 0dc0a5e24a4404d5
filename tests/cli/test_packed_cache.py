#!/usr/bin/env python3
"""--packed-cache: answers are the same with it, and the folder is what it promises to be.

usage: test_packed_cache.py PROGRAM GOLDENS_FOLDER
"""
import json
import os

import support
from support import run, write_safetensors

VOCAB, HIDDEN = 600, 64  # the embedding is large enough to be kept


class PackedCache(support.Case):
    def setUp(self):
        super().setUp()
        self.model = self.wide_model()
        self.cache = self.folder / "cache" / "packed"

    def wide_model(self):
        """A model of one layer with as few tensors as can be."""
        model = self.folder / "model"
        model.mkdir()
        config = {"model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2,
                  "num_key_value_heads": 2, "vocab_size": VOCAB, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
                  "max_position_embeddings": 64, "tie_word_embeddings": True}
        (model / "config.json").write_text(json.dumps(config))
        state = 1

        def values(count):
            nonlocal state
            for _ in range(count):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                yield (state >> 40) / 2**24 - 0.5

        layer, tensors = "model.layers.0.", {"model.embed_tokens.weight": (VOCAB, HIDDEN), "model.norm.weight": (HIDDEN,)}
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{layer}{name}.weight"] = (HIDDEN,)
        for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"):
            tensors[f"{layer}{name}.weight"] = (HIDDEN, HIDDEN)
        write_safetensors(model / "model.safetensors", {n: (list(s), list(values(s[0] * (s[1] if len(s) > 1 else 1)))) for n, s in tensors.items()})
        return model

    def logits(self, *more, **options):
        out = self.folder / "out.safetensors"
        done = run("logits", "--model", self.model, "--ids", "1,2,3", "-o", out, *more, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return out.read_bytes()

    def kept(self):
        return {file.name: file.stat().st_mtime_ns for file in self.cache.iterdir()}

    def test_answers_are_the_same(self):
        for format in ("none", "q8_0"):
            plain = self.logits("--quantize", format)
            self.assertEqual(self.logits("--quantize", format, "--packed-cache", self.cache), plain)
            kept = self.kept()
            self.assertTrue(any(name.endswith(".packed") for name in kept), kept)
            self.assertEqual(self.logits("--quantize", format, "--packed-cache", self.cache), plain)
            self.assertEqual(self.kept(), kept)

    def test_the_environment_names_a_folder_too(self):
        plain = self.logits()
        self.assertEqual(self.logits(env={**os.environ, "TTT_PACKED_CACHE": str(self.cache)}), plain)
        self.assertTrue(self.kept())
        other = self.folder / "other"
        self.logits("--packed-cache", other, env={**os.environ, "TTT_PACKED_CACHE": str(self.folder / "none")})
        self.assertTrue(other.is_dir())
        self.assertFalse((self.folder / "none").exists())

    def test_changed_weights_are_not_taken_from_it(self):
        first = self.logits("--packed-cache", self.cache)
        file = self.model / "model.safetensors"
        bytes_, times = bytearray(file.read_bytes()), file.stat()
        bytes_[-10_000] ^= 64
        file.write_bytes(bytes_)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        changed = self.logits("--packed-cache", self.cache)
        self.assertNotEqual(changed, first)
        self.assertEqual(changed, self.logits())

    def test_a_folder_that_cannot_be_used(self):
        file = self.folder / "file"
        file.write_text("")
        self.fails(1, "logits", "--model", self.model, "--ids", "1", "-o", self.folder / "out", "--packed-cache", file / "folder",
                   says="choose another folder")
        self.fails(2, "logits", "--model", self.model, "--ids", "1", "-o", self.folder / "out", "--packed-cache", "", says="a folder's name")


if __name__ == "__main__":
    support.main()
