#!/usr/bin/env python3
"""Makes tests/goldens/text: what Hugging Face's tokenizers and jinja2 say of small vocabularies and of chat templates.

usage: make_text_goldens.py [--out tests/goldens/text]

  byte_level.json   one made-up byte-level BPE vocabulary, whose merges run across words, digits and spaces, and for every
                    pre-tokenizer name the ids of each text
  sentencepiece.json, wordpiece.json   the same for those models
  templates.json    chat templates with variables, and what transformers' own jinja2 environment renders or refuses
The pre-tokenizers are those of transformers' tokenizer classes or of the models' published tokenizer.json files.
"""
import argparse
import itertools
import json
import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.utils.chat_template_utils import render_jinja_template

TEXTS = [
    "", " ", "  ", "\n", "\r\n", " \n\n  x", "Hello, world!", "hello  world   again", "I'm sure they'LL say we've won, don't YOU?", "'s'T 'Re",
    "1", "12", "123", "1234", "12345678", "3.14159e-10 + 2^10 = 1024", "x1y22z333", "٣٤٥ ⅷ ½ ² ³¹ １２３", "naïve café", "nai\u0308ve cafe\u0301",
    "CamelCaseWordsAndHTTPServer XMLHttpRequest iPhone", "ΑΒΓ αβγ ПриветМир", "中文分词测试。日本語テスト、カタカナ ひらがな", "한국어 문장입니다", "नमस्ते दुनिया",
    "สวัสดีชาวโลก", "🙂👩‍👩‍👧‍👦🇩🇪", "a\u200db\u00a0c\u3000d\ufeff", "tabs\tand\t\tmore", "def f(x):\n    return x**2  # square\n\n\nprint(f(3))",
    "<|end|>", "say <|end|> and <|end|>", "https://example.org/a/b?c=d&e=f#g", "...!!!???", "--- *** ___ ===", "!abc $def (ghi) [jkl]", "a/b\\c|d~e`f", "e=mc²",
    "line one\nline two\r\nline three\n", "   leading", "trailing   ", "mixed \t \n whitespace \r", "a" * 40, "ab" * 20, "😀" * 5, "\u0000\u0001\u001f", "Ünïcödé ÀÉÎ ßẞ ﬁ ǅ",
    "，。！？；：“引号”‘单引号’", "5,000,000 km/h @ 99.9%", "the the THE The tHe",
]
CORPUS = [text for text in TEXTS if "<|end|>" not in text] + ["the quick brown fox jumps over the lazy dog", "return x + 1; // 1234 12 34", "hello world hello there the end the 12 123 12345 again and again "] * 3

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+SUFFIX|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*SUFFIX"
         r"|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK_CASED = ("A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼ"
                  "ℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃")
DEEPSEEK_V3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^" + "\r\n" + r"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[" + "\r\n" + r"]*|\s*[" + "\r\n" + r"]+|\s+(?!\S)|\s+")


def split(regex):
    return pre_tokenizers.Split(Regex(regex), behavior="isolated", invert=False)


def steps(*splits):
    return pre_tokenizers.Sequence([*(split(s) if isinstance(s, str) else s for s in splits), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level(regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)


def digits(individual):
    return pre_tokenizers.Digits(individual_digits=individual)


# name in tokenizer.ggml.pre: the steps before the model, whether text is composed (NFC), whether whole pieces stay
PRE_TOKENIZERS = {
    "gpt-2": (byte_level(), False, False),
    "olmo": (byte_level(), True, False),
    "smollm": (pre_tokenizers.Sequence([digits(True), byte_level()]), False, False),
    "command-r": (pre_tokenizers.Sequence([digits(True), byte_level()]), True, False),
    "llama-bpe": (steps(CONTRACTIONS + "|" + WORDS.replace("DIGITS", "{1,3}")), False, True),
    "qwen2": (steps(CONTRACTIONS + "|" + WORDS.replace("DIGITS", "")), True, False),
    "gpt-4o": (steps(CASED.replace("DIGITS", "{1,3}").replace("SUFFIX", CONTRACTIONS + "?")), False, False),
    "tekken": (steps(CASED.replace("DIGITS", "").replace("SUFFIX", "")), False, True),
    "deepseek-v3": (steps(r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK_V3), False, False),
    "deepseek-llm": (pre_tokenizers.Sequence([split("[\r\n]"), split(rf"\s?[{DEEPSEEK_CASED}]+"), split("\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+"), split(r"\s+$"),
                                              split("[一-龥\u0800-一가-\ud7ff]+"), digits(False), byte_level(False)]), False, False),
    "deepseek-coder": (pre_tokenizers.Sequence([split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥\u0800-一가-\ud7ff]+"), digits(True), byte_level(False)]), False, False),
    "falcon": (pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), byte_level(), digits(False), split("[0-9][0-9][0-9]")]), False, False),
    "bloom": (steps(" ?[^(\\s|[.,!?…。，、।۔،])]+"), False, False),
}
END = "<|end|>"


def answers(tokenizer):
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    decoded = [tokenizer.decode(i, skip_special_tokens=False) for i in ids]
    return {"ids": ids, "decoded": {str(n): d for n, (d, text) in enumerate(zip(decoded, TEXTS)) if d != text}}


def byte_level_golden():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level(False)
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=700, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get) 
    tokens += [token for token in ("Ġsquare", "Ġkm", "PServer", "1024") if token not in tokens] + [END]  # no merge leads to them
    merges = [tuple(m) for m in model["merges"]]
    vocab = {token: i for i, token in enumerate(tokens)}
    cases = {}
    for name, (pre, nfc, ignore_merges) in PRE_TOKENIZERS.items():
        tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=ignore_merges))
        tokenizer.pre_tokenizer, tokenizer.decoder = pre, decoders.ByteLevel()
        if nfc:
            tokenizer.normalizer = normalizers.NFC()
        tokenizer.add_special_tokens([AddedToken(END, special=True, normalized=False)])
        cases[name] = answers(tokenizer)
    return {"texts": TEXTS, "tokens": tokens, "merges": [" ".join(m) for m in merges], "end": vocab[END], "cases": cases}


def sentencepiece_merges(vocab, scores):
    """As transformers makes merges of a SentencePiece model: every split of a token in two, the best results first."""
    merges = []
    for token, score in scores.items():
        cuts = [(token[:i], token[i:], score) for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]
        merges += sorted(cuts, key=lambda m: (vocab[m[0]], vocab[m[1]]))
    return [(a, b) for a, b, _ in sorted(merges, key=lambda m: m[2], reverse=True)]


def sentencepiece_golden():
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.train_from_iterator(CORPUS[:20] + CORPUS[-9:], trainers.BpeTrainer(vocab_size=420, show_progress=False))
    vocab = trained.get_vocab()
    pieces = sorted(vocab, key=vocab.get)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + [p for p in pieces if len(p) > 1] + [p for p in pieces if len(p) == 1]
    scores = {token: (0.0 if i < 259 else float(259 - i)) for i, token in enumerate(tokens)}
    ids = {token: i for i, token in enumerate(tokens)}
    merges = sentencepiece_merges(ids, {t: s for t, s in scores.items() if not t.startswith("<")})
    cases = {}
    for name, prefix in (("prefix", True), ("no_prefix", False)):
        tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")] if prefix else [normalizers.Replace(" ", "▁")])
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *([decoders.Strip(" ", left=1)] if prefix else [])])
        tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
        cases[name] = answers(tokenizer)
    return {"texts": TEXTS, "tokens": tokens, "scores": [scores[t] for t in tokens], "types": [2, 3, 3] + [6] * 256 + [1] * (len(tokens) - 259), "cases": cases}


def wordpiece_golden():
    words = sorted({w for text in CORPUS for w, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normalizers.BertNormalizer().normalize_str(text))})
    pieces = sorted({w[:n] for w in words[::2] for n in (1, 2, 3, len(w))} | {"##" + w[n:n + k] for w in words for n in (1, 2, 3) for k in (1, 3) if w[n:n + k]})
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pieces
    vocab = {t: i for i, t in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(prefix="##")
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.add_special_tokens(tokens[:5])
    gguf = [t if i < 5 else (t[2:] if t.startswith("##") else "▁" + t) for i, t in enumerate(tokens)]
    return {"texts": TEXTS, "tokens": gguf, "types": [3] * 5 + [1] * len(pieces), "cases": {"bert": {"ids": [tokenizer.encode(t).ids for t in TEXTS]}}}


MESSAGES = [
    [{"role": "user", "content": "Hi \"there\" <b>"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  spaces  "}, {"role": "assistant", "content": "Sure.\n"}, {"role": "user", "content": "né 🙂"}],
    [{"role": "assistant", "content": "first"}, {"role": "assistant", "content": "again"}],
    [{"role": "user", "content": [{"type": "text", "text": "parts"}, {"type": "image"}]}],
    [{"role": "user", "content": "call"}, {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1, "y": [1.0, 1e-7, None, True], "z": "é\u2028"}}}]},
     {"role": "tool", "name": "f", "content": "{\"ok\": 1}"}],
]
TOOLS = [{"type": "function", "function": {"name": "f", "description": "Does <it> & more.", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}}]
TEMPLATES = {
    "chatml": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nDefault.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + (message['content'] if message['content'] is string else '-') + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "alternating": "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if m['role'] == 'user' %}{{ '[INST] ' + (m['content'] | trim) + ' [/INST]' }}{% else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}",
    "tools": "{%- if tools %}\n    {%- for tool in tools %}\n        {{- '\\n' }}{{ tool | tojson }}\n    {%- endfor %}\n{%- endif %}\n{%- for m in messages %}\n    {%- if m.tool_calls %}\n        {%- for call in m.tool_calls %}\n            {%- set call = call.function %}\n{{ call.name }}({{ call.arguments | tojson(indent=2) }})\n        {%- endfor %}\n    {%- else %}\n{{ m.role | upper }}: {{ m.content }}\n    {%- endif %}\n{%- endfor %}",
    "namespaces": "{%- set ns = namespace(last=-1, n=0) -%}\n{%- for m in messages[::-1] -%}\n{%- set i = (messages|length - 1) - loop.index0 -%}\n{%- if ns.last < 0 and m.role == 'user' and m.content is string -%}{%- set ns.last = i -%}{%- endif -%}\n{%- set ns.n = ns.n + 1 -%}\n{%- endfor -%}\n{{ ns.last }} of {{ ns.n }}{% if not ns.last >= 0 %} none{% endif %}",
    "macros": "{% macro show(m, sep=': ') %}{{ m.role.title() }}{{ sep }}{% if m.content is iterable and m.content is not string %}{% for part in m.content if part.type == 'text' %}{{ part.text }}{% else %}?{% endfor %}{% else %}{{ m.content }}{% endif %}{% endmacro %}\n{% for m in messages %}\n  {% if loop.index > 2 %}{% break %}{% endif %}\n  {{ show(m) }}\n{% endfor %}",
    "python_methods": "{% for m in messages if m.content is string %}{{ m.content.strip().split(' ') | join('_') }}|{{ m.content.startswith('H') }}|{{ m.content.replace('e', '3') }}|{{ m.content[:3] }}|{{ m.content | length }}|{{ m.get('name', 'nobody') }}|{{ 'b' in m.content }}\n{% endfor %}{{ messages[0].items() | list | length }} {{ messages[-1].keys() | list }}",
    "filters": "{{ messages | map(attribute='role') | join(', ') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'equalto', 'user') | map(attribute='role') | unique | list }} {{ messages[0].content | default('x', true) | string | lower | replace('hi', 'ho') }} {{ (messages | last).role }} {{ missing is defined }} {{ missing | default('none') }} {{ 7 // 2 }} {{ 7 / 2 }} {{ 2 ** 5 }} {{ -7 % 3 }} {{ [1, 2] + [3] }} {{ 1 == 1.0 }} {{ 'a' ~ 1 ~ none }}",
    "whitespace": "  {% if true %}\n\n  kept\n\t{%- if true -%}\n   tight  \n{%+ if true %}plus{% endif %}\n  {% endif %}\n{# a comment #}\n  end\n{% endif %}\n\n",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.role }}{% endif %}\n{% endfor %}{% raw %}{% generation %}{% endraw %}",
    "missing_attribute": "{{ messages[0].nothing }}|{{ messages[0]['nothing'] is defined }}|{% if messages[0].nothing %}x{% endif %}|{{ messages[9] }}",
    "undefined_error": "{{ nothing.at.all }}",
    "syntax_error": "{% for m in messages %}",
    "indent": "{{ '{\\n' | indent(4, first=true) }}{{ 'a\\n\\nb\\n\\n' | indent }}{{ 'a\\n\\nb' | indent('> ', true, true) }}{{ messages[0].role | indent(width=2, first=true) }}",
    "no_escape": "{{ '<a> & \"b\"' }} {{ messages[0].content }}",
}


def templates_golden():
    cases = []
    for (name, source), messages, tools, prompt in itertools.product(TEMPLATES.items(), MESSAGES, (None, TOOLS), (False, True)):
        if tools and name != "tools" or prompt and name != "chatml":
            continue
        case = {"template": name, "variables": {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt}}
        try:
            case["rendered"] = render_jinja_template([messages], tools=tools, chat_template=source, add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>")[0][0]
        except Exception as error:  # jinja2's own, whichever it is
            case["error"] = str(error)
        cases.append(case)
    return {"templates": TEMPLATES, "cases": cases}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "tests/goldens/text")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, golden in (("byte_level", byte_level_golden()), ("sentencepiece", sentencepiece_golden()), ("wordpiece", wordpiece_golden()), ("templates", templates_golden())):
        (out / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
