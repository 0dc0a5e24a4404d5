#!/usr/bin/env python3
"""Makes tests/goldens/real_models.json: what transformers (float32, eager) says of real weights that are never committed.

usage: make_real_model_goldens.py --gemma3 FILE.gguf --minilm FOLDER [--out tests/goldens/real_models.json]

gemma3: the prompt's ids (of the file's own vocabulary, BOS first), its greedy continuation over the dequantised weights, and
the smallest lead of a chosen token. minilm: texts, their ids, and their mean-pooled vectors of length 1.
"""
import argparse
import json
import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

PROMPT = "The capital of France is"
CONTINUATION = 24
TEXTS = ["A cat sits on the mat.", "naïve CAFÉ: 123.45 日本語 — ok?", "The quick brown fox jumps over the lazy dog. " * 4]
DIGITS = 6


def gemma3(path):
    settings = dict(gguf_file=path.name)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, **settings)
    model = AutoModelForCausalLM.from_pretrained(path.parent, **settings, dtype=torch.float32, attn_implementation="eager").eval()
    ids = tokenizer(PROMPT)["input_ids"]
    context, lead = torch.tensor([ids]), float("inf")
    with torch.no_grad():
        for _ in range(CONTINUATION):
            best = model(context, use_cache=False).logits[0, -1].topk(2)
            lead = min(lead, float(best.values[0] - best.values[1]))
            context = torch.cat([context, best.indices[:1, None]], 1)
    return {"prompt": PROMPT, "ids": ids, "greedy": context[0, len(ids):].tolist(), "lead": round(lead, 4)}


def minilm(folder):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    results = []
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            vector = model(**inputs).last_hidden_state[0].mean(0)
        vector = vector / vector.norm()
        results.append({"text": text, "ids": inputs["input_ids"][0].tolist(), "vector": [round(float(v), DIGITS) for v in vector]})
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gemma3", type=pathlib.Path, required=True)
    parser.add_argument("--minilm", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "real_models.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    golden = {"gemma3": gemma3(arguments.gemma3), "minilm": minilm(arguments.minilm)}
    arguments.out.write_text(json.dumps(golden, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
