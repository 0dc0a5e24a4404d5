#!/usr/bin/env python3
"""Makes the goldens of tests/goldens: tiny random checkpoints with settings unlike the defaults, and what Hugging
Face transformers (float32, eager attention, no cache) says of them.

usage: make_model_goldens.py [--out tests/goldens] [--only NAME...]

NAME/{config.json, model*.safetensors, golden.safetensors}; a golden holds input_ids int64 [B,T], logits f32 [B,T,V],
hidden_0 (the embedding's output) and hidden_last (after the last norm) f32 [B,T,H] in some, and greedy int64 [B,N], the
argmax continuation of each row (left out where a recomputed context differs from a cached one: dynamic scaling).
Seeds are chosen so that each greedy token leads the next one by more than MARGIN: a tie decides nothing.
"""
import argparse
import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

BATCH, LENGTH, CONTINUATION, MARGIN = 2, 32, 16, 2e-3
LIMIT = 300_000  # bytes a folder
IDS = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)


def rope(kind, theta, **settings):
    return dict(rope_type=kind, rope_theta=theta, **settings)


def factors(count, first, step):
    return [round(first + step * i, 4) for i in range(count)]


# name: (model_type, settings, options). Options: dtype and shard of the files; hidden=True; greedy=False;
# v4: config.json in transformers 4's spelling, its value being the name of the scaling's kind key.
CASES = {
    "llama-default": ("llama", dict(
        vocab_size=147, hidden_size=45, intermediate_size=71, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, head_dim=18, rms_norm_eps=3e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 50000.0)), dict(hidden=True)),
    "llama-linear-v4-bias-tied": ("llama", dict(
        vocab_size=161, hidden_size=55, intermediate_size=67, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=5, head_dim=12, rms_norm_eps=2e-5, attention_bias=True, mlp_bias=True,
        tie_word_embeddings=True, rope_parameters=rope("linear", 777.0, factor=2.5)), dict(v4="type", dtype="float16")),
    "llama-dynamic": ("llama", dict(
        vocab_size=143, hidden_size=40, intermediate_size=75, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=1e-4, max_position_embeddings=20,
        rope_parameters=rope("dynamic", 9000.0, factor=2.0)), dict(greedy=False, dtype="bfloat16")),
    "llama-dynamic-v4": ("llama", dict(
        vocab_size=129, hidden_size=40, intermediate_size=61, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, head_dim=16, rms_norm_eps=1e-4, max_position_embeddings=17,
        rope_parameters=rope("dynamic", 12000.0, factor=3.0)), dict(greedy=False, v4="type", dtype="float16")),
    "llama-yarn": ("llama", dict(
        vocab_size=149, hidden_size=48, intermediate_size=77, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, head_dim=22, rms_norm_eps=5e-5, max_position_embeddings=64,
        rope_parameters=rope("yarn", 15000.0, factor=4.0, original_max_position_embeddings=16, beta_fast=16.0,
                             beta_slow=2.0)), dict(dtype="bfloat16")),
    "llama-yarn-v4-tied": ("llama", dict(
        vocab_size=141, hidden_size=42, intermediate_size=90, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=3, head_dim=10, rms_norm_eps=5e-5, max_position_embeddings=72, tie_word_embeddings=True,
        rope_parameters=rope("yarn", 8000.0, factor=3.0, original_max_position_embeddings=24, attention_factor=0.83)),
        dict(v4="rope_type", dtype="bfloat16")),
    "llama-longrope-long": ("llama", dict(
        vocab_size=137, hidden_size=44, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=7e-5, max_position_embeddings=96,
        rope_parameters=rope("longrope", 11000.0, original_max_position_embeddings=24, factor=4.0,
                             short_factor=factors(8, 1.0, 0.03), long_factor=factors(8, 1.4, 0.35))), dict(dtype="bfloat16")),
    "llama-longrope-short-v4": ("llama", dict(
        vocab_size=137, hidden_size=44, intermediate_size=58, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, head_dim=14, rms_norm_eps=7e-5, max_position_embeddings=256,
        rope_parameters=rope("longrope", 13000.0, original_max_position_embeddings=64, factor=4.0,
                             short_factor=factors(7, 1.1, 0.06), long_factor=factors(7, 2.0, 0.5))),
        dict(v4="rope_type", dtype="float16")),
    "llama-llama3": ("llama", dict(
        vocab_size=153, hidden_size=54, intermediate_size=82, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, head_dim=12, rms_norm_eps=4e-4, max_position_embeddings=256,
        rope_parameters=rope("llama3", 40000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                             original_max_position_embeddings=32)), dict(dtype="bfloat16")),
    "llama-llama3-v4": ("llama", dict(
        vocab_size=131, hidden_size=42, intermediate_size=66, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=24, rms_norm_eps=6e-4, max_position_embeddings=256,
        rope_parameters=rope("llama3", 60000.0, factor=6.0, low_freq_factor=1.5, high_freq_factor=5.0,
                             original_max_position_embeddings=40)), dict(v4="rope_type")),
    "llama-bf16-sharded": ("llama", dict(
        vocab_size=173, hidden_size=56, intermediate_size=74, num_hidden_layers=2, num_attention_heads=8,
        num_key_value_heads=4, head_dim=8, rms_norm_eps=1e-3, rope_parameters=rope("default", 20000.0)),
        dict(dtype="bfloat16", shard="40KB")),
    "llama-gelu": ("llama", dict(
        vocab_size=147, hidden_size=36, intermediate_size=73, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, head_dim=20, rms_norm_eps=9e-5, hidden_act="gelu_pytorch_tanh",
        attention_bias=True, rope_parameters=rope("default", 1e6)), dict(dtype="float16")),
    "mistral-window": ("mistral", dict(
        vocab_size=157, hidden_size=48, intermediate_size=79, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=3, head_dim=14, sliding_window=9, rms_norm_eps=2e-4, max_position_embeddings=128,
        rope_parameters=rope("default", 20000.0)), dict(dtype="bfloat16", hidden=True)),
    "mistral-window-v4-tied": ("mistral", dict(
        vocab_size=139, hidden_size=40, intermediate_size=85, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=1, head_dim=18, sliding_window=5, rms_norm_eps=8e-5, max_position_embeddings=128,
        tie_word_embeddings=True, rope_parameters=rope("default", 33000.0)), dict(v4="rope_type", dtype="float16")),
    "mistral-no-window": ("mistral", dict(
        vocab_size=151, hidden_size=42, intermediate_size=76, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, sliding_window=None, rms_norm_eps=3e-5, max_position_embeddings=64,
        rope_parameters=rope("linear", 5000.0, factor=1.7)), dict(dtype="bfloat16")),
    "gpt2": ("gpt2", dict(
        vocab_size=155, n_embd=42, n_layer=3, n_head=6, n_positions=61, n_inner=100, layer_norm_epsilon=1e-4,
        activation_function="gelu_new"), dict(dtype="float16")),
    "gpt2-layer-scale-untied": ("gpt2", dict(
        vocab_size=145, n_embd=40, n_layer=3, n_head=5, n_positions=57, layer_norm_epsilon=3e-4,
        scale_attn_by_inverse_layer_idx=True, activation_function="relu", tie_word_embeddings=False),
        dict(dtype="bfloat16")),
    "gpt2-unscaled": ("gpt2", dict(
        vocab_size=153, n_embd=39, n_layer=2, n_head=3, n_positions=53, n_inner=90, layer_norm_epsilon=2e-3,
        scale_attn_weights=False, activation_function="gelu"), dict(hidden=True)),
}


def randomise(model, seed):
    """Random norms and biases too, so that a block that leaves one out is caught; spread logits."""
    generator = torch.Generator().manual_seed(seed)
    transposed = model.config.model_type == "gpt2"  # Conv1D keeps [in, out]

    def normal(parameter, mean, deviation):
        parameter.copy_(mean + deviation * torch.randn(parameter.shape, generator=generator))

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                normal(parameter, 0.0, 0.3)
            elif parameter.dim() == 1:
                normal(parameter, 1.0, 0.25)
            elif "embed_tokens" in name or "wte" in name or "wpe" in name:
                normal(parameter, 0.0, 0.2 if model.config.tie_word_embeddings else 0.6)
            else:
                inputs = parameter.shape[0 if transposed and "lm_head" not in name else -1]
                normal(parameter, 0.0, 1.5 / inputs**0.5)


def greedy(model, ids):
    """The argmax continuation and the smallest lead of a chosen token over the next."""
    context, lead = ids, float("inf")
    for _ in range(CONTINUATION):
        logits = model(context, use_cache=False).logits[:, -1]
        best = logits.topk(2, -1).values
        lead = min(lead, float((best[:, 0] - best[:, 1]).min()))
        context = torch.cat([context, logits.argmax(-1, keepdim=True)], 1)
    return context[:, ids.shape[1]:].contiguous(), lead


def respell_as_v4(path, kind_key):
    """config.json as transformers 4 wrote it: rope_theta and rope_scaling at the top, torch_dtype."""
    config = json.loads(path.read_text())
    parameters = config.pop("rope_parameters")
    config["rope_theta"] = parameters.pop("rope_theta")
    kind = parameters.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {kind_key: kind, **parameters}
    config["torch_dtype"] = config.pop("dtype")
    config.pop("layer_types", None)
    config["transformers_version"] = "4.45.0"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def make(folder, kind, settings, options, seed):
    """One attempt; the smallest lead of its greedy tokens."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = AutoConfig.for_model(kind, **IDS, **settings)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    randomise(model, seed)
    model.to(getattr(torch, options.get("dtype", "float32")))
    model.save_pretrained(folder, max_shard_size=options.get("shard", "50MB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    expected = load(folder)
    if "v4" in options:
        respell_as_v4(folder / "config.json", options["v4"])
    model = load(folder)

    ids = torch.randint(3, settings["vocab_size"], (BATCH, LENGTH), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        out = model(ids, use_cache=False, output_hidden_states=True)
        difference = float((expected(ids, use_cache=False).logits - out.logits).abs().max())
        assert difference == 0.0, f"the version 4 spelling means something else: {difference}"
        golden = {"input_ids": ids, "logits": out.logits.contiguous()}
        if options.get("hidden"):
            golden["hidden_0"] = out.hidden_states[0].contiguous()
            golden["hidden_last"] = out.hidden_states[-1].contiguous()
        lead = float("inf")
        if options.get("greedy", True):
            golden["greedy"], lead = greedy(model, ids)
    assert all(torch.isfinite(t.float()).all() for t in golden.values())
    # One key of metadata: safetensors writes several in no fixed order, and the files should come out the same again.
    save_file(golden, folder / "golden.safetensors", metadata={
        "made_by": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, seed {seed}"})
    return lead


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens")
    parser.add_argument("--only", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    total = 0
    for name, (kind, settings, options) in CASES.items():
        if arguments.only and name not in arguments.only:
            continue
        folder = arguments.out / name
        for seed in range(101, 161):
            lead = make(folder, kind, settings, options, seed)
            if lead > MARGIN:
                break
        else:
            raise SystemExit(f"{name}: no seed keeps a margin of {MARGIN}")
        size = sum(f.stat().st_size for f in folder.iterdir())
        assert size < LIMIT, f"{name}: {size} bytes"
        total += size
        deviation = float(load_file(folder / "golden.safetensors")["logits"].std())
        print(f"{name:28} seed {seed} lead {lead:.4f} deviation {deviation:.2f} {size / 1e3:.0f} kB", flush=True)
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
