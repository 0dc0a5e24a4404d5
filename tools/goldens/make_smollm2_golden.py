#!/usr/bin/env python3
"""Makes tests/goldens/smollm2: what transformers (float32, eager) says of the default model's dequantised weights.

usage: make_smollm2_golden.py --model SmolLM2-135M-Instruct.Q4_1.gguf [--out tests/goldens/smollm2]

Needs OUT/text.txt (committed: from Isaac Newton's Opticks, 1730, public domain). Writes
  golden.safetensors  input_ids int64 [1,T], logits_last f32 [4,V] (the last four positions of input_ids),
                      chat_ids int64 [1,P], greedy int64 [1,32] (the argmax continuation of chat_ids)
  golden.json         the text of input_ids, the chat, its rendering and ids, perplexities of text.txt
The tokenizer is put together from the GGUF's vocabulary by hand (single digits, then byte level): transformers'
own GGUF conversion leaves out the splitting of digits, which is another tokenisation.
"""
import argparse
import hashlib
import json
import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from gguf import GGUFReader
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

PROMPT = "What is the capital of France?"
EXCERPT = 64      # tokens of input_ids
WINDOW = 512      # of the perplexity
CONTINUATION = 32
CONTROL = 3       # tokenizer.ggml.token_type of special tokens


def read_tokenizer(path):
    field = GGUFReader(path).get_field
    value = lambda key: field(key).contents()
    assert value("tokenizer.ggml.pre") == "smollm", value("tokenizer.ggml.pre")
    tokens = value("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in value("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = value("tokenizer.ggml.token_type")
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False)
                                  for t, kind in zip(tokens, kinds) if kind == CONTROL])
    adds_bos = field("tokenizer.ggml.add_bos_token")
    return tokenizer, value("tokenizer.chat_template"), bool(adds_bos and adds_bos.contents())


def perplexity(model, ids, first_scored):
    """Non-overlapping windows without BOS (this tokenizer adds none); in each, tokens from first_scored on."""
    total, count = 0.0, 0
    for start in range(0, len(ids) - WINDOW + 1, WINDOW):
        window = torch.tensor([ids[start:start + WINDOW]])
        scores = model(window, use_cache=False).logits[0].double().log_softmax(-1)
        targets = window[0, first_scored:]
        picked = scores[first_scored - 1:WINDOW - 1].gather(1, targets[:, None])
        total -= float(picked.sum())
        count += len(targets)
    return float(torch.exp(torch.tensor(total / count, dtype=torch.float64))), count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "smollm2")
    arguments = parser.parse_args()
    torch.set_num_threads(2)

    tokenizer, template, adds_bos = read_tokenizer(arguments.model)
    assert not adds_bos
    text = (arguments.out / "text.txt").read_text(encoding="utf-8")
    text_ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(text_ids) == text
    chat = [{"role": "user", "content": PROMPT}]
    renderer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template,
                                       bos_token="<|im_start|>", eos_token="<|im_end|>")
    rendered = renderer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    chat_ids = tokenizer.encode(rendered, add_special_tokens=False).ids
    longer_chat = [{"role": "system", "content": "You answer in one word."},
                   {"role": "user", "content": "2 + 2 = ?"}, {"role": "assistant", "content": "Four."},
                   {"role": "user", "content": "And 12 \u00d7 345?"}]
    longer_rendered = renderer.apply_chat_template(longer_chat, tokenize=False, add_generation_prompt=True)

    model = AutoModelForCausalLM.from_pretrained(arguments.model.parent, gguf_file=arguments.model.name,
                                                 dtype=torch.float32, attn_implementation="eager").eval()
    excerpt = text_ids[:EXCERPT]
    with torch.no_grad():
        logits = model(torch.tensor([excerpt]), use_cache=False).logits[0, -4:]
        context = torch.tensor([chat_ids])
        lead = float("inf")
        for _ in range(CONTINUATION):
            last = model(context, use_cache=False).logits[:, -1]
            best = last.topk(2, -1).values[0]
            lead = min(lead, float(best[0] - best[1]))
            context = torch.cat([context, last.argmax(-1, keepdim=True)], 1)
        greedy = context[:, len(chat_ids):]
        second_half, scored = perplexity(model, text_ids, WINDOW // 2 + 1)
        with_middle, scored_with_middle = perplexity(model, text_ids, WINDOW // 2)

    save_file({"input_ids": torch.tensor([excerpt]), "logits_last": logits.contiguous(),
               "chat_ids": torch.tensor([chat_ids]), "greedy": greedy.contiguous()},
              arguments.out / "golden.safetensors",
              metadata={"made_by": f"transformers {transformers.__version__}, "
                                   f"torch {torch.__version__.split('+')[0]}"})
    answer = greedy[0].tolist()
    stop = tokenizer.token_to_id("<|im_end|>")
    document = {
        "model_sha256": hashlib.sha256(arguments.model.read_bytes()).hexdigest(),
        "transformers": transformers.__version__,
        "excerpt": tokenizer.decode(excerpt),
        "chats": [{"messages": messages, "rendered": shown,
                   "ids": tokenizer.encode(shown, add_special_tokens=False).ids}
                  for messages, shown in ((chat, rendered), (longer_chat, longer_rendered))],
        "greedy_smallest_lead": lead,
        "answer": tokenizer.decode(answer[:answer.index(stop)] if stop in answer else answer),
        "stop_id": stop,
        "text_tokens": len(text_ids),
        "text_ids_sha256_le_int64": hashlib.sha256(
            torch.tensor(text_ids, dtype=torch.int64).numpy().tobytes()).hexdigest(),
        "text_first_ids": text_ids[:16],
        "window": WINDOW,
        # llama.cpp's rule: in each window the tokens 257..511, each from all before it.
        "perplexity": second_half,
        "scored_tokens": scored,
        # The same with token 256 as well, the first of the second half.
        "perplexity_whole_second_half": with_middle,
        "scored_tokens_whole_second_half": scored_with_middle,
    }
    (arguments.out / "golden.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({k: document[k] for k in ("answer", "greedy_smallest_lead", "text_tokens", "perplexity",
                                               "scored_tokens", "perplexity_whole_second_half")}, indent=1))


if __name__ == "__main__":
    main()
