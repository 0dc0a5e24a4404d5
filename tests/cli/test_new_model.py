#!/usr/bin/env python3
"""`ttt new-model` on every family's checkpoint; with an installed ttt, builds what it wrote for some, and checks the result.

usage: test_new_model.py PROGRAM GOLDENS_FOLDER [PREFIX WORK_FOLDER COMPILER LAUNCHER FLAGS GOLDEN...]
Without PREFIX: what is inferred, and the errors. With it: those goldens, under a model_type that the program does not know,
are ported, built against the installed library only, tested, and compared by the program through the plug-in, all unedited.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM, GOLDENS = sys.argv[1], pathlib.Path(sys.argv[2])
SHOWS = {  # words that the model's file must hold
    "llama-default": ["GroupedQueryAttention", "GatedFFN", "PreNormLayer", "RMSNorm", ".qkv_bias = config.boolean(\"attention_bias\", false)"],
    "llama-linear-v4-bias-tied": ["MultiHeadAttention", ".bias = config.boolean(\"mlp_bias\", false)", "tie_word_embeddings\", true"],
    "mistral-window": ["mask_of", "sliding_window"],
    "qwen2-window-v4": [".qkv_bias = true", ".output_bias = false", "max_window_layers"],
    "qwen3-bias": ["QueryKeyNorm::Scope::shared"],
    "olmo2-gqa": ["OutputNormLayer", "QueryKeyNorm::Scope::all_heads"],
    "gemma2-softcaps": ["SandwichNormLayer", "TODO: The config has attn_logit_softcapping, and nothing here reads it: is it the attention's .softcap"],
    "phi3-window-partial": ["gate_up_proj", "qkv_proj"],
    "phi-partial": ["ParallelLayer", "MLP", "LayerNorm"],
    "starcoder2-v4": ["c_fc", "LayerNorm"],
    "cohere-qk-norm": ["ParallelLayer", "per_head"],
    "mixtral-v4": ["TODO: There are experts"],
    "deepseek-v2-greedy": ["TODO: There are experts", "kv_a_proj_with_mqa"],
    "gpt-oss-yarn": ["TODO: Attention has sinks"],
    "gpt2": ["TODO: Positions are learned"],
}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)


def ok(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def as_unknown(golden, folder):
    """The checkpoint under a model_type that no program knows."""
    shutil.copytree(GOLDENS / golden, folder)
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "acme"
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def check_inference(work):
    seen = 0
    for golden in sorted(GOLDENS.iterdir()):
        if not (golden / "config.json").exists() or golden.name.startswith("bert"):
            continue
        ok(PROGRAM, "new-model", "ported", "--from", golden, "--to", work / golden.name)
        text = (work / golden.name / "ported.cpp").read_text()
        assert "@" not in text, f"{golden.name}: a placeholder is left"
        assert max(map(len, text.split("\n"))) <= 110, f"{golden.name}: a long line in\n{text}"
        for words in SHOWS.get(golden.name, []):
            assert words in text, f"{golden.name}: {words!r} is not in\n{text}"
        seen += golden.name in SHOWS
    assert seen == len(SHOWS), "a golden of SHOWS is not there"


def check_errors(work):
    for arguments, words in (
        (["new-model", "Bad-Name", "--from", GOLDENS / "llama-default"], "small letters"),
        (["new-model", "acme", "--from", GOLDENS / "llama-default", "--to", work], "is there already"),
        (["new-model", "acme", "--from", GOLDENS / "gguf" / "qwen2-tied.gguf", "--to", work / "x"], "Hugging Face folder"),
        (["new-model", "acme", "--from", work / "nowhere", "--to", work / "x"], "nowhere"),
    ):
        done = run(PROGRAM, *arguments)
        assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, f"{arguments}: {done}"
    assert run(PROGRAM, "new-model").returncode == 2
    assert not (work / "x").exists(), "a failed run left a folder"


def check_port(golden, work, prefix, compiler, launcher, flags):
    name = golden.replace("-", "_")
    checkpoint = as_unknown(golden, work / "goldens" / name / golden)
    compare = ["compare", "--model", checkpoint, "--golden", checkpoint / "golden.safetensors", "--precision", "exact"]
    assert 'model_type "acme"' in run(PROGRAM, *compare).stderr
    ok(PROGRAM, "new-model", name, "--from", checkpoint, "--to", work / name)
    build = work / name / "build"
    ok("cmake", "-S", work / name, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}",
       f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}", f"-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror {flags}", f"-DTTT_GOLDENS={checkpoint.parent}")
    ok("cmake", "--build", build, "-j", 2)
    ok("ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error")
    got = json.loads(ok(PROGRAM, *compare, "--model-path", build, "--json"))
    assert got["max_abs_diff"] <= 5e-4 and got["greedy_match"] == got["greedy_total"], got
    lines = (work / name / f"{name}.cpp").read_text().count("\n")
    assert lines <= 120, f"{golden}: {lines} lines"
    print(f"{golden}: {lines} lines, max_abs_diff {got['max_abs_diff']:.1e}, greedy {got['greedy_match']} of {got['greedy_total']}", flush=True)


def check_plugin_errors(work):
    (work / "bad").mkdir()
    (work / "bad" / "libttt_model_bad.so").write_text("no library")
    for folder, words in ((work / "bad", "cannot be loaded"), (work / "nowhere", "expected a folder")):
        done = run(PROGRAM, "inspect", "--model", GOLDENS / "llama-default", "--model-path", folder)
        assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done


if len(sys.argv) == 3:
    with tempfile.TemporaryDirectory() as temporary:
        check_inference(pathlib.Path(temporary))
        check_errors(pathlib.Path(temporary))
        check_plugin_errors(pathlib.Path(temporary))
else:
    prefix, work, compiler, launcher, flags, *goldens = sys.argv[3:]
    shutil.rmtree(work, ignore_errors=True)
    for golden in goldens:
        check_port(golden, pathlib.Path(work), prefix, compiler, launcher, flags)
