#!/usr/bin/env python3
"""Tenstorrent's block floats in exact arithmetic, as tt-metal packs them (tt_metal/impl/data_format/
blockfloat_common.cpp), written from their definition rather than from bits. Without arguments, writes
tests/formats/data/block_floats.safetensors: for bfp8 and bfp4 `<f>.input` (f32), the bytes `<f>.encoded` that it becomes,
and the floats `<f>.expected` that these hold. Needs nothing but Python.
"""
import json
import math
import pathlib
import random
import struct
import sys
from fractions import Fraction

SIZE = 16
BITS = {"bfp8": 7, "bfp4": 3}  # of a magnitude


def exponent(x):
    """The exponent byte of a float32: 0 for zeros and subnormals."""
    return max(0, math.frexp(x)[1] + 126) if x else 0


def encode_block(x, bits):
    """(exponent, [signed magnitude]) of 16 float32."""
    shared = max(exponent(v) for v in x)

    def magnitude(v):
        if exponent(v) == 0:
            return 0
        cut = math.floor(abs(Fraction(v)) / Fraction(2) ** (shared - 150))  # 24 bits below the exponent; the rest is lost
        m = min(round(Fraction(cut, 2 ** (24 - bits))), 2**bits - 1)  # round() takes ties to even
        return -m if v < 0 else m

    return shared, [magnitude(v) for v in x]


def to_bytes(shared, magnitudes, bits):
    codes = [abs(m) | (m < 0) << bits for m in magnitudes]
    if bits == 3:
        codes = [low | high << 4 for low, high in zip(codes[::2], codes[1::2])]
    return bytes([shared, *codes])


def decode_block(shared, magnitudes, bits):
    return [float(m * Fraction(2) ** (shared - 126 - bits)) for m in magnitudes]


def rounded(values, format):
    """The values that a row of float32 has in that format."""
    bits = BITS[format]
    blocks = (encode_block(values[i : i + SIZE], bits) for i in range(0, len(values), SIZE))
    return [v for shared, magnitudes in blocks for v in decode_block(shared, magnitudes, bits)]


def to_float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def inputs(rng):
    """Blocks of ordinary values, and of what an encoder may get wrong."""
    def normal(size=1.0):
        return [to_float32(rng.gauss(0, size)) for _ in range(SIZE)]

    largest, smallest, subnormal = to_float32(2**128 - 2**104), 2.0**-126, 2.0**-149
    blocks = [normal() for _ in range(20)] + [normal(1e-3), normal(1e4), normal(1e-30), normal(1e30)]
    blocks += [[to_float32(v * 2.0 ** rng.randrange(-30, 1)) for v in normal()] for _ in range(20)]  # far below the largest
    for bits in BITS.values():  # ties, of even and odd, and just beside them; the last one overflows
        ties = [2 ** (bits - 1) + i + 0.5 for i in range(2 ** (bits - 1))]
        blocks += [[(s * v + d) / 2 ** (bits - 1) for v in (ties[:3] + ties[-1:]) for s in (1, -1) for d in (0, 2**-15)]]
        blocks += [[2.0 ** (bits - 1)] + [s * (i + 0.5) for i in range(5) for s in (1, -1)] + [0.25, 0.75, -1.25, 1, -0.5]]
        # A tie but for a bit that is lost when the significand is cut: 24 bits below the largest, no more are looked at.
        blocks += [[2.0 ** (bits - 1)] + [s * (i + 0.5 + 2.0**-e) for i in range(3) for s in (1, -1) for e in (14, 22)] + [0.0] * 3]
    blocks += [[0.0, -0.0] * 8, [largest, -largest, smallest, -smallest] * 4, [subnormal, -subnormal] * 8,
               [smallest, -smallest, smallest * 1.5, subnormal] * 4, [1.0, -(2.0**-7), 2.0**-40, -(2.0**-140)] * 4]
    return [[to_float32(v) for v in block] for block in blocks]


def write_safetensors(path, tensors):
    header, body = {}, b""
    for name, (dtype, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": [len(data) // {"F32": 4, "U8": 1}[dtype]],
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def main():
    tensors = {}
    blocks = inputs(random.Random(20240229))
    for format, bits in BITS.items():
        encoded = [encode_block(block, bits) for block in blocks]
        expected = [v for block in encoded for v in decode_block(*block, bits)]
        values = [v for block in blocks for v in block]
        tensors[f"{format}.input"] = ("F32", struct.pack(f"<{len(values)}f", *values))
        tensors[f"{format}.encoded"] = ("U8", b"".join(to_bytes(*block, bits) for block in encoded))
        tensors[f"{format}.expected"] = ("F32", struct.pack(f"<{len(expected)}f", *expected))
    default = pathlib.Path(__file__).resolve().parents[2] / "tests/formats/data/block_floats.safetensors"
    write_safetensors(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default, tensors)


if __name__ == "__main__":
    main()
