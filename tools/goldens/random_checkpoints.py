#!/usr/bin/env python3
"""Compares the program with Hugging Face transformers on random settings of every family, beyond the committed goldens.

usage: random_checkpoints.py --ttt build/bin/ttt [--count 3] [--seed 1] [--only MODEL_TYPE...] [--keep DIR]

Takes a committed case of tools/goldens/cases and draws its numbers and switches anew; makes the checkpoint, asks
transformers and `ttt compare --precision exact`. Prints what differs by more than LIMIT, what is refused and why, and
the settings, and exits 1 when something differs. Settings that transformers itself refuses are drawn again.
"""
import argparse
import copy
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import save_file

import make_model_goldens as goldens

LIMIT = 5e-4
ACTIVATIONS = ["silu", "gelu", "gelu_pytorch_tanh", "relu", "gelu_new"]
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
    "gpt_oss": ["tie_word_embeddings"], "deepseek_v2": ["attention_bias", "tie_word_embeddings"],
    "deepseek_v3": ["attention_bias", "norm_topk_prob", "rope_interleave", "tie_word_embeddings"], "bert": [],
}
ACTIVATION_KEYS = {"gpt2": "activation_function", "falcon": "activation", "gemma": None, "gemma2": "hidden_activation", "gemma3_text": "hidden_activation",
                   "gpt_oss": None}


def draw_rope(rng, parameters, rotated, settings):
    if "sliding_attention" in parameters:
        return {key: draw_rope(rng, value, rotated, settings) for key, value in parameters.items()}
    result = {"rope_type": "default", "rope_theta": float(rng.choice([500, 1e4, 7.5e4, 1e6]))}
    if "partial_rotary_factor" in parameters:
        result["partial_rotary_factor"] = parameters["partial_rotary_factor"]
    kind = rng.choice(["default", "default", "linear", "yarn", "llama3", "longrope"])
    if parameters["rope_type"] in ("longrope", "yarn"):
        return {**parameters, "rope_theta": result["rope_theta"]} if parameters["rope_type"] == "longrope" else {**parameters, "factor": rng.choice([2.0, 5.5])}
    original = rng.choice([16, 24, 40])
    if kind == "linear":
        result |= {"rope_type": "linear", "factor": rng.choice([1.5, 3.0])}
    elif kind == "yarn":
        result |= {"rope_type": "yarn", "factor": rng.choice([2.0, 4.0]), "original_max_position_embeddings": original}
    elif kind == "llama3":
        result |= {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": original}
    elif kind == "longrope" and "partial_rotary_factor" not in result and rotated % 2 == 0:
        result |= {"rope_type": "longrope", "original_max_position_embeddings": original, "factor": 4.0,
                   "short_factor": [round(1 + 0.1 * i, 3) for i in range(rotated // 2)], "long_factor": [round(1.5 + 0.4 * i, 3) for i in range(rotated // 2)]}
    return result


def draw(rng, kind, base):
    s = copy.deepcopy(base)
    s["vocab_size"] = rng.randint(40, 160)
    layers = "n_layer" if "n_layer" in s else "num_hidden_layers"
    if "layer_types" not in s and "no_rope_layers" not in s:
        s[layers] = rng.randint(1, 4)
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
        s["hidden_size"], s["kv_lora_rank"], s["v_head_dim"], s["qk_nope_head_dim"] = (rng.randint(8, 40) for _ in range(4))
        s["q_lora_rank"] = rng.choice([None, rng.randint(8, 40)])
    if kind not in ("gpt2", "falcon", "bert", "deepseek_v2", "deepseek_v3", "phi", "gpt_neox"):
        kv = rng.choice([1, 2, 3])
        heads = kv * rng.choice([1, 2, 4])
        s["num_attention_heads"], s["num_key_value_heads"] = heads, kv
        if "head_dim" in s:
            s["head_dim"] = rng.choice([8, 12, 18, 20])
            s["hidden_size"] = 32 * rng.randint(1, 2) if kind == "gpt_oss" else rng.randint(24, 72)
        else:
            head = base["hidden_size"] // base["num_attention_heads"]
            s["hidden_size"] = head * heads
    head = s.get("qk_rope_head_dim") or s.get("head_dim") or s.get("hidden_size", 0) // s.get("num_attention_heads", 1)
    if "rope_parameters" in s and rng.random() < 0.8:
        s["rope_parameters"] = draw_rope(rng, s["rope_parameters"], head, s)
    for switch in SWITCHES[kind]:
        if rng.random() < 0.4:
            s[switch] = not s.get(switch, False)
    key = ACTIVATION_KEYS.get(kind, "hidden_act")
    if key and rng.random() < 0.5:
        s[key] = rng.choice(ACTIVATIONS)
    return s


def one(rng, kind, cases, folder):
    name, settings, options = rng.choice(cases)
    settings = draw(rng, kind, settings)
    options = {k: v for k, v in options.items() if k in ("dtype", "mxfp4", "saved_as")}
    seed = rng.randrange(1 << 30)
    goldens.save(folder, kind, settings, options, seed)
    model = goldens.load(folder, kind)
    ids = torch.randint(3, settings["vocab_size"], (2, 48), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        if kind in goldens.ENCODERS:
            golden = {"input_ids": ids, "last_hidden_state": model(ids).last_hidden_state.contiguous()}
        else:
            golden = {"input_ids": ids, "logits": model(ids, use_cache=False).logits.contiguous()}
    save_file(golden, folder / "golden.safetensors")
    return name, settings


def compare(program, folder):
    run = subprocess.run([program, "compare", "--model", folder, "--golden", folder / "golden.safetensors", "--precision", "exact", "--json"],
                         capture_output=True, text=True)
    try:
        return json.loads(run.stdout)["max_abs_diff"], ""
    except json.JSONDecodeError:
        return None, run.stderr.strip() or f"exit code {run.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ttt", required=True)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--keep", type=pathlib.Path, help="keep here the checkpoints that differ")
    options = parser.parse_args()
    by_kind = {}
    for name, kind, settings, extra in goldens.all_cases():
        by_kind.setdefault(kind, []).append((name, settings, extra))
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for kind in options.only or by_kind:
            same, refused = 0, []
            for n in range(options.count):
                rng = random.Random(f"{options.seed} {kind} {n}")
                folder = pathlib.Path(scratch) / f"{kind}-{n}"
                for _ in range(20):
                    try:
                        name, settings = one(rng, kind, by_kind[kind], folder)
                        break
                    except Exception as error:  # whatever transformers says of settings it cannot take
                        why = error
                else:
                    sys.exit(f"{kind}: no settings found that transformers takes: {why}")
                difference, error = compare(options.ttt, folder)
                if difference is not None and difference <= LIMIT:
                    same += 1
                elif difference is None:
                    refused.append(error)
                else:
                    wrong += 1
                    print(f"{kind}, from {name}: differs by {difference}: {json.dumps(settings)}")
                    if options.keep:
                        options.keep.mkdir(parents=True, exist_ok=True)
                        folder.rename(options.keep / folder.name)
            print(f"{kind}: {same} the same, {len(refused)} refused", *refused, sep="\n    ", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
