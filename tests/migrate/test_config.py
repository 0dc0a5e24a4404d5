#!/usr/bin/env python3
"""`ttt migrate config`: committed answers for version 1's settings, its environment variables, and settings that it did not have.

usage: test_config.py PROGRAM GOLDENS_FOLDER
"""
import json

import migrate_support
from migrate_support import environment, expected, support

MODEL = "Llama-3.1-8B-Instruct"
CONFIG = ("migrate", "config", "-o", "settings.json")
CASES = {
    "performance": ("--optimizations", "performance"),
    "accuracy-mesh": ("--mesh-device", "T3K"),
    "last-layer": ("--mesh-device", "N150", "--optimizations", "performance", "--decoder-precision", "last_layer.json"),
    "partial": ("--decoder-precision", "partial.json", "--page-params", '{"page_block_size": 64, "page_max_num_blocks_per_dp": 1024}'),
}


def formats(settings, name):
    """The format of a tensor by the first rule that matches."""
    import fnmatch
    return next(rule["format"] for rule in settings["weight_formats"] if fnmatch.fnmatchcase(name, rule["tensors"]))


class Config(migrate_support.Case):
    def setUp(self):
        super().setUp()
        self.where = {"cwd": self.samples(), "env": environment()}

    def settings(self):
        return json.loads((self.where["cwd"] / "settings.json").read_text())

    def test_committed_answers(self):
        for name, flags in CASES.items():
            with self.subTest(name):
                text = self.ok(*CONFIG, "--hf-model", MODEL, *flags, **self.where)
                self.assertEqual(text, expected(f"config-{name}.txt"))
                self.assertEqual((self.where["cwd"] / "settings.json").read_text(), expected(f"config-{name}.settings.json"))
                report = self.json(*CONFIG, "--hf-model", MODEL, *flags, **self.where)
                self.assertEqual(report["settings"], "settings.json")
                self.assertEqual(len(report["report"]), len(text.splitlines()) - 1)

    def test_every_layer_has_version_1s_precision(self):
        """Of partial.json, which has layers with all, some and no precisions, and lacks some layers."""
        self.ok(*CONFIG, "--hf-model", MODEL, "--decoder-precision", "partial.json", **self.where)
        settings = self.settings()
        decoders = json.loads((self.where["cwd"] / "partial.json").read_text())["decoders"]
        preset = {"FF1_FF3": "BFP8", "FF2": "BFP8", "WQKV": "BF16", "WO": "BF16"}  # accuracy, for a model without a rule
        tensors = {"FF1_FF3": ["mlp.gate_proj", "mlp.up_proj"], "FF2": ["mlp.down_proj"], "WO": ["self_attn.o_proj"],
                   "WQKV": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]}
        for layer in range(32):
            given = decoders.get(str(layer), {}).get("precision_cfg")
            want = preset if given is None else {group: given.get(group, "BFP8") for group in preset}
            for group, names in tensors.items():
                for name in names:
                    self.assertEqual(formats(settings, f"model.layers.{layer}.{name}.weight"), want[group].lower(), (layer, name))
        self.assertEqual(settings["kv_dtype"], "bf16")

    def test_version_1s_variables(self):
        self.where["env"] = environment(HF_MODEL=MODEL + "/", MESH_DEVICE="N300", TT_CACHE_PATH="/cache")
        text = self.ok(*CONFIG, **self.where)
        self.assertIn("N300: 2 wormhole_b0 chips", text)
        self.assertIn("TT_CACHE_PATH", text)
        self.assertIn("for Llama-3.1-8B-Instruct: FF1_FF3 BFP8", text)
        self.assertIn("P150: one blackhole chip", self.ok(*CONFIG, "--mesh-device", "P150", **self.where))
        self.where["env"] = environment()
        self.fails(2, *CONFIG, says="--hf-model is required", **self.where)

    def test_presets_by_model(self):
        config = (self.where["cwd"] / MODEL / "config.json").read_text()
        for name, preset, gate, query, cache in (
            ("Llama-3.1-70B-Instruct", "accuracy", "bfp4", "bfp8", "q8"),
            ("Mistral-7B-Instruct-v0.3", "accuracy", "bfp8", "bfp8", "q8"),
            ("Qwen2.5-7B-Instruct", "performance", "bfp8", "bf16", "bf16"),
            ("Qwen3-8B", "accuracy", "bfp8", "bf16", "bf16"),
            ("Qwen3-8B", "performance", "bfp4", "bfp8", "q8"),
        ):
            folder = self.where["cwd"] / name
            folder.mkdir(exist_ok=True)
            (folder / "config.json").write_text(config)
            self.ok(*CONFIG, "--hf-model", name, "--optimizations", preset, **self.where)
            settings = self.settings()
            got = (formats(settings, "model.layers.5.mlp.gate_proj.weight"), formats(settings, "model.layers.5.self_attn.q_proj.weight"), settings["kv_dtype"])
            self.assertEqual(got, (gate, query, cache), (name, preset))

    def test_experts(self):
        folder = self.where["cwd"] / "Mixtral-8x7B"
        folder.mkdir()
        (folder / "config.json").write_text('{"model_type": "mixtral", "num_hidden_layers": 4}')
        self.ok(*CONFIG, "--hf-model", folder, "--optimizations", "performance", **self.where)
        self.assertEqual(formats(self.settings(), "model.layers.3.mlp.experts.7.up_proj.weight"), "bfp4")

    def test_settings_that_version_1_did_not_have(self):
        decoders = self.where["cwd"] / "decoders.json"
        run = (*CONFIG, "--hf-model", MODEL, "--decoder-precision", "decoders.json")
        for text, says in (
            ('{"decoders": {"3": {"precision_cfg": {"FF3": "BFP8"}}}}', 'decoders.3.precision_cfg.FF3: no tensor group "FF3"; there are: FF1_FF3, FF2'),
            ('{"decoders": {"3": {"precision_cfg": {"FF2": "FP16"}}}}', 'no value "FP16"; there are: BFP4, BFP8, BF16'),
            ('{"decoders": {"3": {"precision_cfg": {"FF2": 8}}}}', "expected one of BFP4, BFP8, BF16, got number"),
            ('{"decoders": {"3": {"fidelity_cfg": {"LI_FF3": "LOFI"}}}}', 'no operator group "LI_FF3"'),
            ('{"decoders": {"3": {"fidelity_cfg": {"LI_FF2": "HIFI3"}}}}', 'no value "HIFI3"'),
            ('{"decoders": {"3": {"precision": {}}}}', "decoders.3.precision: unknown key; there are: precision_cfg, fidelity_cfg"),
            ('{"decoders": {"03": {}}}', "decoders.03: expected a layer's number"),
            ('{"decoders": {"-1": {}}}', "decoders.-1: expected a layer's number"),
            ('{"decoders": {"99999999999": {}}}', "expected a layer's number"),
            ('{"decoders": {"32": {}}}', "decoders.32: the model has layers 0 to 31"),
            ('{"decoders": {}}', "decoders: names no layer"),
            ('{"decoders": []}', "decoders: expected an object, got array"),
            ('{"decoders": {"1": {}}, "presets": 1}', "presets: unknown key; there is: decoders"),
            ('{"layers": {}}', "layers: unknown key"),
            ("[]", "decoders.json"),
            ('{"decoders": {"1": {}, "1": {}}}', "duplicate key"),
            ('{"decoders": ' + '{"1":' * 100 + "1" + "}" * 101, "nesting deeper"),
            ("", "is empty"),
            ("{" + ", ".join(f'"{i}": 0' for i in range(10_001)) + "}", "has an object of more than 10000 keys"),
        ):
            with self.subTest(text=text[:60]):
                decoders.write_text(text)
                self.fails(1, *run, says=says, **self.where)
        self.fails(1, *CONFIG, "--hf-model", MODEL, "--mesh-device", "n150", says='expected one of N150, N300, N150x4, T3K', **self.where)
        self.fails(2, *CONFIG, "--hf-model", MODEL, "--optimizations", "fast", says="performance", **self.where)
        self.fails(1, *CONFIG, "--hf-model", "meta-llama/Llama-3.1-8B", says="a name on the Hub", **self.where)
        self.fails(1, *CONFIG, "--hf-model", support.GOLDENS / "gpt2", says='"gpt2" has no counterpart of version 1 here', **self.where)
        for params, says in (("{}", "page_block_size"), ('{"page_block_size": 24}', "multiple of 16"), ('{"page_block_size": 32, "x": 1}', "x: unknown key")):
            self.fails(1, *CONFIG, "--hf-model", MODEL, "--page-params", params, says=says, **self.where)
        self.fails(1, *CONFIG[:2], "-o", "no/settings.json", "--hf-model", MODEL, says="cannot be written", **self.where)
        for file in ("decoders.json", f"{MODEL}/config.json"):
            self.fails(1, *CONFIG[:2], "-o", file, *run[4:], says="would be written over", **self.where)
        self.fails(1, *CONFIG[:2], "-o", "/dev/null", "--hf-model", MODEL, says="is not a regular file", **self.where)

    def test_broken_json(self):
        decoders, config = self.where["cwd"] / "decoders.json", self.where["cwd"] / MODEL / "config.json"
        whole, model = (self.where["cwd"] / "last_layer.json").read_bytes(), config.read_bytes()
        run = ("config", "-o", "settings.json", "--hf-model", MODEL, "--decoder-precision", "decoders.json")
        for text in migrate_support.broken(whole, 24):
            decoders.write_bytes(text)
            self.ends_well(*run, **self.where)
        decoders.write_bytes(whole)
        for text in migrate_support.broken(model, 32):
            config.write_bytes(text)
            self.ends_well(*run, **self.where)


if __name__ == "__main__":
    support.main()
