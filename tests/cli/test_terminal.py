#!/usr/bin/env python3
"""The program on a terminal: a conversation with its history, /reset, Ctrl-C, end of input, and progress bars.

usage: test_terminal.py PROGRAM GOLDEN_FOLDER
Exit code 77 (skipped) when the default model is not in the cache.
"""
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import time
import unittest

PROGRAM, GOLDEN = sys.argv[1], pathlib.Path(sys.argv[2])
MODEL = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ttt" / "SmolLM2-135M-Instruct.Q4_1.gguf"
WANT = json.loads((GOLDEN / "golden.json").read_text())
QUESTION = WANT["chats"][0]["messages"][0]["content"]
ANSWER = WANT["answer"].replace("<|im_end|>", "").strip()
PATIENCE = 300  # seconds
SPEED = re.compile(r"answer: (\d+) tokens, [^;]*; (\w+)")


class Terminal:
    """The program with a pseudo-terminal as stdin, stdout and stderr."""

    def __init__(self, *arguments):
        pid, self.file = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, *map(str, arguments)])
        self.pid, self.seen, self.code = pid, "", None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self.file)

    def type(self, text):
        os.write(self.file, text.encode())

    def read(self, seconds):
        """More of what is shown; empty at the end."""
        ready, _, _ = select.select([self.file], [], [], max(seconds, 0))
        if not ready:
            raise AssertionError(f"nothing more came within {PATIENCE} seconds after {self.seen!r}")
        try:
            return os.read(self.file, 4096).decode(errors="replace")
        except OSError:  # Linux's way to say that the program closed the terminal
            return ""

    def expect(self, pattern):
        """Waits for the pattern and returns what came before and the match; what follows is kept for the next call."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            more = self.read(end - time.monotonic())
            if not more:
                raise AssertionError(f"the program ended before {pattern!r} came: {self.seen!r}")
            self.seen += more
        before, self.seen = self.seen[: found.start()], self.seen[found.end() :]
        return before, found

    def wait(self):
        end = time.monotonic() + PATIENCE
        while more := self.read(end - time.monotonic()):
            self.seen += more
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code


class Chat(unittest.TestCase):
    def chat(self, *more):
        terminal = self.enterContext(Terminal("chat", "--model", MODEL, "--temperature", 0, *more))
        terminal.expect("leaves\r\n> ")
        return terminal

    def ask(self, terminal, question):
        """The answer, its number of tokens, and why it ended."""
        terminal.type(question + "\n")
        terminal.expect(re.escape(question) + "\r\n")
        answer, end = terminal.expect(r"prompt: \d+ tokens[^\n]*; " + SPEED.pattern + r"\r\n> ")
        return re.sub(r"\r[^\n]*?\x1b\[K", "", answer).replace("\r\n", "\n").strip(), int(end[1]), end[2]

    def prompt_tokens(self, terminal, question):
        terminal.type(question + "\n")
        _, end = terminal.expect(r"prompt: (\d+) tokens[^\n]*\r\n> ")
        return int(end[1])

    def test_answers_history_and_reset(self):
        terminal = self.chat("--max-tokens", 24)
        self.assertEqual(self.ask(terminal, QUESTION)[0], ANSWER)
        follow_up = "Repeat that."
        second = self.ask(terminal, follow_up)[0]
        self.assertEqual(second, self.expected(QUESTION, ANSWER, follow_up, 24))
        terminal.type("/reset\n")
        terminal.expect("> ")
        self.assertEqual(self.ask(terminal, QUESTION)[0], ANSWER)
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)

    def expected(self, question, answer, follow_up, tokens):
        """What one long prompt gives: the template as the model's maker wrote it, without the program's chat."""
        system = WANT["chats"][0]["rendered"].split("<|im_start|>user")[0]
        turns = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in
                        (("user", question), ("assistant", answer), ("user", follow_up)))
        done = subprocess.run([PROGRAM, "generate", "--model", MODEL, "--raw", "--prompt", f"{system}{turns}<|im_start|>assistant\n",
                               "--max-tokens", str(tokens)], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def test_history_stays_in_the_cache(self):
        terminal = self.chat("--max-tokens", 8)
        first = self.prompt_tokens(terminal, QUESTION)
        second = self.prompt_tokens(terminal, QUESTION)
        self.assertLess(second, first, "only what is new is computed: the system prompt is not")
        terminal.type("/reset\n")
        terminal.expect("> ")
        self.assertEqual(self.prompt_tokens(terminal, QUESTION), first)

    def test_interrupt_stops_the_answer_only(self):
        terminal = self.chat()
        terminal.type("Write a very long story about the sea.\n")
        terminal.expect(r"sea\.\r\n.*\w+ \w+ \w+")
        terminal.type("\x03")
        _, end = terminal.expect(SPEED.pattern + r"\r\n> ")
        self.assertEqual(end[2], "cancelled")
        # An interrupt at the prompt drops the line and leaves the program be.
        terminal.type("half a line")
        terminal.expect("half a line")
        terminal.type("\x03")
        terminal.expect("\r\n> ")
        terminal.type("/reset\n")
        terminal.expect("> ")
        self.assertEqual(self.ask(terminal, QUESTION)[0], ANSWER)
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)

    def test_full_context(self):
        terminal = self.chat("--ctx", 60)
        _, _, end = self.ask(terminal, "Tell me a story.")
        self.assertEqual(end, "context_full")
        terminal.type("More.\n")
        terminal.expect(r"ttt: error: [^\r\n]*context[^\r\n]*/reset[^\r\n]*\r\n> ")
        terminal.type("/reset\n")
        terminal.expect("> ")
        self.assertGreater(self.ask(terminal, "Hi.")[1], 0)

    def test_interrupt_ends_a_generate(self):
        terminal = self.enterContext(Terminal("generate", "--model", MODEL, "--prompt", "Write a very long story about the sea."))
        terminal.expect(r"\w+ \w+ \w+")
        terminal.type("\x03")
        terminal.expect("; cancelled\r\n")
        self.assertEqual(terminal.wait(), 0)


class Progress(unittest.TestCase):
    BAR = r"\[#*\.*\] +\d+%"

    def test_bars_on_a_terminal_only(self):
        text = " ".join(["The sea is blue."] * 300)
        terminal = self.enterContext(Terminal("generate", "--model", MODEL, "--raw", "--prompt", text, "--max-tokens", 2))
        terminal.expect("loading " + self.BAR)
        terminal.expect("reading the prompt " + self.BAR)
        self.assertEqual(terminal.wait(), 0)
        piped = subprocess.run([PROGRAM, "generate", "--model", MODEL, "--raw", "--prompt", text, "--max-tokens", "2"],
                               capture_output=True, text=True, check=True)
        self.assertNotRegex(piped.stderr, self.BAR)
        self.assertEqual(len(piped.stderr.splitlines()), 1)

    def test_bar_of_perplexity(self):
        terminal = self.enterContext(Terminal("perplexity", "--model", MODEL, "--file", GOLDEN / "text.txt", "--ctx", 64))
        terminal.expect("scoring " + self.BAR)


if not MODEL.exists():
    print("skipped: the default model is not in the cache; scripts/fetch_model.sh fetches it")
    sys.exit(77)
unittest.main(argv=sys.argv[:1], verbosity=2)
