#!/usr/bin/env python3
"""Checks the layout of src/: who may include whom, and that no model's name is in it.

usage: check_layers.py [ROOT]      exit code 1, with one line a violation

Left never includes right:
  core <- formats <- hardware <- ops <- building_blocks <- patterns <- generation
text sees core only; backends see core, formats, hardware, ops and their own folder; testing sees all of these,
compat all but text and testing;
src/testing (tests) sees everything. Nothing in src/ includes models/ or apps/.

A model's name may stand in a comment. Where a file format gives one as a value that has to be recognised, the line says
`format name` in a comment.
"""
import pathlib
import re
import sys

ORDER = ["core", "formats", "hardware", "ops", "building_blocks", "patterns", "generation"]
SEES = {layer: set(ORDER[:i + 1]) for i, layer in enumerate(ORDER)}
SEES["text"] = {"core", "text"}
SEES["compat"] = {*ORDER, "compat"}
SEES["testing"] = {*ORDER, "text", "testing"}
BACKEND_SEES = {"core", "formats", "hardware", "ops"}

SOURCES = {".h", ".hpp", ".inc", ".cpp", ".cc", ".cu", ".cuh", ".rs", ".c"}
MODEL_NAME = re.compile(
    r"(?<![a-z])(llama|mistral|mixtral|ministral|gpt(?!q)|qwen|gemma|phi-?[1-9]|falcon|starcoder|stablelm|granite|"
    r"cohere(?![a-z])|command-r|olmo|deepseek|smollm|bert(?![a-z])|whisper|mamba|pythia|neox)", re.I)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
# A string or character literal is kept, a comment becomes blanks (with its newlines).
TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


def without_comments(text):
    def keep(match):
        token = match.group(0)
        return re.sub(r"[^\n]", " ", token) if token.startswith(("//", "/*")) else token
    return TOKENS.sub(keep, text)


def layer_of(path):
    """The layer of a path below src/: "core", "backends/cpu", "tests" for src/testing; None for others."""
    parts = path.parts
    if parts[0] == "ttt" and len(parts) > 2:
        return parts[1]
    if parts[0] == "backends" and len(parts) > 2:
        return f"backends/{parts[1]}"
    return "tests" if parts[0] == "testing" else None


def may_include(layer, target):
    if layer == "tests":
        return True
    if layer.startswith("backends/"):
        return target in BACKEND_SEES or target == layer
    return target in SEES.get(layer, set())


def check(root):
    src = root / "src"
    for path in sorted(p for p in src.rglob("*") if p.is_file()):
        below = path.relative_to(src)
        if "target" in below.parts:
            continue
        shown = path.relative_to(root)
        is_cmake = path.name == "CMakeLists.txt" or path.suffix == ".cmake"
        if path.suffix not in SOURCES and not is_cmake:
            continue
        if MODEL_NAME.search(str(below)):
            yield f"{shown}: a model's name in a path"
        text = path.read_text(encoding="utf-8", errors="replace")
        code = re.sub(r"#[^\n]*", "", text) if is_cmake else without_comments(text)
        originals = text.split("\n")
        for number, line in enumerate(code.split("\n"), 1):
            found = MODEL_NAME.search(line)
            if found and "format name" not in originals[number - 1]:
                yield f"{shown}:{number}: a model's name outside a comment: {found.group(0)}"
        if is_cmake or path.suffix == ".rs":
            continue
        layer = layer_of(below)
        if layer is None:
            continue
        if layer not in SEES and not layer.startswith("backends/") and layer != "tests":
            yield f"{shown}: unknown layer {layer}"
            continue
        for match in INCLUDE.finditer(code):
            name = match.group(2)
            where = f"{shown}:{code.count(chr(10), 0, match.start()) + 1}"
            if re.search(r"(^|/)(models|apps)/", name):
                yield f"{where}: {layer} includes {name}"
                continue
            target = src / name
            if not target.is_file() and match.group(1) == '"':
                target = (path.parent / name).resolve()
            if not target.is_file():
                if name.startswith(("ttt/", "backends/")):
                    yield f"{where}: {name} does not exist"
                continue
            if not target.is_relative_to(src):
                yield f"{where}: {layer} includes {name}, outside src/"
                continue
            included = layer_of(target.relative_to(src))
            if included is not None and not may_include(layer, included):
                yield f"{where}: {layer} includes {included} ({name})"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    if not (root / "src" / "ttt").is_dir():
        raise SystemExit(f"{root} has no src/ttt")
    violations = list(check(root))
    print("\n".join(violations) if violations else "the layers hold")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
