#!/usr/bin/env python3
"""Makes the goldens of tests/goldens: tiny random checkpoints with settings unlike the defaults, and what Hugging
Face transformers (float32, eager attention, no cache) says of them. The settings are in cases/<model_type>.py.

usage: make_model_goldens.py [--out tests/goldens] [--only NAME...]

NAME/{config.json, model*.safetensors, golden.safetensors}; a golden holds input_ids int64 [B,T], logits f32 [B,T,V],
hidden_0 (the embedding's output) and hidden_last (after the last norm) f32 [B,T,H] in some, and greedy int64 [B,N], the
argmax continuation of each row (left out where a recomputed context differs from a cached one: dynamic scaling).
An encoder's holds input_ids and last_hidden_state f32 [B,T,H].
Seeds are chosen so that each greedy token leads the next one by more than MARGIN, and each expert chosen the next one
by more than EXPERT_MARGIN of its score: a tie decides nothing.
"""
import argparse
import contextlib
import importlib
import json
import os
import pathlib
import pkgutil
import shutil
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

import cases

BATCH, LENGTH, CONTINUATION, MARGIN, EXPERT_MARGIN = 2, 32, 16, 2e-3, 1e-3
LIMIT = 300_000  # bytes a folder
IDS = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
ENCODERS = {"bert"}
ZERO_CENTRED_NORMS = {"gemma", "gemma2", "gemma3_text"}  # scale by 1 + weight
MXFP4_BLOCK = 32


def all_cases():
    """(name, model_type, settings, options) of every module of cases/."""
    for module in sorted(m.name for m in pkgutil.iter_modules(cases.__path__)):
        for name, (settings, options) in importlib.import_module(f"cases.{module}").CASES.items():
            prefix = module.replace("_", "-")
            assert name == prefix or name.startswith(prefix + "-"), f"{name} is not called after {module}"
            yield name, module, settings, options


def randomise(model, seed):
    """Random norms and biases too, so that a block that leaves one out is caught; spread logits; decided routers."""
    generator = torch.Generator().manual_seed(seed)
    kind = model.config.model_type
    tied = model.config.tie_word_embeddings and kind not in ENCODERS

    def inputs_of(name, parameter):
        """Its columns, but for the modules that keep [in, out]."""
        transposed = kind == "gpt2" and "lm_head" not in name or kind == "gpt_oss" and parameter.dim() == 3
        return parameter.shape[-2 if transposed else -1]

    def normal(parameter, mean, deviation):
        parameter.copy_(mean + deviation * torch.randn(parameter.shape, generator=generator))

    buffers = [(n, b) for n, b in model.named_buffers() if n.endswith("e_score_correction_bias")]
    with torch.no_grad():
        for name, parameter in [*model.named_parameters(), *buffers]:
            if name.endswith("bias"):
                normal(parameter, 0.0, 0.3)
            elif name.endswith("sinks"):
                normal(parameter, 0.0, 1.0)
            elif parameter.dim() == 1 or name.endswith(("q_norm.weight", "k_norm.weight")):
                normal(parameter, 0.0 if kind in ZERO_CENTRED_NORMS else 1.0, 0.25)
            elif "embed" in name and "embed_out" not in name or "wte" in name or "wpe" in name:
                normal(parameter, 0.0, 0.2 if tied else 0.6)
            elif name.endswith((".gate.weight", ".router.weight")):
                normal(parameter, 0.0, 3.0 / parameter.shape[-1]**0.5)
            else:
                normal(parameter, 0.0, 1.5 / inputs_of(name, parameter)**0.5)


@contextlib.contextmanager
def watch_choices(leads):
    """Appends to `leads` by what part of its score the last of each top k chosen leads the first left out."""
    topk = torch.topk

    def watched(scores, k, dim=-1, **options):
        assert dim in (-1, scores.dim() - 1)
        if k < scores.shape[-1]:
            best = topk(scores, k + 1, dim=-1).values
            leads.append(float(((best[..., k - 1] - best[..., k]) / best[..., k - 1].abs()).min()))
        return topk(scores, k, dim=dim, **options)

    torch.topk = watched
    try:
        yield
    finally:
        torch.topk = topk


def greedy(model, ids):
    """The argmax continuation and the smallest lead of a chosen token over the next."""
    context, lead = ids, float("inf")
    for _ in range(CONTINUATION):
        logits = model(context, use_cache=False).logits[:, -1]
        best = logits.topk(2, -1).values
        lead = min(lead, float((best[:, 0] - best[:, 1]).min()))
        context = torch.cat([context, logits.argmax(-1, keepdim=True)], 1)
    return context[:, ids.shape[1]:].contiguous(), lead


def respell_as_v4(config, kind_key):
    """The configuration as transformers 4 wrote it: rope_theta and rope_scaling at the top, torch_dtype."""
    parameters = config.pop("rope_parameters", None)
    if parameters and "full_attention" in parameters:
        config["rope_local_base_freq"] = parameters["sliding_attention"]["rope_theta"]
        parameters = parameters["full_attention"]
    if parameters:
        config["rope_theta"] = parameters.pop("rope_theta")
        if "partial_rotary_factor" in parameters:
            config["partial_rotary_factor"] = parameters.pop("partial_rotary_factor")
        kind = parameters.pop("rope_type")
        config["rope_scaling"] = None if kind == "default" else {kind_key: kind, **parameters}
    config["torch_dtype"] = config.pop("dtype")
    config.pop("layer_types", None)
    config["transformers_version"] = "4.45.0"


def respell(path, options):
    config = json.loads(path.read_text())
    if "v4" in options:
        respell_as_v4(config, options["v4"])
    for key in options.get("drop", []):
        del config[key]
    config |= options.get("put", {})
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def pack_experts(folder, seed):
    """Puts random MXFP4 blocks in the place of the experts' matrices, named and shaped as OpenAI publishes them.

    Of a matrix [E, in, out]: NAME_blocks uint8 [E, out, in/32, 16], two values a byte, the low nibble first, and
    NAME_scales uint8 [E, out, in/32], exponents with a bias of 127."""
    generator = torch.Generator().manual_seed(seed)
    tensors = load_file(folder / "model.safetensors")
    for name in [n for n in tensors if n.endswith(("experts.gate_up_proj", "experts.down_proj"))]:
        experts, inputs, outputs = tensors.pop(name).shape
        rows = (experts, outputs, inputs // MXFP4_BLOCK)
        assert inputs % MXFP4_BLOCK == 0
        tensors[f"{name}_blocks"] = torch.randint(0, 256, (*rows, MXFP4_BLOCK // 2), generator=generator).byte()
        tensors[f"{name}_scales"] = torch.randint(121, 125, rows, generator=generator).byte()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": [
        "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(folder, kind):
    return load_with_unread(folder, kind)[0]


def load_with_unread(folder, kind):
    """The model, and the names of the tensors that it has no place for."""
    family = AutoModel if kind in ENCODERS else AutoModelForCausalLM
    model, report = family.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                           experts_implementation="eager", output_loading_info=True)
    missing = [k for k in report["missing_keys"] if not k.startswith("pooler.")]
    assert not missing and not report["mismatched_keys"], report
    return model.float().eval(), set(report["unexpected_keys"])


def save(folder, kind, settings, options, seed):
    """The checkpoint, with config.json in transformers 5's spelling."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = AutoConfig.for_model(kind, **IDS, **settings)
    family = AutoModel if kind in ENCODERS else AutoModelForCausalLM
    if "saved_as" in options:
        model = getattr(transformers, options["saved_as"])(config)
    else:
        model = family.from_config(config, attn_implementation="eager")
    randomise(model, seed)
    model.to(getattr(torch, options.get("dtype", "float32")))
    model.save_pretrained(folder, max_shard_size=options.get("shard", "50MB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if options.get("mxfp4"):
        pack_experts(folder, seed)


def make(folder, kind, settings, options, seed):
    """One attempt; the smallest lead of its greedy tokens and of its chosen experts."""
    save(folder, kind, settings, options, seed)
    expected = load(folder, kind)
    if {"v4", "drop", "put"} & options.keys():
        respell(folder / "config.json", options)
    model = load(folder, kind)
    answer = "last_hidden_state" if kind in ENCODERS else "logits"
    no_cache = {} if kind in ENCODERS else {"use_cache": False}

    ids = torch.randint(3, settings["vocab_size"], (BATCH, LENGTH), generator=torch.Generator().manual_seed(seed))
    choices = [float("inf")]
    with torch.no_grad(), watch_choices(choices):
        out = model(ids, output_hidden_states=True, **no_cache)
        difference = float((expected(ids, **no_cache)[answer] - out[answer]).abs().max())
        assert difference == 0.0, f"{folder.name}: the other spelling means something else: {difference}"
        golden = {"input_ids": ids, answer: out[answer].contiguous()}
        if options.get("hidden"):
            golden["hidden_0"] = out.hidden_states[0].contiguous()
            if kind not in ENCODERS:
                golden["hidden_last"] = out.hidden_states[-1].contiguous()
        lead = float("inf")
        if options.get("greedy", kind not in ENCODERS):
            golden["greedy"], lead = greedy(model, ids)
    assert all(torch.isfinite(t.float()).all() for t in golden.values())
    # One key of metadata: safetensors writes several in no fixed order, and the files should come out the same again.
    save_file(golden, folder / "golden.safetensors", metadata={
        "made_by": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, seed {seed}"})
    return lead, min(choices), float(golden[answer].std())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="names, or patterns of names")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore")
    wanted = lambda name: not arguments.only or any(pathlib.PurePath(name).match(o) for o in arguments.only)
    total = 0
    print(f"{'golden':36} {'seed':>4} {'lead':>8} {'experts':>8} {'deviation':>9} {'kB':>4}")
    for name, kind, settings, options in all_cases():
        if not wanted(name):
            continue
        folder = arguments.out / name
        for seed in range(101, 161):
            lead, choice, deviation = make(folder, kind, settings, options, seed)
            if lead > MARGIN and choice > EXPERT_MARGIN:
                break
        else:
            raise SystemExit(f"{name}: no seed keeps a margin of {MARGIN} and {EXPERT_MARGIN}")
        size = sum(f.stat().st_size for f in folder.iterdir())
        assert size < LIMIT, f"{name}: {size} bytes"
        total += size
        print(f"{name:36} {seed:4} {lead:8.4f} {choice:8.5f} {deviation:9.2f} {size / 1e3:4.0f}", flush=True)
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
