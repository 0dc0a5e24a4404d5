#!/usr/bin/env python3
"""The program on the default model, against what transformers and llama.cpp say of it.

usage: test_default_model.py PROGRAM GOLDEN_FOLDER
Exit code 77 (skipped) when the model is not in the cache.
"""
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

program, golden = sys.argv[1], pathlib.Path(sys.argv[2])
cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ttt"
model = cache / "SmolLM2-135M-Instruct.Q4_1.gguf"
if not model.exists():
    print("skipped: the default model is not in the cache; scripts/fetch_model.sh fetches it")
    sys.exit(77)
want = json.loads((golden / "golden.json").read_text())


def ttt(*arguments, stdin=None):
    done = subprocess.run([program, *map(str, arguments)], input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, f"ttt {arguments}: {done.stderr}"
    return done.stdout


def check(name, ok, detail=""):
    print(f"{'ok' if ok else 'FAILED'}: {name} {detail}")
    failures.append(name) if not ok else None


def read_safetensors(path):
    """Name to (shape, values) of a file with f32 and i64 tensors."""
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    tensors = {}
    for name, info in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            values = memoryview(data)[8 + length + begin:8 + length + end].cast("B")
            tensors[name] = info["shape"], struct.unpack(f"<{len(values) // (4 if info['dtype'] == 'F32' else 8)}"
                                                         f"{'f' if info['dtype'] == 'F32' else 'q'}", values)
    return tensors


failures = []
ids = json.loads(ttt("tokenize", "--model", model, "--json", stdin=(golden / "text.txt").read_text()))["ids"]
check("token count of the text", len(ids) == want["text_tokens"], f"{len(ids)} of {want['text_tokens']}")
check("first token ids", ids[: len(want["text_first_ids"])] == want["text_first_ids"])
digest = hashlib.sha256(struct.pack(f"<{len(ids)}q", *ids)).hexdigest()
check("all token ids of the text", digest == want["text_ids_sha256_le_int64"], digest)
for chat in want["chats"]:
    got = json.loads(ttt("tokenize", "--model", model, "--json", stdin=chat["rendered"]))["ids"]
    check("token ids of a rendered chat", got == chat["ids"])

reference = read_safetensors(golden / "golden.safetensors")
excerpt = reference["input_ids"][1]
(rows, vocabulary), last = reference["logits_last"]
with tempfile.TemporaryDirectory() as folder:
    for precision, most, pcc in (("exact", 5e-4, 0.999999), ("default", 1.0, 0.999), ("fast", 3.0, 0.999)):
        out = pathlib.Path(folder) / f"{precision}.safetensors"
        ttt("logits", "--model", model, "--ids", ",".join(map(str, excerpt)), "-o", out, "--precision", precision)
        got = read_safetensors(out)["logits"][1][-rows * vocabulary:]
        difference = max(abs(a - b) for a, b in zip(got, last, strict=True))
        mean_got, mean_want = sum(got) / len(got), sum(last) / len(last)
        products = [(a - mean_got, b - mean_want) for a, b in zip(got, last)]
        correlation = (sum(a * b for a, b in products) /
                       (sum(a * a for a, _ in products) * sum(b * b for _, b in products)) ** 0.5)
        check(f"logits of an excerpt, {precision}", difference <= most and correlation >= pcc,
              f"max_abs_diff {difference:.2e}, pcc {correlation:.7f}")
    chat_ids, continuation = reference["chat_ids"][1], reference["greedy"][1]
    got = json.loads(ttt("generate", "--model", model, "--prompt", want["chats"][0]["messages"][0]["content"], "--json",
                         "--temperature", 0, "--max-tokens", len(continuation), "--precision", "exact"))
    # The prompt goes through the model's own template, so its length and the tokens after it tell of the rendering.
    check("tokens of the rendered prompt", got["prompt_tokens"] == len(chat_ids), got["prompt_tokens"])
    check("greedy tokens", got["tokens"] == list(continuation[:len(got["tokens"])]), got["tokens"])
for precision in ("default", "exact"):
    answer = ttt("generate", "--model", model, "--prompt", want["chats"][0]["messages"][0]["content"], "--temperature", 0,
                 "--max-tokens", 32, "--precision", precision).strip()
    check(f"greedy answer, {precision}", answer == want["answer"].replace("<|im_end|>", "").strip(), repr(answer))
figure = json.loads(ttt("perplexity", "--model", model, "--file", golden / "text.txt", "--ctx", 512, "--json"))["perplexity"]
check("perplexity within 0.5%", abs(figure / want["perplexity"] - 1) < 0.005, f"{figure:.4f}, float32 {want['perplexity']:.4f}")
sys.exit(1 if failures else 0)
