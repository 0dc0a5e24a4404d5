#!/usr/bin/env python3
"""Writes a GGUF of a real model's shape with random weights, for measuring speed: every format, nothing to download.

usage: make_checkpoint.py --shape llama-1b --type q4_0 FILE      (needs the packages gguf and numpy)

All matrices have the one type. There is no vocabulary, so nothing but a benchmark can use the file.
"""
import argparse
import os
import pathlib
import sys

import gguf
import numpy as np

# Numbers of published config.json files.
SHAPES = {
    "llama-1b": {"layers": 16, "hidden": 2048, "ffn": 8192, "heads": 32, "kv_heads": 8, "head_dim": 64, "vocab": 128256, "theta": 500000.0},
    "llama-8b": {"layers": 32, "hidden": 4096, "ffn": 14336, "heads": 32, "kv_heads": 8, "head_dim": 128, "vocab": 128256, "theta": 500000.0},
    "smollm2-135m": {"layers": 30, "hidden": 576, "ffn": 1536, "heads": 9, "kv_heads": 3, "head_dim": 64, "vocab": 49152, "theta": 100000.0},
    # The first 4 of its 48 layers.
    "qwen3-30b-a3b": {"layers": 4, "hidden": 2048, "ffn": 768, "heads": 32, "kv_heads": 4, "head_dim": 128, "vocab": 151936, "theta": 1000000.0,
                      "experts": 128, "experts_per_token": 8},
}

# Where a block keeps its f16 scales, and values that give weights of a few hundredths; all its other bytes are random. Half of the
# blocks have them negative: weights of another mean than zero make all tokens alike, and experts few.
F16_FIELDS = {
    "Q4_0": {0: 0.004}, "Q4_1": {0: 0.004, 2: -0.03}, "Q5_0": {0: 0.002}, "Q5_1": {0: 0.002, 2: -0.03}, "Q8_0": {0: 0.0003},
    "Q2_K": {80: 0.002, 82: 0.002}, "Q3_K": {108: 0.0005}, "Q4_K": {0: 0.0001, 2: 0.0007}, "Q5_K": {0: 0.00005, 2: 0.0007},
    "Q6_K": {208: 0.00002}, "IQ4_NL": {0: 0.0003},
}


def random_blocks(kind, elements, rng):
    """Raw bytes of `elements` random weights."""
    name = kind.name
    if name in ("F32", "F16", "BF16"):
        values = rng.normal(0, 0.02, elements).astype(np.float32)
        if name == "BF16":
            return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        return values.astype(np.float32 if name == "F32" else np.float16).view(np.uint8)
    size, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (elements // size, block_bytes), dtype=np.uint8)
    if name == "MXFP4":
        blocks[:, 0] = 120
    signs = rng.choice(np.array([-1, 1], np.float16), len(blocks))
    for offset, value in F16_FIELDS.get(name, {}).items():
        blocks[:, offset : offset + 2] = (signs * np.float16(value)).view(np.uint8).reshape(-1, 2)
    return blocks.reshape(-1)


def matrix(kind, rows, cols, rng):
    """A piece of random blocks over and over: a gigabyte of them takes minutes. Its odd number of rows keeps experts apart."""
    size, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    row_bytes = cols // size * block_bytes
    piece_rows = min(rows, (1 << 20) // cols | 1)
    piece = random_blocks(kind, piece_rows * cols, rng).reshape(piece_rows, row_bytes)
    return np.resize(piece, (rows, row_bytes))


def tensors(s):
    """(name, rows, cols) of every matrix, (name, None, size) of every norm; (name, rows, cols, experts) of stacked ones."""
    q, kv = s["heads"] * s["head_dim"], s["kv_heads"] * s["head_dim"]
    yield "token_embd.weight", s["vocab"], s["hidden"]
    for i in range(s["layers"]):
        yield f"blk.{i}.attn_norm.weight", None, s["hidden"]
        yield f"blk.{i}.attn_q.weight", q, s["hidden"]
        yield f"blk.{i}.attn_k.weight", kv, s["hidden"]
        yield f"blk.{i}.attn_v.weight", kv, s["hidden"]
        yield f"blk.{i}.attn_output.weight", s["hidden"], q
        yield f"blk.{i}.ffn_norm.weight", None, s["hidden"]
        stack = (s["experts"],) if "experts" in s else ()
        kind = "_exps" if stack else ""
        yield f"blk.{i}.ffn_gate{kind}.weight", s["ffn"], s["hidden"], *stack
        yield f"blk.{i}.ffn_up{kind}.weight", s["ffn"], s["hidden"], *stack
        yield f"blk.{i}.ffn_down{kind}.weight", s["hidden"], s["ffn"], *stack
        if stack:
            for name in ("attn_q_norm", "attn_k_norm"):
                yield f"blk.{i}.{name}.weight", None, s["head_dim"]
    yield "output_norm.weight", None, s["hidden"]
    if "experts" not in s:
        return
    for i in range(s["layers"]):
        yield f"blk.{i}.ffn_gate_inp.weight", None, (s["experts"], s["hidden"])
    yield "output.weight", s["vocab"], s["hidden"]


def write(path, s, kind):
    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "qwen3moe" if "experts" in s else "llama")
    writer.add_name(f"random {kind.name}")
    writer.add_context_length(131072)
    writer.add_embedding_length(s["hidden"])
    writer.add_block_count(s["layers"])
    writer.add_feed_forward_length(s["ffn"])
    writer.add_head_count(s["heads"])
    writer.add_head_count_kv(s["kv_heads"])
    writer.add_key_length(s["head_dim"])
    writer.add_value_length(s["head_dim"])
    writer.add_rope_dimension_count(s["head_dim"])
    writer.add_rope_freq_base(s["theta"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(s["vocab"])
    writer.add_tokenizer_model("no_vocab")
    if "experts" in s:
        writer.add_expert_count(s["experts"])
        writer.add_expert_used_count(s["experts_per_token"])
        writer.add_expert_feed_forward_length(s["ffn"])
    for name, rows, cols, *stack in tensors(s):
        if rows is None:
            middle = 0 if name.endswith("gate_inp.weight") else 1
            writer.add_tensor(name, (middle + rng.normal(0, 0.05, cols)).astype(np.float32))
        elif stack:
            experts = matrix(kind, stack[0] * rows, cols, rng)
            writer.add_tensor(name, experts.reshape(stack[0], rows, -1), raw_dtype=kind)
        elif kind.name in ("F32", "F16"):
            writer.add_tensor(name, matrix(kind, rows, cols, rng).view(np.float32 if kind.name == "F32" else np.float16))
        else:
            writer.add_tensor(name, matrix(kind, rows, cols, rng), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    types = sorted(k for k in gguf.GGMLQuantizationType.__members__ if k in F16_FIELDS or k in ("F32", "F16", "BF16", "MXFP4"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="llama-1b")
    parser.add_argument("--type", choices=[t.lower() for t in types], default="q4_0")
    parser.add_argument("file", type=pathlib.Path)
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    kind = gguf.GGMLQuantizationType[options.type.upper()]
    size = gguf.GGML_QUANT_SIZES[kind][0]
    if any(cols % size for _, rows, cols, *_ in tensors(shape) if rows is not None):
        sys.exit(f"make_checkpoint.py: {options.shape} has rows that are no multiple of {size}, which {options.type} needs")
    options.file.parent.mkdir(parents=True, exist_ok=True)
    part = options.file.with_name(options.file.name + ".part")
    write(part, shape, kind)
    os.replace(part, options.file)


if __name__ == "__main__":
    main()
