"""No family's name under src/: a library that knows a model by name has begun to know it otherwise."""
import re

SOURCES = {".h", ".hpp", ".inc", ".cpp", ".cc", ".c", ".cu", ".cuh", ".rs", ".txt", ".cmake", ".toml"}

# Words that are a family's name and mean something else there: file, words, what they are.
ALLOWED = [
    ("src/ttt/text/gguf_vocabulary.cpp", r"llama|gpt2|bert", "values of tokenizer.ggml.model, which the GGUF format names after the first model that had them"),
    ("src/ttt/text/gguf_vocabulary.h", r"llama|gpt2|bert", "the same values"),
    ("src/ttt/text/pre_tokenizer.cpp", r"llama[ ]?3?|qwen2|falcon|granite|bert|gpt-2|command-r|deepseek(-v3)?|phi-2", "values of tokenizer.ggml.pre, the same"),
    ("src/ttt/building_blocks/embeddings/rotary_config.cpp", r"llama3", "the rope_type of that name in Hugging Face's configs"),
    ("src/ttt/building_blocks/embeddings/rotary.h", r"llama3", "the rope_type of that name, cited"),
    ("src/ttt/building_blocks/attention/mla.h", r"deepseek-v2", "the paper cited"),
    ("src/ttt/building_blocks/attention/gqa.h", r"gpt-oss", "where the idea was published, cited"),
    ("src/ttt/ops/attention.h", r"gpt-oss", "where the idea was published, cited"),
    ("src/ttt/ops/moe.h", r"deepseek-v[23]", "the papers cited"),
    ("src/ttt/ops/activation.h", r"phi", "the cumulative distribution of the normal distribution"),
    ("src/ttt/patterns/output_norm_layer.h", r"olmo 2", "the paper cited"),
]


def pattern(names):
    """The names as words, in any case, with or without a separator between their parts: gpt_oss, GPT-OSS, gptoss."""
    words = ("[-_ ]?".join(re.findall(r"[a-z]+|[0-9]+", name.lower())) for name in names)
    return re.compile(r"(?<![a-z0-9])(" + "|".join(sorted(set(words), key=len, reverse=True)) + r")(?![a-z0-9])", re.I)


def violations(root, names, allowed=tuple(ALLOWED)):
    """One line for each name under src/ that is not allowed, and for each allowance that nothing needs any more."""
    name = pattern(names)
    used = set()
    found = []
    for path in sorted((root / "src").rglob("*")):
        shown = str(path.relative_to(root))
        if "target" in path.relative_to(root).parts or not path.is_file() or path.suffix not in SOURCES:
            continue
        if name.search(shown):
            found.append(f"{shown}: a family's name in a path")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for match in name.finditer(line):
                rules = [i for i, (file, words, _) in enumerate(allowed) if file == shown and re.fullmatch(words, match.group(0), re.I)]
                used.update(rules)
                if not rules:
                    found.append(f"{shown}:{number}: a family's name: {match.group(0)}")
    found += [f"{file}: nothing there needs the allowance for {words}" for i, (file, words, _) in enumerate(allowed) if i not in used]
    return found
