#!/usr/bin/env python3
"""--settings: weight formats tensor by tensor, and what else the file may say.

usage: test_settings.py PROGRAM GOLDENS_FOLDER
"""
import json
import os
import pathlib
import struct
import sys

import support
from support import GOLDENS, TINY, read_safetensors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "goldens"))
import block_float

MODEL = GOLDENS / "llama-rows-of-64"
EXPERTS = GOLDENS / "gpt-oss-layer-types-v4"  # stacked in the checkpoint, in f16
IDS = "1,2,3,5,8,13,21,34,55"


def read_bf16(path):
    """{name: (shape, values)} of a file of BF16 tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        words = struct.unpack(f"<{(end - begin) // 2}H", data[begin:end])
        tensors[name] = entry["shape"], [struct.unpack("<f", struct.pack("<I", word << 16))[0] for word in words]
    return tensors


class Settings(support.Case):
    def settings(self, **values):
        return self.text(json.dumps(values))

    def text(self, text):
        file = self.folder / f"settings-{len(list(self.folder.iterdir()))}.json"
        file.write_text(text)
        return file

    def formats(self, **formats):
        """A rule for each."""
        return self.settings(weight_formats=[{"tensors": tensors, "format": name} for tensors, name in formats.items()])

    def logits(self, *more, model=MODEL):
        file = self.folder / "logits.safetensors"
        self.ok("logits", "--model", model, "--ids", IDS, "-o", file, *more)
        return read_safetensors(file)["logits"][1]

    def weights(self, *more, model=MODEL):
        return self.json("inspect", "--model", model, "--device", "x86-generic", *more)["memory_plan"]["weights"]

    def pcc(self, *more, model=MODEL):
        done = support.run("compare", "--model", model, "--golden", model / "golden.safetensors", "--min-pcc", "-1", "--json", *more)
        return json.loads(done.stdout)["pcc"]


class WeightFormats(Settings):
    def test_logits_are_those_of_a_model_that_was_rounded_before(self):
        """The rounding is block_float.py's; what the program's kernels make of it in float32 must agree to the last digits."""
        tensors = read_bf16(MODEL / "model.safetensors")
        exact = self.logits("--precision", "exact")
        for format in block_float.BITS:
            rounded = {name: (shape, block_float.rounded(values, format) if name.endswith(("_proj.weight", "lm_head.weight")) else values)
                       for name, (shape, values) in tensors.items()}
            model = self.model(MODEL)
            support.write_safetensors(model / "model.safetensors", rounded)
            want = self.logits("--precision", "exact", model=model)
            size = max(map(abs, want))
            self.assertGreater(max(abs(a - b) for a, b in zip(want, exact)), 1e-3 * size, "rounding is seen")
            rules = self.settings(weight_formats=[{"tensors": "*_proj.weight", "format": format}, {"tensors": "lm_head.weight", "format": format}])
            for flags in (("--quantize", format), ("--settings", rules)):
                got = self.logits("--precision", "exact", *flags)
                self.assertLess(max(abs(a - b) for a, b in zip(got, want)), 1e-5 * size, flags)
            fast = self.logits("--quantize", format)
            self.assertLess(max(abs(a - b) for a, b in zip(fast, want)), 5e-3 * size)

    def test_close_to_the_reference(self):
        self.assertGreater(self.pcc("--quantize", "bfp8"), 0.99)
        self.assertGreater(self.pcc("--quantize", "bfp8"), self.pcc("--quantize", "bfp4"))

    def test_the_memory_plan_follows_the_formats(self):
        plain = self.weights()
        for tensors, format, rows, cols, bytes_of_256 in (("model.layers.0.mlp.down_proj.weight", "bfp8", 64, 96, 272),
                                                          ("*.q_proj.weight", "bfp4", 64, 64, 144), ("*.k_proj.weight", "q8_0", 32, 64, 272)):
            got = self.weights("--settings", self.formats(**{tensors: format}))
            self.assertEqual(plain - got, rows * cols * 2 - rows * cols * bytes_of_256 // 256, tensors)
        planned = self.json("inspect", "--model", MODEL, "--device", "wormhole_b0", "--settings", self.formats(**{"*_proj.weight": "bfp8"}))
        self.assertLess(planned["memory_plan"]["weights"], plain)

    def test_the_first_rule_that_matches_decides(self):
        rules = [{"tensors": "*.mlp.down_proj.weight", "format": "bf16"}, {"tensors": "*.mlp.*.weight", "format": "bfp4"}]
        some = self.settings(weight_formats=rules)
        gate_and_up = self.settings(weight_formats=[{"tensors": "*.mlp.gate_proj.weight", "format": "bfp4"},
                                                    {"tensors": "*.mlp.up_proj.weight", "format": "bfp4"}])
        self.assertEqual(self.logits("--settings", some), self.logits("--settings", gate_and_up))
        self.assertNotEqual(self.logits("--settings", some), self.logits())
        self.fails(1, "inspect", "--model", MODEL, "--settings", self.settings(weight_formats=rules[::-1]),
                   says='weight_formats] "*.mlp.down_proj.weight" decides for no tensor')

    def test_stacked_experts(self):
        rule = self.formats(**{"model.layers.1.mlp.experts.*.gate_proj.weight": "bfp8"})
        self.assertLess(self.weights("--settings", rule, model=EXPERTS), self.weights(model=EXPERTS))
        self.assertGreater(self.pcc("--settings", rule, model=EXPERTS), 0.99)

    def test_tensors_that_cannot_have_the_format(self):
        for model, tensors, says in (
            (MODEL, "*", "model.embed_tokens.weight: cannot be stored as bfp8: it is not the matrix of a linear layer"),
            (MODEL, "model.norm.*", "model.norm.weight: cannot be stored as bfp8: it is not the matrix of a linear layer"),
            (TINY, "*.q_proj.weight", "cannot be stored as bfp8: rows of 45 are not whole blocks of 16"),
            (GOLDENS / "gguf" / "llama-rows-of-64-q8_0.gguf", "*.q_proj.weight", "cannot be stored as bfp8: it is q8_0;"),
        ):
            for verb in (["inspect"], ["generate", "--ids", "1,2"]):
                self.fails(1, verb[0], "--model", model, *verb[1:], "--settings", self.formats(**{tensors: "bfp8"}), says=says)

    def test_a_rule_that_matches_nothing(self):
        file = self.formats(**{"*.q_proj.weight": "bfp8", "model.layers.7.*": "bfp8"})
        self.fails(1, "generate", "--model", MODEL, "--ids", "1", "--settings", file,
                   says=f'[{file}: weight_formats] "model.layers.7.*" matches no tensor of this model; names are like model.')


class OtherSettings(Settings):
    def test_flags_come_before_the_file(self):
        every = {"*_proj.weight": "bfp4"}
        self.assertEqual(self.logits("--settings", self.formats(**every), "--quantize", "none"), self.logits())
        self.assertEqual(self.weights("--settings", self.formats(**every), "--quantize", "bfp8"), self.weights("--quantize", "bfp8"))
        # With --quantize there are no rules, and so none that matches nothing.
        self.ok("inspect", "--model", MODEL, "--settings", self.formats(nothing="bfp8"), "--quantize", "none")

    def test_device(self):
        file = self.settings(device="blackhole")
        plan = lambda *more: self.json("inspect", "--model", MODEL, "--settings", file, *more)["memory_plan"]["device"]
        self.assertEqual(plan(), "blackhole")
        self.assertEqual(plan("--device", "wormhole_b0"), "wormhole_b0")
        self.fails(1, "inspect", "--model", MODEL, "--settings", self.settings(device="abacus"), says='device: expected one of auto, ')

    def test_kv_dtype(self):
        file = self.settings(kv_dtype="q8")
        cache = lambda *more: self.json("inspect", "--model", MODEL, "--ctx", 64, *more)["memory_plan"]["cache"]
        self.assertEqual(cache("--settings", file), cache("--kv-dtype", "q8"))
        self.assertEqual(cache("--settings", file, "--kv-dtype", "f32"), cache("--kv-dtype", "f32"))
        self.assertLess(cache("--settings", file), cache())

    def test_device_params(self):
        cache = lambda *more: self.json("inspect", "--model", MODEL, "--ctx", 17, *more)["memory_plan"]["cache"]
        small, large = ({"attention": {"page_size": size, "kv_split": 1024}} for size in (16, 256))
        self.assertLess(cache("--settings", self.settings(device_params=small)), cache("--settings", self.settings(device_params=large)))
        params = self.folder / "params.json"
        params.write_text(json.dumps(small))
        self.assertEqual(cache("--settings", self.settings(device_params=large), "--device-params", params), cache("--device-params", params))
        file = self.settings(device_params={"attention": {"page": 1}})
        self.fails(1, "inspect", "--model", MODEL, "--settings", file, says=f"[{file}: device_params] attention.page: no such parameter; there are: ")
        file = self.settings(device_params={"attn": {}})
        self.fails(1, "inspect", "--model", MODEL, "--settings", file, says="attn: no such operation; there are: attention, linear, prefill")

    def test_an_empty_file_changes_nothing(self):
        self.assertEqual(self.logits("--settings", self.settings()), self.logits())
        self.assertEqual(self.logits("--settings", self.settings(weight_formats=[], device="auto", device_params={})), self.logits())

    def test_what_the_file_may_not_say(self):
        rule = {"tensors": "*_proj.weight", "format": "bfp8"}
        for values, says in (
            ({"weights": []}, "weights: no such setting; there are: weight_formats, kv_dtype, device, device_params"),
            ({"weight_formats": [rule, {**rule, "block": 16}]}, "weight_formats[1].block: no such setting; there are: tensors, format"),
            ({"weight_formats": [{"format": "bfp8"}]}, "weight_formats[0].tensors: expected a string, but it is absent"),
            ({"weight_formats": [{**rule, "format": "bfp2"}]}, 'weight_formats[0].format: expected one of bfp8, bfp4, bf16, q8_0, q4_0, got "bfp2"'),
            ({"weight_formats": [{**rule, "format": "q4_k"}]}, 'got "q4_k"'), ({"weight_formats": [{**rule, "format": 8}]}, "expected a string, got 8"),
            ({"weight_formats": ["bfp8"]}, "weight_formats: expected a list of objects"), ({"weight_formats": rule}, "weight_formats: expected a list of objects"),
            ({"kv_dtype": "f64"}, 'kv_dtype: expected one of f32, f16, bf16, q8, got "f64"'), ({"device": 3}, "device: expected a string, got 3"),
            ({"device_params": None}, "device_params: expected a value, got null"), ({"kv_dtype": None}, "kv_dtype: expected a value, got null"),
            ({"device_params": 3}, "device_params: expected an object"), ({"device_params": {"attention": 3}}, "attention: expected an object of parameters"),
            ({"device_params": {"attention": {"page_size": 1.5}}}, "attention.page_size: expected an integer, got 1.5"),
        ):
            with self.subTest(values):
                file = self.settings(**values)
                self.fails(1, "inspect", "--model", MODEL, "--settings", file, says=says)

    def test_hostile_files(self):
        for text in ("", "[]", "{", "nonsense", '{"device": "auto", "device": "cpu"}', '{"weight_formats": ' + "[" * 100_000, '{"kv_dtype": NaN}',
                     '{"device_params": {"attention": ' + '{"a":' * 70 + "1" + "}" * 72, "{" + " " * (5 << 20) + "}", "\0" * 100):
            with self.subTest(text[:40]):
                file = self.text(text)
                self.fails(1, "inspect", "--model", MODEL, "--settings", file, says=f"[{file}")
        file = self.folder / "bytes.json"
        file.write_bytes(b'{"device": "\xff"}')
        self.fails(1, "inspect", "--model", MODEL, "--settings", file, says=f"[{file}", errors="replace")
        self.fails(1, "inspect", "--model", MODEL, "--settings", self.folder, says="expected a settings file, got a folder")
        self.fails(1, "inspect", "--model", MODEL, "--settings", self.folder / "absent", says="cannot be opened: No such file or directory")
        self.fails(2, "inspect", "--model", MODEL, "--settings", "", says="--settings: expected a file's name")
        if os.path.exists("/dev/zero"):
            self.fails(1, "inspect", "--model", MODEL, "--settings", "/dev/zero", says="is longer than")


if __name__ == "__main__":
    support.main()
