#!/usr/bin/env python3
"""The program on real weights in the cache, against what transformers says of them.

usage: test_real_models.py PROGRAM GOLDENS_FOLDER gemma3|minilm
Exit code 77 (skipped) when the model is not in the cache.
"""
import json
import math
import os
import pathlib
import subprocess
import sys

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
    for precision in ("exact", "default"):
        got = json.loads(ttt("generate", "--model", model, "--prompt", want["prompt"], "--temperature", 0, "--max-tokens",
                             len(want["greedy"]), "--precision", precision, "--json"))["tokens"]
        check(f"greedy tokens, {precision}", got == want["greedy"], got)


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
