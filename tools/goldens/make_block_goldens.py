#!/usr/bin/env python3
"""Writes tests/formats/data/blocks.safetensors: random blocks of every block format, with the floats they hold.

For each format `<f>.blocks` (bytes) and `<f>.expected` (f32); for each encoder `<f>.input` (f32) and
`<f>.encoded` (bytes). The oracle is the PyPI package gguf. Needs: pip install gguf==0.19.0 numpy==2.4.6
"""
import json
import pathlib
import sys

import gguf
import numpy as np

BLOCKS = 12
FORMATS = "F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL MXFP4".split()
# Byte offsets of the f16 scales within a block.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0]}
# Smallest and largest subnormal, smallest normal, largest finite, each sign; zeros; ordinary values.
EDGES = np.array([0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x0000, 0x8000, 0x3C00, 0xB555], np.uint16)


def random_blocks(rng, name):
    """Random bytes, except that scales are finite: NaN payloads are no part of the contract."""
    kind = gguf.GGMLQuantizationType[name]
    _, size = gguf.GGML_QUANT_SIZES[kind]
    if name in ("F16", "BF16"):
        bits = rng.integers(0, 1 << 16, 64, dtype=np.uint16)
        exponent = np.uint16(0x7C00 if name == "F16" else 0x7F80)
        bits[(bits & exponent) == exponent] = 0x8001
        bits[: len(EDGES)] = EDGES
        return kind, bits.view(np.uint8).reshape(1, -1)
    blocks = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for at in HALVES.get(name, []):
        scales = rng.normal(0, 0.1, BLOCKS).astype(np.float16).view(np.uint16)
        scales[: len(EDGES)] = np.roll(EDGES, at)
        blocks[:, at : at + 2] = scales.reshape(-1, 1).view(np.uint8)
    if name == "MXFP4":
        blocks[:6, 0] = [0, 1, 2, 127, 200, 250]
    return kind, blocks


def encoder_input(rng):
    x = rng.normal(0, 1, (8, 32)).astype(np.float32)
    x[1] *= np.float32(1e-3)
    x[2] = 0
    x[3] = rng.integers(-127, 128, 32)  # ties and exact values
    x[3, 0] = 127
    x[4] = np.arange(32) - 15.5
    x[5] *= np.float32(1e4)
    x[6] *= np.float32(1e-7)  # the scale is a subnormal f16
    x[7] = np.where(np.arange(32) % 2, 8, -8)
    return x


def tensors():
    rng = np.random.default_rng(20240229)
    out = {}
    for name in FORMATS:
        kind, blocks = random_blocks(rng, name)
        with np.errstate(over="ignore"):
            expected = gguf.quants.dequantize(blocks, kind)
        out[f"{name.lower()}.blocks"] = blocks.ravel()
        out[f"{name.lower()}.expected"] = expected.astype(np.float32).ravel()
    for name in ("F16", "BF16", "Q8_0", "Q4_0"):
        x = encoder_input(rng)
        encoded = gguf.quants.quantize(x, gguf.GGMLQuantizationType[name])
        out[f"{name.lower()}.input"] = x.ravel()
        out[f"{name.lower()}.encoded"] = np.ascontiguousarray(encoded).view(np.uint8).ravel()
    return out


def write_safetensors(path, arrays):
    header, at = {}, 0
    for name, a in arrays.items():
        header[name] = {"dtype": {"float32": "F32", "uint8": "U8"}[a.dtype.name], "shape": list(a.shape),
                        "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(a.tobytes() for a in arrays.values()))


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parents[2] / "tests/formats/data/blocks.safetensors"
    write_safetensors(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default, tensors())
