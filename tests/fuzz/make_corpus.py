#!/usr/bin/env python3
"""Writes the fuzzers' seed corpora, tests/fuzz/corpus/<target>/: one small valid file per format and dtype."""
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parent / "corpus"
# GGUF type id, elements and bytes of a block.
GGUF_TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
              11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 24: (1, 1), 28: (1, 8),
              30: (1, 2), 39: (32, 17)}
SAFETENSORS_TYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1, "F8_E4M3": 1}
CONFIGS = [
    {"model_type": "x", "hidden_size": 64, "rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}},
    {"eos_token_id": [1, 2], "tie": True, "eps": 1e-6, "none": None, "names": ["a", "b"], "nested": [[1], [2]]},
]


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def gguf(type_id, block, version):
    elements, size = block
    metadata = [text("general.architecture") + struct.pack("<I", 8) + text("a"),
                text("a.block_count") + struct.pack("<II", 4, 1),
                text("a.rope.freq_base") + struct.pack("<If", 6, 10000.0),
                text("a.list") + struct.pack("<IIQ", 9, 5, 2) + struct.pack("<ii", 1, -1),
                text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 1) + text("t")]
    head = b"GGUF" + struct.pack("<IQQ", version, 1, len(metadata)) + b"".join(metadata)
    head += text("w") + struct.pack("<IQQIQ", 2, elements, 2, type_id, 0)
    return head + bytes(-len(head) % 32) + bytes(range(size)) * 2


def safetensors(dtype, size):
    header = json.dumps({"__metadata__": {"format": "pt"},
                         "a": {"dtype": dtype, "shape": [2, 2], "data_offsets": [0, 4 * size]},
                         "b": {"dtype": dtype, "shape": [1], "data_offsets": [4 * size, 5 * size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(5 * size))


def write(target, name, data):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


if __name__ == "__main__":
    for i, (type_id, block) in enumerate(GGUF_TYPES.items()):
        write("fuzz_gguf", f"type_{type_id}", gguf(type_id, block, 2 + i % 2))
    for dtype, size in SAFETENSORS_TYPES.items():
        write("fuzz_safetensors", dtype.lower(), safetensors(dtype, size))
    for i, config in enumerate(CONFIGS):
        write("fuzz_config", f"config_{i}", json.dumps(config).encode())
