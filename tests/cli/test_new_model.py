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
ASKS_NOTHING = {"llama", "mistral", "qwen2"}  # of these model_types a draft is whole
SHOWS = {  # words that the model's file must hold
    "llama-default": ["GroupedQueryAttention", "GatedFFN", "PreNormLayer", "RMSNorm", ".qkv_bias = config.boolean(\"attention_bias\", false)"],
    "llama-linear-v4-bias-tied": ["MultiHeadAttention", ".bias = config.boolean(\"mlp_bias\", false)", "tie_word_embeddings\", true"],
    "mistral-window": ["mask_of", "sliding_window"],
    "qwen2-window-v4": [".qkv_bias = true", ".output_bias = false", "max_window_layers"],
    "qwen2-tied": ["mask_of"],  # the window is off here; in another checkpoint it may be on
    "qwen3-bias": ["QueryKeyNorm::Scope::shared"],
    "olmo2-gqa": ["OutputNormLayer", "QueryKeyNorm::Scope::all_heads", "1+w", "rotated here. In the original too?"],
    "gemma-mqa": ["1+w", "(Embedding::Config::scale)"],
    "gemma-gelu-v4": ['hidden_act "gelu" is the exact one'],
    "gemma2-softcaps": ["SandwichNormLayer", "attn_logit_softcapping = 3.5, and nothing here reads it: is it the attention's .softcap", "1+w", "(Embedding::Config::scale)"],
    "gemma2-v4": ["Which layers have a window in the original?"],
    "gemma3-text-layer-types": ["1+w", "rope_parameters.full_attention = {", "rope_parameters.sliding_attention = {", "its own rotary embedding"],
    "gemma3-text-linear-v4": ["rope_local_base_freq = ", "scaled by \"linear\""],
    "phi3-window-partial": ["gate_up_proj", "qkv_proj", "gate_up_proj holds the gate's rows", ".default_partial_rotary_factor = 1.0f"],
    "phi-partial": ["ParallelLayer", "MLP", "LayerNorm", ".vocab_size = vocab_size, .bias = true}"],
    "phi-half-v4": ["default_partial_rotary_factor"],
    "phi-qk-layernorm-v4": [".bias = true},"],
    "starcoder2-v4": ["c_fc", "LayerNorm", 'mlp_type = "default", and nothing here reads it: what does it change?'],
    "cohere-qk-norm": ["ParallelLayer", "per_head", "RotaryStyle::interleaved", 'config.require("use_qk_norm", "true")', "Does the original subtract the mean?"],
    "cohere2-layer-types": ["RotaryStyle::interleaved", "Are there layers without, or of another theta?"],
    "cohere2-pattern-v4": ["sliding_window_pattern = 3", 'position_embedding_type = "rope_gptj"'],
    "falcon-multi-query": ['config.require("alibi", "false")', "multi_query = true", "query_key_value has 50 rows, and the sizes here make 90"],
    "mixtral-v4": ["TODO: There are experts", "MixtureOfExperts::Config ffn", '"num_local_experts"', '{"gate_proj", "w1"}', "here they are not"],
    "qwen2-moe-sparse-step": ["MixtureOfExperts", 'config.boolean("norm_topk_prob", false)', "shared_expert.down_proj.weight", "shared_expert_gate.weight", "Layers differ: only ", "decoder_sparse_step = 2"],
    "deepseek-v2-greedy": ["TODO: There are experts", "kv_a_proj_with_mqa", "latent attention is", "RotaryStyle::interleaved", "The blocks here take"],
    "deepseek-v3-groups": ["gate.e_score_correction_bias", "n_group = "],
    "gpt-oss-yarn": ["TODO: Attention has sinks", "MixtureOfExperts", 'scaled by "yarn"', "swiglu_limit = 7.0", "Are they clamped", '{"mlp.gate.", "mlp.router."}',
                     "model.layers.N.mlp.experts.gate_up_proj, ", "Experts are not stored one by one"],
    "gpt-oss-mxfp4": ["quantised as mxfp4"],
    "gpt-neox-parallel": ["use_parallel_residual = true, and nothing here reads it: is it ParallelLayer?"],
    "gpt-neox-sequential-v4": ['config.require("use_parallel_residual", "false")'],
    "smollm3-no-rope-layers": ["no_rope_layers = ", "which layers have no .rope?"],
    "gpt2": ["TODO: Positions are learned", "// Stored [in, out].", '{"c_attn", "c_fc", "c_proj"}', "transformer.wpe.weight",
             'config.require("scale_attn_weights", "true")', 'config.require("scale_attn_by_inverse_layer_idx", "false")'],
    "gpt2-unscaled": ["scale_attn_weights = false, and nothing here reads it"],
    "gpt2-layer-scale-untied": ["scale_attn_by_inverse_layer_idx = true, and nothing here reads it"],
}
NEVER = {  # words that it must not hold
    "llama-default": ["<string>", "<vector>"],
    "falcon-multi-query": ["TODO: The config has alibi"],
    "gpt2": ["Check: rotary"],
    "gpt-oss-yarn": ["MLP"],
    "phi3-window-partial": ["partial_rotary_factor = 0.75"],
    "phi-partial": ["lm_head.bias"],  # taken, so not asked about
}
COMPILES = ["gpt2", "gpt-oss-yarn", "mixtral-v4", "deepseek-v3-groups", "phi-qk-layernorm-v4", "cohere2-pattern-v4", "gemma3-text-layer-types"]


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
        printed = ok(PROGRAM, "new-model", "ported", "--from", golden, "--to", work / golden.name)
        text = (work / golden.name / "ported.cpp").read_text()
        asked = text.count("// TODO: ")
        readme = (work / golden.name / "README.md").read_text()
        assert asked == printed.count("TODO: ") == readme.count("\n- "), f"{golden.name}: {printed}\n{readme}"
        plain = json.loads((golden / "config.json").read_text())["model_type"] in ASKS_NOTHING
        assert plain == (asked == 0), f"{golden.name}: {printed}"
        assert "@" not in text, f"{golden.name}: a placeholder is left"
        assert max(map(len, text.split("\n"))) <= 110, f"{golden.name}: a long line in\n{text}"
        flat = text.replace("\n//  ", "")  # questions go on over several lines
        for words in SHOWS.get(golden.name, []):
            assert words in flat, f"{golden.name}: {words!r} is not in\n{text}"
        for words in NEVER.get(golden.name, []):
            assert words not in flat, f"{golden.name}: {words!r} is in\n{text}"
        seen += golden.name in SHOWS
    assert seen == len(SHOWS), "a golden of SHOWS is not there"


def check_unknown_key(work):
    """A key that nobody has heard of is asked about, in a family that otherwise asks nothing."""
    checkpoint = work / "odd"
    shutil.copytree(GOLDENS / "llama-default", checkpoint)
    config = json.loads((checkpoint / "config.json").read_text()) | {"acme_gain": 0.5, "use_cache": True}
    (checkpoint / "config.json").write_text(json.dumps(config))
    printed = ok(PROGRAM, "new-model", "odd", "--from", checkpoint, "--to", work / "odd_model")
    assert printed.splitlines()[1:] == ["TODO: The config has acme_gain = 0.5, and nothing here reads it: what does it change?"], printed


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
    lines = sum(not line.startswith("//") for line in (work / name / f"{name}.cpp").read_text().splitlines())
    assert lines <= 120, f"{golden}: {lines} lines"
    print(f"{golden}: {lines} lines, max_abs_diff {got['max_abs_diff']:.1e}, greedy {got['greedy_match']} of {got['greedy_total']}", flush=True)


def check_compiles(golden, work, prefix, compiler):
    """A draft with questions compiles too, so that they can be answered one by one."""
    ok(PROGRAM, "new-model", "ported", "--from", GOLDENS / golden, "--to", work / golden)
    ok(compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{prefix}/include", work / golden / "ported.cpp")


def check_plugin_errors(work):
    (work / "bad").mkdir()
    (work / "bad" / "libttt_model_bad.so").write_text("no library")
    # One that cannot be what was meant is an error where the program has no family of its own, else a warning.
    for golden, folder, words, code in ((GOLDENS / "llama-default", work / "bad", "is not a shared library", 0),
                                        (as_unknown("llama-default", work / "unknown"), work / "bad", "is not a shared library", 1),
                                        (GOLDENS / "llama-default", work / "nowhere", "expected a folder", 1)):
        done = run(PROGRAM, "generate", "--model", golden, "--ids", "1,2", "--max-tokens", "1", "--model-path", folder)
        assert (done.returncode, words in done.stderr, "error" in done.stderr) == (code, True, code == 1), done


if len(sys.argv) == 3:
    with tempfile.TemporaryDirectory() as temporary:
        check_inference(pathlib.Path(temporary))
        check_unknown_key(pathlib.Path(temporary))
        check_errors(pathlib.Path(temporary))
        check_plugin_errors(pathlib.Path(temporary))
else:
    prefix, work, compiler, launcher, flags, *goldens = sys.argv[3:]
    shutil.rmtree(work, ignore_errors=True)
    for golden in goldens:
        check_port(golden, pathlib.Path(work), prefix, compiler, launcher, flags)
    for golden in COMPILES:
        check_compiles(golden, pathlib.Path(work), prefix, compiler)
