#!/usr/bin/env python3
"""Makes tests/goldens/gguf/NAME.gguf: checkpoints of tests/goldens as llama.cpp's own converter writes them.

usage: make_gguf_goldens.py --sdist llama_cpp_python-0.3.36.tar.gz [--out tests/goldens/gguf] [--only NAME...]

The golden of gguf/NAME.gguf is NAME/golden.safetensors; gguf/NAME-q8_0.gguf has NAME-q8_0.safetensors beside it, what
transformers says of the dequantised weights. The converter is run from its source package, which is no part of the
project: `pip download --no-deps --no-binary :all: llama_cpp_python==0.3.36`.
Everything but the vocabulary is the converter's: the checkpoints have none, so a made-up one of the right length is
written (tokenizer.ggml.model "gpt2"; BERT's own spelling of it).
"""
import argparse
import hashlib
import json
import logging
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

SDIST_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"
LIMIT = 150_000  # bytes a file

# Cases whose settings the format can say. GGUF has no place for the windows of llama, mistral and qwen2, for another
# query scale of the gemmas than their head_dim, or for another activation than the architecture's own.
NAMES = """
    bert-gelu cohere-qk-norm cohere2-default-pattern-v4 deepseek-v2-greedy deepseek-v3-groups falcon-multi-query
    falcon-new-two-norms-v4 gemma-mqa gemma2-softcaps gemma3-text-default-pattern-v4 gpt-neox-parallel gpt-oss-mxfp4
    gpt2-wide granite-multipliers llama-few-keys-v4 mistral-no-window mixtral-v4 olmo2-gqa phi-half-v4
    phi3-longrope-long qwen2-moe-all-sparse qwen2-tied qwen3-bias qwen3-moe-all-sparse smollm3-default-interval
    stablelm-quarter-v4 starcoder2-v4
""".split()

# What the converter asks for in transformers 4's words, by model_type.
V4_KEYS = {
    "cohere2": lambda config: dict(rotary_pct=1.0),
    "deepseek_v2": lambda config: dict(scoring_func="softmax"),
    "deepseek_v3": lambda config: dict(scoring_func="sigmoid"),
    "falcon": lambda config: {} if config["new_decoder_architecture"] else dict(num_kv_heads=1),
    "gpt2": lambda config: dict(n_ctx=config["n_positions"]),
    "gpt_neox": lambda config: dict(rotary_pct=config["rope_parameters"]["partial_rotary_factor"]),
}
QUANTISED = "llama-rows-of-64"


def unpack(sdist, folder):
    """The converter's folder."""
    found = hashlib.sha256(sdist.read_bytes()).hexdigest()
    if found != SDIST_SHA256:
        raise SystemExit(f"{sdist}: expected SHA-256 {SDIST_SHA256}, got {found}")
    with tarfile.open(sdist) as archive:
        inside = "/vendor/llama.cpp/"
        archive.extractall(folder, filter="data", members=[
            m for m in archive if any(inside + part in m.name for part in ("conversion/", "gguf-py/"))])
    return next(pathlib.Path(folder).glob("*/vendor/llama.cpp"))


def vocabulary(size):
    tokens = ["<pad>", "<s>", "</s>"] + [chr(ord("!") + i) if i < 94 else f"t{i}" for i in range(size - 3)]
    return tokens, [3, 3, 3] + [1] * (size - 3)  # control, normal


def write_vocabulary(model):
    tokens, kinds = vocabulary(model.hparams["vocab_size"])
    writer = model.gguf_writer
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["! !"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)


def prepare(name, folder):
    """A copy of the checkpoint as the converter wants it; its config."""
    shutil.copytree(GOLDENS / name, folder, ignore=shutil.ignore_patterns("golden.safetensors"))
    config = json.loads((folder / "config.json").read_text())
    tokens, _ = vocabulary(config["vocab_size"])  # Gemma's embedding is cut to the vocabulary's length.
    tokenizer = {"model": {"vocab": {token: i for i, token in enumerate(tokens)}}, "added_tokens": []}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return config


def convert(folder, file, kind):
    """One checkpoint as the converter writes it; `kind` is a name of LlamaFileType."""
    import gguf
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class

    hparams = ModelBase.load_hparams(folder, False)
    hparams |= V4_KEYS.get(hparams["model_type"], lambda _: {})(hparams)
    family = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    if hparams["model_type"] == "bert":
        overrides = dict(get_vocab_base=lambda model: (*vocabulary(hparams["vocab_size"]), "gpt-2"))
    else:
        overrides = dict(set_vocab=write_vocabulary)
    name = f"Tiny{family.__name__}"
    # A subclass has to name its architecture itself.
    tiny = type(name, (family,), {**overrides, "model_arch": family.model_arch})
    with torch.inference_mode():
        tiny(folder, getattr(gguf.LlamaFileType, kind), file, model_name=file.stem, hparams=hparams).write()


def quantised_golden(name, file):
    """What transformers says of the checkpoint with its matrices rounded to Q8_0."""
    import gguf

    model = AutoModelForCausalLM.from_pretrained(GOLDENS / name, dtype=torch.float32, attn_implementation="eager")
    kind = gguf.GGMLQuantizationType.Q8_0
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                blocks = gguf.quants.quantize(parameter.numpy().astype(np.float32), kind)
                parameter.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, kind)))
        ids = load_file(GOLDENS / name / "golden.safetensors")["input_ids"]
        logits = model(ids, use_cache=False).logits.contiguous()
    save_file({"input_ids": ids, "logits": logits}, file, metadata={
        "made_by": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdist", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=GOLDENS / "gguf")
    parser.add_argument("--only", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    arguments.out.mkdir(parents=True, exist_ok=True)
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        source = unpack(arguments.sdist, folder)
        sys.path[:0] = [str(source / "gguf-py"), str(source)]
        for name in arguments.only or [*NAMES, QUANTISED]:
            checkpoint = pathlib.Path(folder) / name
            config = prepare(name, checkpoint)
            half = config.get("dtype", config.get("torch_dtype")) == "float16"
            kind = "Q8_0" if name == QUANTISED else "F16" if half else "BF16"
            file = arguments.out / (f"{name}-q8_0.gguf" if name == QUANTISED else f"{name}.gguf")
            convert(checkpoint, file, f"MOSTLY_{kind}")
            if name == QUANTISED:
                quantised_golden(name, file.with_suffix(".safetensors"))
            size = file.stat().st_size
            assert size < LIMIT, f"{file}: {size} bytes"
            total += size
            print(f"{name:36} {kind:4} {size / 1e3:4.0f} kB", flush=True)
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
