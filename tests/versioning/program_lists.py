"""What the program promises: its verbs, flags, arguments and environment variables, and the fields of its JSON, one line each."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "cli"), str(TESTS / "migrate")]
from meta_layout import write_meta
from tiny_tokenizer import add_tokenizer

FOUND = 3  # exit code of a scan that found something

# Where the keys come from the user's files, or say what was found.
FREE_KEYS = re.compile(r"^(inspect \.config|tune \.params)\.")


def run(program, *arguments):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in (0, FOUND):
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def sections(help_text):
    """{"verbs": [line...]}: the indented lines below each heading of a verb's help."""
    found, lines = {}, []
    for line in help_text.splitlines():
        if line[:1].isalpha() and line.rstrip().endswith(":"):
            lines = found.setdefault(line.rstrip(":").lower(), [])
        elif line.startswith("  "):
            lines.append(line)
    return found


def usage(help_text):
    """Which arguments and flags a verb needs: "--model PATH [options] [text...]"."""
    text = re.search(r"^Usage: ttt (.+(?:\n .+)*)", help_text, re.MULTILINE).group(1)
    return re.sub(r"\s+", " ", text)


def environment(found):
    """Variables that have a heading of their own, and those that a flag's description names."""
    named = (re.match(r"  ([A-Z][A-Z_]+) ", line) for line in found.get("environment", ()))
    text = " ".join(line.strip() for part in found.values() for line in part)
    return {match.group(1) for match in named if match} | set(re.findall(r"(?:also|else what) ([A-Z]+(?:_[A-Z]+)+)", text))


def command_line(program, verb=()):
    """A line for each verb, what it needs, each of its flags with what the flag takes, its arguments and environment variables."""
    help_text = run(program, *verb, "--help")
    found = sections(help_text)
    name, lines = " ".join(verb), set()
    if verb:
        lines |= {f"verb {name}", f"usage {usage(help_text)}"}
    lines |= {" ".join(filter(None, ("environment", name, variable))) for variable in environment(found)}
    for line in (line for part in found.values() for line in part):
        argument = re.match(r"  ([a-z][\w-]*) ([A-Z]+(?: \.\.\.)?) |  (-) ", line)
        if argument:
            lines.add(" ".join(filter(None, ("argument", name, *argument.groups()))))
        flag = re.match(r"  ((?:-\w,)?--[\w-]+)(?: ([A-Z]+)| (\{[^}]*\}))?", line)
        if flag:
            lines.add(" ".join(filter(None, ("flag", name, *flag.group(1, 2)))))
            lines |= {f"choice {name} {flag.group(1)} {word}" for word in (flag.group(3) or "").strip("{}").split(",") if word}
    for line in found.get("verbs", ()):
        sub = re.match(r"  ([a-z][\w-]*)", line)
        if sub:
            lines |= set(command_line(program, (*verb, sub.group(1))))
    return sorted(lines)


def kind(value):
    return {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}[type(value)]


def fields(prefix, value):
    if isinstance(value, dict):
        for key, member in value.items():
            yield from fields(f"{prefix}.{key}", member)
    elif isinstance(value, list):
        for member in value:
            yield from fields(f"{prefix}[]", member)
    else:
        yield f"{prefix}: {kind(value)}"


def documents(program, goldens, folder):
    """{verb: the document it prints} of each verb that has --json, on tiny checkpoints."""
    model, encoder, text = folder / "model", folder / "encoder", folder / "text"
    shutil.copytree(goldens / "llama-default", model)
    shutil.copytree(goldens / "bert-gelu", encoder)
    add_tokenizer(model, adds_bos=True)
    add_tokenizer(encoder, adds_bos=True)
    text.write_text(" ".join(f"w{i % 90 + 4}" for i in range(80)))
    write_meta(goldens / "llama-few-keys-v4", folder / "meta")
    shutil.copytree(TESTS / "migrate/samples/v1", folder / "v1")
    (folder / "v1" / "binary.py").write_bytes(b"\0")
    short = ("-p", 4, "-n", 2, "-r", 1)
    calls = {
        "generate": ("--model", model, "--prompt", "w5 w6", "--raw", "--max-tokens", 2),
        "logits": ("--model", model, "--ids", "1,2", "-o", folder / "logits.safetensors"),
        "compare": ("--model", model, "--golden", model / "golden.safetensors"),
        "embed": ("--model", encoder, "--text", "w5 w6"),
        "perplexity": ("--model", model, "--reference", model, "--file", text, "--ctx", 16),
        "tokenize": ("--model", model, "--", "w5 w6"),
        "bench": ("--model", model, *short, "--profile"),
        "tune": ("--model", model, *short, "-o", folder / "params.json"),
        "devices": (),
        "inspect": ("--model", model, "--device", "wormhole_b0"),
        "migrate config": ("--hf-model", model, "-o", folder / "settings.json"),
        "migrate scan": (folder / "v1",),
        "migrate checkpoint": ("--from", folder / "meta", "--to", folder / "converted"),
    }
    return {verb: json.loads(run(program, *verb.split(), "--json", *call)) for verb, call in calls.items()}


def json_fields(program, goldens):
    """A line for each field of each verb's document, with its type."""
    with tempfile.TemporaryDirectory() as folder:
        found = documents(program, pathlib.Path(goldens), pathlib.Path(folder))
    lines = {line for verb, document in found.items() for line in fields(f"{verb} ", document)}
    return sorted(line for line in lines if not FREE_KEYS.match(line))
