#!/usr/bin/env python3
"""The program on the default model, against what transformers and llama.cpp say of it.

usage: test_default_model.py PROGRAM GOLDEN_FOLDER
Exit code 77 (skipped) when the model is not in the cache.
"""
import json
import os
import pathlib
import subprocess
import sys

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


failures = []
ids = json.loads(ttt("tokenize", "--model", model, "--json", stdin=(golden / "text.txt").read_text()))["ids"]
check("token count of the text", len(ids) == want["text_tokens"], f"{len(ids)} of {want['text_tokens']}")
check("first token ids", ids[: len(want["text_first_ids"])] == want["text_first_ids"])
for chat in want["chats"]:
    got = json.loads(ttt("tokenize", "--model", model, "--json", stdin=chat["rendered"]))["ids"]
    check("token ids of a rendered chat", got == chat["ids"])
for precision in ("default", "exact"):
    answer = ttt("generate", "--model", model, "--prompt", want["chats"][0]["messages"][0]["content"], "--temperature", 0,
                 "--max-tokens", 32, "--precision", precision).strip()
    check(f"greedy answer, {precision}", answer == want["answer"].replace("<|im_end|>", "").strip(), repr(answer))
figure = json.loads(ttt("perplexity", "--model", model, "--file", golden / "text.txt", "--ctx", 512, "--json"))["perplexity"]
check("perplexity within 0.5%", abs(figure / want["perplexity"] - 1) < 0.005, f"{figure:.4f}, float32 {want['perplexity']:.4f}")
sys.exit(1 if failures else 0)
