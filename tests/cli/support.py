"""What the program's tests share: running it, safetensors files, and tiny models with tokenizers of their own."""
import json
import math
import pathlib
import shutil
import struct
import subprocess
import sys
import unittest

from tiny_tokenizer import BOS, EOS, SPECIAL, add_tokenizer  # noqa: F401 (for the tests)

PROGRAM, GOLDENS = sys.argv[1], pathlib.Path(sys.argv[2])
TINY = GOLDENS / "llama-default"
TYPES = {"F32": "f", "I64": "q"}


def run(*arguments, stdin="", **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, text=True, **options)


def read_safetensors(path):
    """{name: (shape, values)} of F32 and I64 tensors."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["shape"], list(struct.unpack(f"<{math.prod(entry['shape'])}{TYPES[entry['dtype']]}", data[begin:end])))
    return tensors


def write_safetensors(path, tensors):
    header, body = {}, b""
    for name, (shape, values) in tensors.items():
        kind = "I64" if all(isinstance(value, int) for value in values) else "F32"
        part = struct.pack(f"<{len(values)}{TYPES[kind]}", *values)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(body), len(body) + len(part)]}
        body += part
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + body)


class Case(unittest.TestCase):
    """Runs the program and holds it to the rules that every verb has."""

    def setUp(self):
        import tempfile

        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def ok(self, *arguments, **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 0, f"ttt {arguments}: {done.stderr}")
        self.assertNotIn("error", done.stderr)
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def fails(self, code, *arguments, says="", **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, code, f"ttt {arguments}: {done.stdout}{done.stderr}")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], "^ttt: error: .")
        self.assertIn(says, lines[0])
        return done.stdout

    def warns(self, *arguments, says, **options):
        """Succeeds, with one warning line that says this, and returns stdout."""
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 0, f"ttt {arguments}: {done.stderr}")
        lines = [line for line in done.stderr.splitlines() if line.startswith("ttt: warning: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(says, lines[0])
        return done.stdout

    def quiet(self, *arguments, **options):
        """Succeeds without a warning."""
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 0, f"ttt {arguments}: {done.stderr}")
        self.assertNotIn("warning", done.stderr)

    def model(self, source=TINY, **tokenizer):
        """A copy of a golden's checkpoint, with a tokenizer where one is asked for."""
        folder = self.folder / f"model-{len(list(self.folder.iterdir()))}"
        shutil.copytree(source, folder)
        if tokenizer:
            add_tokenizer(folder, **tokenizer)
        return folder


def main():
    if not (TINY / "golden.safetensors").exists():
        sys.exit(f"no goldens in {GOLDENS}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
