#!/usr/bin/env python3
"""Verbs that read text, on a tiny model with a tokenizer of words.

usage: test_text_verbs.py PROGRAM GOLDENS_FOLDER
"""
import json
import math

import support
from support import BOS, EOS, SPECIAL, read_safetensors

WORDS = [f"w{10 + i * 7 % 100}" for i in range(50)]
TEXT = " ".join(WORDS)
IDS = [int(word[1:]) for word in WORDS]
TEMPLATE = "{{ bos_token }}{% for m in messages %} <mark> {{ m.content }}{% endfor %}{% if add_generation_prompt %} w9{% endif %}"


class Tokenize(support.Case):
    def test_text_from_anywhere(self):
        model = self.model(adds_bos=True)
        flags = ("tokenize", "--model", model, "--json")
        for out in (self.ok(*flags, stdin="w5 <mark> w7"), self.ok(*flags, "--", "w5 <mark> w7"),
                    self.ok(*flags, "--", "w5", "<mark>", "w7")):
            self.assertEqual(json.loads(out), {"ids": [5, SPECIAL, 7], "pieces": ["w5", "<mark>", "w7"]})
        self.assertEqual(self.ok("tokenize", "--model", model, "--", "w5 w6"), "5\n6\n")
        self.assertEqual(self.json("tokenize", "--model", model, stdin="")["ids"], [])

    def test_add_special(self):
        self.assertEqual(self.json("tokenize", "--model", self.model(adds_bos=True), "--add-special", stdin="w5")["ids"], [BOS, 5])
        self.assertEqual(self.json("tokenize", "--model", self.model(adds_bos=False), "--add-special", stdin="w5")["ids"], [5])


class Perplexity(support.Case):
    def expected(self, model, window, bos):
        """The definition, over logits of each window alone."""
        total, scored, file = 0.0, 0, self.folder / "window.safetensors"
        for first in range(0, len(IDS) + bos - window + 1, window):
            ids = ([BOS] + IDS if bos else IDS)[first : first + window]
            if bos:
                ids[0] = BOS
            self.ok("logits", "--model", model, "--ids", ",".join(map(str, ids)), "-o", file)
            (_, width), values = read_safetensors(file)["logits"]
            for i in range(window // 2, window - 1):
                row = values[i * width : (i + 1) * width]
                total += math.log(sum(map(math.exp, row))) - row[ids[i + 1]]
                scored += 1
        return math.exp(total / scored), scored

    def test_windows(self):
        (self.folder / "text").write_text(TEXT)
        figures = []
        for bos in (True, False):
            model = self.model(adds_bos=bos)
            for window in (16, 25, 50):
                got = self.json("perplexity", "--model", model, "--file", self.folder / "text", "--ctx", window)
                want, scored = self.expected(model, window, bos)
                self.assertAlmostEqual(got["perplexity"] / want, 1, places=5)
                self.assertEqual(got["scored_tokens"], scored)
                figures.append(got["perplexity"])
        self.assertEqual(len(set(figures)), len(figures), "BOS and the window must matter")

    def rows(self, model, ids, *flags):
        """The log-probabilities after each token."""
        file = self.folder / "logits.safetensors"
        self.ok("logits", "--model", model, "--ids", ",".join(map(str, ids)), "-o", file, *flags)
        (_, width), values = read_safetensors(file)["logits"]
        rows = [values[at : at + width] for at in range(0, len(values), width)]
        norms = [math.log(sum(map(math.exp, row))) for row in rows]
        return [[value - norm for value in row] for row, norm in zip(rows, norms)]

    def test_divergence_from_a_reference(self):
        (self.folder / "text").write_text(TEXT)
        model = self.model(source=support.GOLDENS / "llama-rows-of-64", adds_bos=False)
        call = ("perplexity", "--model", model, "--file", self.folder / "text", "--ctx", 16)
        got = self.json(*call, "--reference", model, "--quantize", "q4_0")
        ids = self.json("tokenize", "--model", model, stdin=TEXT)["ids"]
        divergences, same = [], []
        for first in range(0, len(ids) - 15, 16):
            window = ids[first : first + 16]
            exact, rounded = self.rows(model, window, "--precision", "exact"), self.rows(model, window, "--quantize", "q4_0")
            for p, q in list(zip(exact, rounded))[8:15]:
                divergences.append(sum(math.exp(a) * (a - b) for a, b in zip(p, q)))
                same.append(max(range(len(p)), key=p.__getitem__) == max(range(len(q)), key=q.__getitem__))
        self.assertEqual(got["scored_tokens"], len(divergences))
        self.assertGreater(got["kl_divergence"], 0)
        self.assertAlmostEqual(got["kl_divergence"] / (sum(divergences) / len(divergences)), 1, places=4)
        self.assertAlmostEqual(got["same_top"], sum(same) / len(same))
        exact = self.json(*call, "--precision", "exact")["perplexity"]
        self.assertAlmostEqual(got["reference_perplexity"] / exact, 1, places=6)
        self.assertLess(self.json(*call, "--reference", model, "--precision", "exact")["kl_divergence"], 1e-9)
        self.fails(1, *call, "--reference", self.model(), says="expected the same model")

    def test_stdin_and_errors(self):
        model = self.model(adds_bos=True)
        plain = self.ok("perplexity", "--model", model, "--file", "-", "--ctx", 16, stdin=TEXT)
        figure = self.json("perplexity", "--model", model, "--file", "-", "--ctx", 16, stdin=TEXT)["perplexity"]
        self.assertAlmostEqual(float(plain), figure, places=3)
        self.fails(1, "perplexity", "--model", model, "--file", "-", stdin=TEXT, says="51 tokens, fewer than a window of 512")
        self.fails(1, "perplexity", "--model", model, "--file", self.folder / "absent", says="absent")
        self.fails(1, "perplexity", "--model", model, "--file", self.folder, says="got a folder")
        self.fails(2, "perplexity", "--model", model, "--file", "-", "--ctx", 1)
        self.assertEqual(self.json("perplexity", "--model", model, "--file", "-", "--ctx", 3, stdin=TEXT)["scored_tokens"], 17)


class NoTokenizer(support.Case):
    def test_only_verbs_with_ids_name_them(self):
        gguf = self.folder / "plain.gguf"
        whole = (support.GOLDENS / "gguf" / "llama-few-keys-v4.gguf").read_bytes()
        gguf.write_bytes(whole.replace(b"tokenizer.ggml.model", b"tokenizer.none.model"))
        for model, says in ((support.TINY, "has no tokenizer.json"), (gguf, "has no tokenizer")):
            for verb in (["chat"], ["tokenize", "--", "a"], ["perplexity", "--file", "-"], ["embed", "--text", "a"]):
                done = support.run(verb[0], "--model", model, *verb[1:])
                self.assertEqual(done.returncode, 1)
                self.assertIn(says, done.stderr)
                self.assertNotIn("--ids", done.stderr)
            self.fails(1, "generate", "--model", model, "--prompt", "a", says="give token ids with --ids")


class InvalidUtf8(support.Case):
    def test_is_an_error_everywhere(self):
        model = self.model(adds_bos=True, template=TEMPLATE)
        text = "w20 \udcff"  # the byte 0xFF, as Python spells it
        generate = ("generate", "--model", model, "--max-tokens", 1, "--prompt", text)
        for more in ([], ["--raw"]):
            self.fails(1, *generate, *more, says="invalid UTF-8")
        (self.folder / "text").write_bytes(b"w20 \xff")
        self.fails(1, "generate", "--model", model, "--file", self.folder / "text", says="invalid UTF-8")

    def test_in_a_chat_the_message_is_dropped(self):
        model = self.model(adds_bos=True, template=TEMPLATE)
        done = support.run("chat", "--model", model, "--max-tokens", 3, "--json", stdin="w20 \udcff\nw21\n", errors="surrogateescape")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual([line for line in done.stderr.splitlines() if "error" in line],
                         ["ttt: error: [chat template] a message is invalid UTF-8"])
        self.assertEqual([m["content"] for m in json.loads(done.stdout)["messages"]][0], "w21")


class Generate(support.Case):
    def tokens(self, *arguments, **options):
        got = self.json("generate", "--max-tokens", 5, *arguments, **options)
        return got["prompt_tokens"], got["tokens"]

    def by_ids(self, model, ids):
        return len(ids), self.json("generate", "--model", model, "--max-tokens", 5, "--ids", ",".join(map(str, ids)))["tokens"]

    def test_prompts(self):
        model = self.model(adds_bos=True, template=TEMPLATE)
        (self.folder / "prompt").write_text("w20 w21")
        chat = self.by_ids(model, [BOS, SPECIAL, 20, 21, 9])
        for source in (["--prompt", "w20 w21"], ["--file", self.folder / "prompt"]):
            self.assertEqual(self.tokens("--model", model, *source), chat)
        for source in (["--file", "-"], ["-"]):
            self.assertEqual(self.tokens("--model", model, *source, stdin="w20 w21"), chat)
        self.assertEqual(self.tokens("--model", model, "--raw", "--prompt", "w20 <mark> w21"), self.by_ids(model, [20, SPECIAL, 21]))
        base = self.model(adds_bos=True)
        self.assertEqual(self.tokens("--model", base, "--prompt", "w20 w21"), self.by_ids(base, [BOS, 20, 21]))

    def test_stop_strings(self):
        model = self.model(adds_bos=False)
        whole = self.ok("generate", "--model", model, "--raw", "--prompt", "w20 w21", "--max-tokens", 6).rstrip("\n")
        words = whole.split()
        self.assertGreater(len(words), 3, whole)
        for stop in (words[2], words[1][1:] + " " + words[2][:2]):
            with self.subTest(stop):
                got = self.json("generate", "--model", model, "--raw", "--prompt", "w20 w21", "--max-tokens", 6,
                                "--stop", "never", "--stop", stop)
                self.assertEqual(got["text"], whole[: whole.index(stop)])
                self.assertEqual(got["finish_reason"], "stop_string")
        self.fails(2, "generate", "--model", model, "--prompt", "w1", "--stop", "")

    def test_special_tokens_are_not_shown(self):
        model = self.model(adds_bos=False)
        text = self.json("generate", "--model", model, "--raw", "--prompt", "w20", "--temperature", "9", "--max-tokens", 60)["text"]
        for token in ("<bos>", "<eos>", "<mark>"):
            self.assertNotIn(token, text)


class Chat(support.Case):
    def test_piped_conversation(self):
        model = self.model(adds_bos=True, template=TEMPLATE)
        got = self.json("chat", "--model", model, "--max-tokens", 3, stdin="w20\n\nw21\n/reset\nw22")
        self.assertEqual([m["role"] for m in got["messages"]], ["user", "assistant"])
        self.assertEqual(got["messages"][0]["content"], "w22")
        got = self.json("chat", "--model", model, "--max-tokens", 3, stdin="w20\nw21\n")["messages"]
        self.assertEqual([m["content"] for m in got[::2]], ["w20", "w21"])
        # The second answer is to the whole conversation, though the cache held most of it.
        prompt = f"<bos> <mark> w20 <mark> {got[1]['content']} <mark> w21 w9"
        again = self.json("generate", "--model", model, "--raw", "--prompt", prompt, "--max-tokens", 3)
        self.assertEqual(again["text"], got[3]["content"])
        self.assertEqual(self.ok("chat", "--model", model, "--max-tokens", 3, stdin="w20\nw21\n"),
                         got[1]["content"] + "\n" + got[3]["content"] + "\n")

    def test_needs_a_template(self):
        self.fails(1, "chat", "--model", self.model(adds_bos=True), says="chat template")


if __name__ == "__main__":
    support.main()
