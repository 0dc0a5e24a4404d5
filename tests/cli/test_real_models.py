#!/usr/bin/env python3
"""The program on real weights in the cache, against what transformers says of them.

usage: test_real_models.py PROGRAM GOLDENS_FOLDER gemma3|minilm
Exit code 77 (skipped) when the model is not in the cache.
"""
import array
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

program, golden = sys.argv[1], json.loads((pathlib.Path(sys.argv[2]) / "real_models.json").read_text())
cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ttt"
failures = []


def ttt(*arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"ttt {arguments}: {done.stderr}"
    return done.stdout


def check(name, ok, detail=""):
    print(f"{'ok' if ok else 'FAILED'}: {name} {detail}")
    if not ok:
        failures.append(name)


def gemma3(model):
    want = golden["gemma3"]
    ids = json.loads(ttt("tokenize", "--model", model, "--add-special", "--json", "--", want["prompt"]))["ids"]
    check("token ids of the prompt", ids == want["ids"], ids)
    greedy = {precision: json.loads(ttt("generate", "--model", model, "--prompt", want["prompt"], "--temperature", 0, "--max-tokens",
                                        len(want["greedy"]), "--precision", precision, "--json"))["tokens"]
              for precision in ("exact", "default")}
    check("greedy tokens, exact", greedy["exact"] == want["greedy"], greedy["exact"])
    # The default's logits are some hundredths off: where the best two are nearer to each other than near_tie in f32, either will do.
    near_tie, most = 0.1, 0.5
    exact, default = (next_logits(model, ids + want["greedy"][:-1], len(want["greedy"]), precision) for precision in ("exact", "default"))
    ties = [max(row) - sorted(row)[-2] < near_tie for row in exact]
    check("few near ties", sum(ties) <= len(ties) // 8, sum(ties))
    found = [row.index(max(row)) == token or tie for row, token, tie in zip(default, want["greedy"], ties, strict=True)]
    check("best tokens after the golden ones, default", all(found), found)
    difference = max(abs(a - b) for one, other in zip(exact, default, strict=True) for a, b in zip(one, other, strict=True))
    check("logits, default", difference < most, f"{difference:.3f} off at most")
    sure = [*ties, True].index(True)
    check(f"greedy tokens, default, {sure} before a near tie", greedy["default"][:sure] == want["greedy"][:sure], greedy["default"])


def next_logits(model, ids, last, precision):
    """The logits after each of the last tokens."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "logits.safetensors"
        ttt("logits", "--model", model, "--ids", ",".join(map(str, ids)), "--precision", precision, "-o", path)
        data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    vocabulary = json.loads(data[8:8 + length])["logits"]["shape"][1]
    values = array.array("f", data[-4 * last * vocabulary:]).tolist()
    return [values[i * vocabulary:(i + 1) * vocabulary] for i in range(last)]


def minilm(model):
    for want in golden["minilm"]:
        ids = json.loads(ttt("tokenize", "--model", model, "--add-special", "--json", "--", want["text"]))["ids"]
        check("token ids of a text", ids == want["ids"])
        for precision, tolerance in (("exact", 2e-6), ("default", 1e-3)):
            (got,) = json.loads(ttt("embed", "--model", model, "--text", want["text"], "--precision", precision, "--json"))["embeddings"]
            most = max(abs(a - b) for a, b in zip(got, want["vector"], strict=True))
            check(f"vector, {precision}", most < tolerance and math.isclose(sum(v * v for v in got), 1, rel_tol=1e-4), f"{most:.1e}")


run, path = {"gemma3": (gemma3, cache / "gemma-3-270m-q4_k_m.gguf"),
             "minilm": (minilm, cache / "all-MiniLM-L6-v2")}[sys.argv[3]]
if not path.exists():
    print(f"skipped: {path.name} is not in the cache; scripts/fetch_model.sh {sys.argv[3]} fetches it")
    sys.exit(77)
run(path)
sys.exit(1 if failures else 0)
