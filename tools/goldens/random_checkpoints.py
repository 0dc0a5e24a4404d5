#!/usr/bin/env python3
"""Compares the program with Hugging Face transformers on random settings of every family, beyond the committed goldens.

usage: random_checkpoints.py --ttt build/bin/ttt [--count 3] [--seed 1] [--only MODEL_TYPE...] [--keep DIR] [--verbose]

Takes a committed case of tools/goldens/cases and draws its numbers and switches anew, makes the checkpoint and edits
its config.json as config_edits.py says; then transformers reads the folder, and what it computes is what `ttt compare
--precision exact` must give. Prints what differs by more than LIMIT or is refused, which edited key alone is enough for
that, the edits and the settings, and exits 1 when something differs. Settings that transformers itself refuses are
drawn again, and so are edits, a few times; --verbose prints those and its reasons.
"""
import argparse
import contextlib
import copy
import dataclasses
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig
from transformers.activations import ACT2CLS

import config_edits
import make_model_goldens as goldens

LIMIT = 5e-4  # where logits deviate by SPREAD or less
SPREAD = 10.0
MARGIN = 1e-4  # by what part of its score an expert must lead the first that is left out: a tie decides nothing
ACTIVATIONS = ["silu", "gelu", "gelu_pytorch_tanh", "relu", "gelu_new"]
OTHER_ACTIVATIONS = sorted(set(ACT2CLS) - set(ACTIVATIONS) - {"prelu", "xielu"})  # those two have weights of their own
PARTS = [0.25, 0.375, 0.4, 0.45, 0.5, 0.6, 0.75, 1.0]  # of a head that turn; some give odd widths
EDITS = 5
WORDS = 40  # letters of a failure, to know it again
# Switches a family has beside those in its cases.
SWITCHES = {
    "llama": ["attention_bias", "mlp_bias", "tie_word_embeddings"], "mistral": ["tie_word_embeddings"], "qwen2": ["tie_word_embeddings"],
    "qwen3": ["attention_bias", "tie_word_embeddings"], "gemma": ["attention_bias"], "gemma2": ["attention_bias"],
    "gemma3_text": ["attention_bias", "tie_word_embeddings"],
    "gpt2": ["scale_attn_by_inverse_layer_idx", "scale_attn_weights", "tie_word_embeddings"],
    "gpt_neox": ["use_parallel_residual", "attention_bias", "tie_word_embeddings"], "phi": ["tie_word_embeddings", "qk_layernorm"],
    "phi3": ["tie_word_embeddings"], "mixtral": ["tie_word_embeddings"],
    "qwen2_moe": ["norm_topk_prob", "qkv_bias", "tie_word_embeddings"], "qwen3_moe": ["norm_topk_prob", "attention_bias", "tie_word_embeddings"],
    "olmo2": ["attention_bias", "tie_word_embeddings"], "cohere": ["attention_bias", "use_qk_norm"], "cohere2": ["attention_bias"],
    "falcon": ["bias", "parallel_attn", "multi_query", "new_decoder_architecture", "tie_word_embeddings"],
    "starcoder2": ["use_bias", "tie_word_embeddings"], "stablelm": ["use_qkv_bias", "qk_layernorm", "use_parallel_residual", "tie_word_embeddings"],
    "granite": ["attention_bias", "mlp_bias", "tie_word_embeddings"], "smollm3": ["attention_bias", "mlp_bias", "tie_word_embeddings"],
    "gpt_oss": ["tie_word_embeddings", "attention_bias"],
    "deepseek_v2": ["attention_bias", "mlp_bias", "norm_topk_prob", "tie_word_embeddings"],
    "deepseek_v3": ["attention_bias", "norm_topk_prob", "rope_interleave", "tie_word_embeddings"], "bert": [],
}
ACTIVATION_KEYS = {"gpt2": "activation_function", "falcon": "activation", "gemma": None, "gemma2": "hidden_activation", "gemma3_text": "hidden_activation",
                   "gpt_oss": None}
WINDOWED_BY_SWITCH = {"qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "smollm3"}
TYPED_LAYERS = {"qwen2", "qwen3", "qwen2_moe", "smollm3", "gemma2", "gemma3_text", "cohere2", "gpt_oss"}


def maybe(rng, probability, **settings):
    return settings if rng.random() < probability else {}


def draw_factors(rng, width):
    count = max(width // 2, 1)
    return {"short_factor": [round(1 + 0.1 * i, 3) for i in range(count)], "long_factor": [round(1.5 + 0.4 * i, 3) for i in range(count)],
            **maybe(rng, 0.3, attention_factor=1.25)}


def draw_rope(rng, parameters, head, settings):
    if "sliding_attention" in parameters:
        drawn = {key: draw_rope(rng, value, head, settings) for key, value in parameters.items()}
        for each in drawn.values():
            each.pop("truncate", None)  # transformers 5.23 looks for it beside the two, not in them
        return drawn
    result = {"rope_type": "default", "rope_theta": float(rng.choice([500, 1e4, 7.5e4, 1e6]))}
    part = 1.0
    if "partial_rotary_factor" in parameters or rng.random() < 0.04:
        part = result["partial_rotary_factor"] = rng.choice([parameters.get("partial_rotary_factor", 0.5), *PARTS])
    width = int(head * part)
    if parameters["rope_type"] == "longrope":
        return {**parameters, **result, "rope_type": "longrope", **draw_factors(rng, width)}
    original = rng.choice([16, 24, 40])
    beta = {**maybe(rng, 0.3, beta_fast=rng.choice([8, 20.0])), **maybe(rng, 0.2, beta_slow=2), **maybe(rng, 0.3, truncate=False),
            **maybe(rng, 0.2, attention_factor=0.9), **maybe(rng, 0.2, mscale=0.8, mscale_all_dim=rng.choice([0.5, 0.8]))}
    if parameters["rope_type"] == "yarn":
        return {**parameters, "rope_theta": result["rope_theta"], "factor": rng.choice([2.0, 5.5]), **beta}
    kind = rng.choice(["default", "default", "linear", "yarn", "llama3", "longrope", "dynamic"])
    if kind == "linear":
        result |= {"rope_type": "linear", "factor": rng.choice([1.5, 3.0])}
    elif kind == "yarn":
        result |= {"rope_type": "yarn", "factor": rng.choice([2.0, 4.0]), "original_max_position_embeddings": original, **beta}
    elif kind == "llama3":
        result |= {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": original}
    elif kind == "longrope":
        result |= {"rope_type": "longrope", "original_max_position_embeddings": original, **maybe(rng, 0.7, factor=4.0), **draw_factors(rng, width)}
    elif kind == "dynamic":
        result |= {"rope_type": "dynamic", "factor": rng.choice([2.0, 3.5])}
        settings["max_position_embeddings"] = 32
    return result


def draw_layers(rng, kind, s, layers):
    """Which layers slide and which have experts."""
    count = s[layers]
    if kind in WINDOWED_BY_SWITCH and rng.random() < 0.5:
        s.pop("layer_types", None)
        s |= {"use_sliding_window": rng.random() < 0.7, "sliding_window": rng.randint(2, 40)}
        if kind not in ("smollm3", "qwen3_moe"):
            s["max_window_layers"] = rng.randint(0, count + 1)
    elif kind in TYPED_LAYERS and rng.random() < 0.3:
        s["layer_types"] = [rng.choice(["full_attention", "sliding_attention"]) for _ in range(count)]
        s["sliding_window"] = rng.randint(2, 40)
        if kind in WINDOWED_BY_SWITCH:
            s["use_sliding_window"] = True
    if kind in ("qwen2_moe", "qwen3_moe") and rng.random() < 0.5:
        s["mlp_only_layers"] = [i for i in range(count) if rng.random() < 0.3]
        s["decoder_sparse_step"] = rng.randint(1, 3)
    if kind == "smollm3" and rng.random() < 0.5:
        s.pop("no_rope_layers", None)
        s |= rng.choice([{"no_rope_layers": [rng.randint(0, 1) for _ in range(count)]}, {"no_rope_layer_interval": rng.randint(1, 5)}])


def draw_experts(rng, kind, s):
    experts = next((k for k in ("num_experts", "num_local_experts", "n_routed_experts") if k in s), None)
    if experts and rng.random() < 0.5:
        s["num_experts_per_tok"] = rng.randint(1, s[experts])
    if kind not in ("deepseek_v2", "deepseek_v3"):
        return
    s |= {"n_shared_experts": rng.randint(1, 3), "first_k_dense_replace": rng.randint(0, s["num_hidden_layers"])}
    if rng.random() < 0.6:
        size, s["n_group"] = rng.randint(2, 4), rng.randint(1, 4)
        s[experts], s["topk_group"] = size * s["n_group"], rng.randint(1, s["n_group"])
        s["num_experts_per_tok"] = rng.randint(1, size * s["topk_group"])
    elif s.get("n_group"):
        s["num_experts_per_tok"] = rng.randint(1, s[experts] // s["n_group"] * s["topk_group"])
    if kind == "deepseek_v2":
        s["topk_method"] = rng.choice(["greedy", "group_limited_greedy"]) if s.get("n_group") else "greedy"


def draw(rng, kind, base):
    s = copy.deepcopy(base)
    s["vocab_size"] = rng.randint(40, 160)
    layers = "n_layer" if "n_layer" in s else "num_hidden_layers"
    if "layer_types" not in s and "no_rope_layers" not in s:
        s[layers] = rng.randint(1, 4)
    draw_layers(rng, kind, s, layers)
    for key in s:
        if key in ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon") and rng.random() < 0.7:
            s[key] = rng.choice([1e-6, 1e-5, 1e-3])
        elif key in ("intermediate_size", "moe_intermediate_size", "shared_expert_intermediate_size", "ffn_hidden_size", "n_inner") and kind != "gpt_oss" and s[key]:
            s[key] = rng.randint(17, 100)
        elif key == "sliding_window" and s[key]:
            s[key] = rng.randint(2, 40)
        elif key in ("logit_scale", "embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling", "query_pre_attn_scalar"):
            drawn = s[key] * rng.uniform(0.6, 1.6)
            s[key] = int(drawn) + 1 if isinstance(s[key], int) else round(drawn, 3)
    if kind == "gpt2":
        s["n_head"] = rng.randint(1, 5)
        s["n_embd"] = s["n_head"] * rng.choice([6, 9, 16])
    elif kind in ("phi", "gpt_neox", "bert"):
        head, kv = base["hidden_size"] // base["num_attention_heads"], rng.randint(1, 5)
        s["num_attention_heads"], s["hidden_size"] = kv, kv * head
        if "num_key_value_heads" in s:
            s["num_key_value_heads"] = kv
    elif kind in ("deepseek_v2", "deepseek_v3"):
        s["num_attention_heads"] = s["num_key_value_heads"] = rng.randint(1, 5)
        s["kv_lora_rank"], s["v_head_dim"], s["qk_nope_head_dim"] = (rng.randint(8, 40) for _ in range(3))
        s["hidden_size"] = s["num_attention_heads"] * rng.randint(5, 12)
        s["q_lora_rank"] = rng.choice([None, rng.randint(8, 40)])
    if kind not in ("gpt2", "falcon", "bert", "deepseek_v2", "deepseek_v3", "phi", "gpt_neox"):
        kv = rng.choice([1, 2, 3])
        heads = kv * rng.choice([1, 2, 4])
        s["num_attention_heads"], s["num_key_value_heads"] = heads, kv
        if "head_dim" in s:
            s["head_dim"] = rng.choice([8, 12, 18, 20])
            s["hidden_size"] = 32 * rng.randint(1, 2) if kind == "gpt_oss" else heads * rng.randint(6, 12)
            if rng.random() < 0.15:  # what a configuration that does not say it means
                s["head_dim"] = type(AutoConfig.for_model(kind)).head_dim or s["hidden_size"] // heads
        else:
            head = base["hidden_size"] // base["num_attention_heads"]
            s["hidden_size"] = head * heads
    draw_experts(rng, kind, s)
    head = s.get("qk_rope_head_dim") or s.get("head_dim") or s.get("hidden_size", 0) // s.get("num_attention_heads", 1)
    if "rope_parameters" in s and rng.random() < 0.8:
        s["rope_parameters"] = draw_rope(rng, s["rope_parameters"], head, s)
    for switch in SWITCHES[kind]:
        if rng.random() < 0.4:
            s[switch] = not s.get(switch, False)
    key = ACTIVATION_KEYS.get(kind, "hidden_act")
    if key and rng.random() < 0.5:
        s[key] = rng.choice(ACTIVATIONS if rng.random() < 0.8 else OTHER_ACTIVATIONS)
    return s


def ask(folder, kind, ids):
    """What transformers computes of the folder, and the tensors that it leaves unread."""
    model, unread = goldens.load_with_unread(folder, kind)
    key = "last_hidden_state" if kind in goldens.ENCODERS else "logits"
    leads = [float("inf")]
    with torch.no_grad(), goldens.watch_choices(leads):
        answer = model(ids, **({} if kind in goldens.ENCODERS else {"use_cache": False}))[key].contiguous()
    assert torch.isfinite(answer).all(), "an answer that is no number"
    assert min(leads) > MARGIN, "experts chosen by a hair"
    return {"input_ids": ids, key: answer}, float(answer.std()), unread


@dataclasses.dataclass
class Trial:
    """A checkpoint, its config.json before and after the edits, and what transformers said of edits it did not take."""
    kind: str
    name: str
    settings: dict
    folder: pathlib.Path
    ids: torch.Tensor
    unread: set
    written: dict
    edited: dict = None
    edits: list = dataclasses.field(default_factory=list)
    refused: list = dataclasses.field(default_factory=list)

    def set_config(self, config):
        """Writes the file, and transformers' answer to it as the golden. Throws what transformers throws. Returns the
        largest difference allowed."""
        (self.folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        golden, spread, left = ask(self.folder, self.kind, self.ids)
        assert left == self.unread, f"tensors left unread: {sorted(left - self.unread)[:3]}"
        save_file(golden, self.folder / "golden.safetensors")
        return LIMIT * max(1.0, spread / SPREAD)

    def compare(self, program, config):
        """How the program fails on that configuration, or None."""
        limit = self.set_config(config)
        run = subprocess.run([program, "compare", "--model", self.folder, "--golden", self.folder / "golden.safetensors",
                              "--precision", "exact", "--json"], capture_output=True, text=True)
        try:
            difference = json.loads(run.stdout)["max_abs_diff"]
        except json.JSONDecodeError:
            error = run.stderr.strip().removeprefix("ttt: error: ").replace(f"{self.folder}/", "") or f"exit code {run.returncode}"
            return "refused: " + " ".join(error.split())[:300]
        return None if difference <= limit else f"differs by {difference:.3g}"

    def causes(self, program, failure):
        """The edits of one key that are enough for the program to fail so: ["unedited"] where none is needed, none where
        several are."""
        def fails(config):
            found = self.compare(program, config) or ""
            return found[:WORDS] == failure[:WORDS] or found.startswith("differs") and failure.startswith("differs")

        if fails(self.written):
            return ["unedited"]
        rope, enough = config_edits.ROPE_KEYS, []
        for keys in [rope, *({k} for k in sorted((self.written.keys() | self.edited.keys()) - rope))]:
            config = {k: v for k, v in self.written.items() if k not in keys} | {k: v for k, v in self.edited.items() if k in keys}
            if config == self.written:
                continue
            with contextlib.suppress(Exception):  # transformers may not take one without the others
                if fails(config):
                    enough.append(", ".join(f"{k}={json.dumps(config[k])}" if k in config else f"-{k}"
                                            for k in sorted(keys) if config.get(k, ...) != self.written.get(k, ...)))
        return enough


def draw_trial(rng, kind, cases, folder):
    name, settings, options = rng.choice(cases)
    settings = draw(rng, kind, settings)
    options = {k: v for k, v in options.items() if k in ("dtype", "mxfp4", "saved_as")}
    seed = rng.randrange(1 << 30)
    goldens.save(folder, kind, settings, options, seed)
    ids = torch.randint(3, settings["vocab_size"], (2, 48), generator=torch.Generator().manual_seed(seed))
    written = json.loads((folder / "config.json").read_text())
    trial = Trial(kind, name, settings, folder, ids, ask(folder, kind, ids)[2], written)
    for _ in range(EDITS):
        trial.edited = copy.deepcopy(written)
        trial.edits = config_edits.edit(rng, kind, trial.edited)
        try:
            trial.set_config(trial.edited)
            return trial
        except Exception as error:  # whatever transformers says of a file that it cannot take
            trial.refused.append(f"{', '.join(trial.edits)}: {' '.join(str(error).split())[:160] or type(error).__name__}")
    trial.edits, trial.edited = [], written
    return trial


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ttt", required=True)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--keep", type=pathlib.Path, help="keep here the checkpoints that differ or are refused")
    parser.add_argument("--verbose", action="store_true", help="print the edits that transformers refuses")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore")
    by_kind = {}
    for name, kind, settings, extra in goldens.all_cases():
        by_kind.setdefault(kind, []).append((name, settings, extra))
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for kind in options.only or by_kind:
            same, refused, skipped = 0, 0, []
            for n in range(options.count):
                rng = random.Random(f"{options.seed} {kind} {n}")
                folder = pathlib.Path(scratch) / f"{kind}-{options.seed}-{n}"
                for _ in range(20):
                    try:
                        trial = draw_trial(rng, kind, by_kind[kind], folder)
                        break
                    except Exception as error:  # whatever transformers says of settings it cannot take
                        why = error
                else:
                    sys.exit(f"{kind}: no settings found that transformers takes: {why}")
                skipped += trial.refused
                failure = trial.compare(options.ttt, trial.edited)
                if not failure:
                    same += 1
                    shutil.rmtree(folder)
                    continue
                wrong += not failure.startswith("refused")
                refused += failure.startswith("refused")
                causes = "; ".join(trial.causes(options.ttt, failure)) or "several at once"
                print(f"{folder.name}, from {trial.name}: {failure}\n    enough for it: {causes}\n    edits: {', '.join(trial.edits) or 'none'}\n"
                      f"    settings: {json.dumps(trial.settings)}", flush=True)
                if options.keep:
                    trial.set_config(trial.edited)
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.rmtree(options.keep / folder.name, ignore_errors=True)
                    shutil.move(folder, options.keep)
            print(f"{kind}: {same} the same, {refused} refused, {len(skipped)} edits that transformers refuses", flush=True)
            for line in skipped if options.verbose else []:
                print(f"    not taken: {line}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
