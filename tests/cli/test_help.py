#!/usr/bin/env python3
"""Help and man pages: what they hold, and that they say the same.

usage: test_help.py PROGRAM GOLDENS_FOLDER
"""
import re
import shlex
import shutil
import subprocess
import unittest

import support

FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
ROFF = re.compile(r"\\(?:e|-|&|\((?:aq|ga|dq|ha|ti)|f[BIR])")
ESCAPES = {r"\e": "\\", r"\-": "-", r"\&": "", r"\(aq": "'", r"\(ga": "`", r"\(dq": '"', r"\(ha": "^", r"\(ti": "~"}


def section(text, title):
    """The lines under a title of a help text."""
    return re.search(rf"^{title}:\n((?:  .*\n)+)", text, re.M).group(1)


def entries(text):
    """The flags that a help text lists, as they are spelled: "-p,--prefill"."""
    return re.findall(r"^  (--?[a-z][\w,-]*)", text, re.M)


def plain(roff):
    """A man page's text without roff's escapes."""
    return ROFF.sub(lambda escape: ESCAPES.get(escape.group(0), ""), roff)


class Pages(support.Case):
    def verbs(self, above=()):
        """Every verb, as the words that name it: ("generate",)."""
        text = self.ok("help", *above)
        names = re.findall(r"^  ([a-z][a-z-]*)", section(text, "Verbs"), re.M) if "\nVerbs:\n" in text else []
        for name in names:
            yield (*above, name)
            yield from self.verbs((*above, name))


class Help(Pages):
    def test_help_is_what_the_flag_prints(self):
        self.assertIn(("generate",), list(self.verbs()))
        self.assertEqual(self.ok("help"), self.ok("--help"))
        for verb in self.verbs():
            self.assertEqual(self.ok("help", *verb), self.ok(*verb, "--help"))

    def test_an_unknown_verb_is_a_usage_error(self):
        self.fails(2, "help", "frobnicate", says='help: expected a verb, got "frobnicate"; there are: generate, chat,')
        self.fails(2, "help", "generate", "chat", says='help: generate has no verbs, got "chat"')

    def test_a_page_has_all_its_parts(self):
        for verb in self.verbs():
            text = self.ok("help", *verb)
            with self.subTest(verb):
                self.assertRegex(text, rf"\A[A-Z].*\n\nUsage: ttt {' '.join(verb)} .*\n\n[A-Z]")
                self.assertIn("-h,--help", section(text, "Options"))
                self.assertEqual(re.findall(r"^  (\d) ", section(text, "Exit codes"), re.M)[:3], ["0", "1", "2"])
                for line in text.splitlines():
                    self.assertLessEqual(len(line), 100, line)

    def test_examples_use_flags_that_there_are(self):
        verbs = list(self.verbs())
        for verb in verbs:
            for example in section(self.ok("help", *verb), "Examples").splitlines():
                words = shlex.split(example)[shlex.split(example).index("ttt") + 1 :]
                words = words[: words.index("--")] if "--" in words else words
                used = max((v for v in verbs if tuple(words[: len(v)]) == v), key=len)
                known = ",".join(entries(self.ok("help", *used))).split(",")
                for word in words:
                    if FLAG.fullmatch(word):
                        self.assertIn(word, known, example)

    def test_usage_names_what_is_required(self):
        for verb, usage in (
            ("generate", "ttt generate --model PATH (--prompt TEXT | --file FILE | - | --ids IDS) [options]"),
            ("new-model", "ttt new-model --from FOLDER [options] name"), ("help", "ttt help [options] [verb...]"),
            ("tokenize", "ttt tokenize --model PATH [options] [text...]"), ("devices", "ttt devices [options]"),
        ):
            self.assertIn(f"\nUsage: {usage}\n", self.ok("help", verb))


class ManPages(Pages):
    def pages(self):
        """{the words that name a verb, none for the program: its page}"""
        self.ok("help", "--man", self.folder)
        pages = {}
        for path in self.folder.glob("*.1"):
            page = path.read_text()
            command = plain(re.search(r"^\.SH SYNOPSIS\n\\fB(.*?)\\fR", page, re.M)[1])
            self.assertEqual(path.stem, command.replace(" ", "-"))
            pages[tuple(command.split()[1:])] = page
        return pages

    def test_there_is_one_for_each_verb(self):
        pages, verbs = self.pages(), list(self.verbs())
        self.assertEqual(sorted(pages), sorted([(), *verbs]))
        self.assertEqual({f"ttt-{verb[0]}" for verb in verbs}, set(re.findall(r"(ttt-[a-z-]+)\(1\)", plain(pages[()]))))

    def test_they_have_every_flag_of_the_help(self):
        for verb, page in self.pages().items():
            found = entries(self.ok("help", *verb))
            self.assertIn("-h,--help", found)
            for flag in found:
                self.assertRegex(plain(page), rf"(?m)^{re.escape(flag)}( |$)")

    def test_they_have_every_word_of_the_help(self):
        for verb, page in self.pages().items():
            words = plain(page).lower().split()
            for word in self.ok("help", *verb).replace("\nUsage:", "").lower().split():
                self.assertIn(word.rstrip(":"), {w.rstrip(":") for w in words})

    def test_nothing_in_them_is_read_as_a_command_by_mistake(self):
        for verb, page in self.pages().items():
            for line in page.splitlines():
                self.assertRegex(line, r"^(\.(TH|SH|TP|PP|EX|EE)( |$)|[^.' ])", verb)
                if not line.startswith(".TH"):
                    self.assertNotIn('"', line)
                rest = ROFF.sub("", line)
                self.assertNotIn("\\", rest)
                self.assertNotRegex(rest, "[-'`^~]")

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_has_no_warning(self):
        for verb, page in self.pages().items():
            done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=1000n"], input=page, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), verb)
            for flag in entries(self.ok("help", *verb)):
                self.assertIn(flag, done.stdout)

    def test_a_folder_that_is_not_there_is_an_error(self):
        self.fails(1, "help", "--man", self.folder / "absent", says="expected a folder to write man pages to")


support.main()
