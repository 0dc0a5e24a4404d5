#!/usr/bin/env python3
"""Writes golden.safetensors for any checkpoint that Hugging Face transformers can load, for `ttt compare` and TestSuite:
random input_ids int64 [2,LENGTH], logits f32 [2,LENGTH,V], hidden_0 and hidden_last f32 [2,LENGTH,H], and greedy int64
[2,16], the argmax continuation of each row; float32, eager attention, no cache.

usage: make_golden.py CHECKPOINT [--length 32] [--seed 0] [--out CHECKPOINT/golden.safetensors]
"""
import argparse
import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from make_model_goldens import BATCH, MARGIN, greedy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(arguments.checkpoint, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(3, model.config.get_text_config().vocab_size, (BATCH, arguments.length),
                        generator=torch.Generator().manual_seed(arguments.seed))
    with torch.no_grad():
        out = model(ids, output_hidden_states=True, use_cache=False)
        continuation, lead = greedy(model, ids)
    if lead < MARGIN:
        print(f"a greedy token leads the next one by only {lead:.1e}: another --seed gives a firmer golden")
    save_file({"input_ids": ids, "logits": out.logits.contiguous(), "hidden_0": out.hidden_states[0].contiguous(),
               "hidden_last": out.hidden_states[-1].contiguous(), "greedy": continuation},
              arguments.out or arguments.checkpoint / "golden.safetensors",
              metadata={"made_by": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, seed {arguments.seed}"})


if __name__ == "__main__":
    main()
