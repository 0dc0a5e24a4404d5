"""A tokenizer for a checkpoint that comes without one."""
import json

BOS, EOS, SPECIAL = 1, 2, 3


def add_tokenizer(folder, *, adds_bos, template=None):
    """A tokenizer of words: token i is the word "wi", and three special tokens; joined by spaces."""
    words = json.loads((folder / "config.json").read_text())["vocab_size"]
    special = {BOS: "<bos>", EOS: "<eos>", SPECIAL: "<mark>"}
    around = [{"SpecialToken": {"id": "<bos>", "type_id": 0}}] if adds_bos else []
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0",
        "added_tokens": [{"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i, text in special.items()],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [*around, {"Sequence": {"id": "A", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<bos>": {"id": "<bos>", "ids": [BOS], "tokens": ["<bos>"]}} if adds_bos else {}},
        "decoder": None,
        "model": {"type": "WordLevel", "unk_token": "w0", "vocab": {special.get(i, f"w{i}"): i for i in range(words)}},
    }))
    config = {"bos_token": "<bos>", "eos_token": "<eos>"}
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
