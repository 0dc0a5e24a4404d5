"""Writes a Hugging Face Llama checkpoint in Meta's layout, without numbers: tensors are rows of bytes."""
import json
import struct

SIZES = {"F32": 4, "BF16": 2}
NAMES = {"self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
         "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
         "mlp.down_proj": "feed_forward.w2", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
         "model.embed_tokens": "tok_embeddings", "model.norm": "norm", "lm_head": "output", "model.layers": "layers"}
BY_COLUMNS = ("wo.weight", "w2.weight")


class Zeros:
    """Bytes that are 0 and take no room in a file."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


def read_file(file):
    """{name: (dtype, shape, bytes)}"""
    data, tensors = file.read_bytes(), {}
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["dtype"], entry["shape"], data[begin:end])
    return tensors


def read(folder):
    """The tensors of all files of a Hugging Face folder."""
    return {name: tensor for file in sorted(folder.glob("model*.safetensors")) for name, tensor in read_file(file).items()}


def write(file, tensors):
    header, at = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            if isinstance(data, Zeros):
                out.seek(len(data), 1)
            else:
                out.write(data)
        out.truncate()


def rows_of(tensor):
    dtype, shape, data = tensor
    size = SIZES[dtype] * shape[-1]
    return [data[i : i + size] for i in range(0, len(data), size)]


def interleaved(tensor, head_dim):
    """Rows that are half a head apart become neighbours."""
    dtype, shape, _ = tensor
    rows, half, result = rows_of(tensor), head_dim // 2, []
    for head in range(0, len(rows), head_dim):
        for i in range(half):
            result += [rows[head + i], rows[head + half + i]]
    return dtype, shape, b"".join(result)


def part(tensor, shard, shards, by_columns, unit=1):
    """A shard's share of the rows (in whole units) or columns; the first shards have one more where it does not come out even."""
    dtype, (height, width), _ = tensor
    count = width if by_columns else height // unit
    begin, end = (count * i // shards for i in (shard, shard + 1))
    rows = rows_of(tensor)
    if by_columns:
        size = SIZES[dtype]
        return dtype, [height, end - begin], b"".join(row[begin * size : end * size] for row in rows)
    return dtype, [(end - begin) * unit, width], b"".join(rows[begin * unit : end * unit])


def params_of(config):
    dim, heads = config["hidden_size"], config["num_attention_heads"]
    params = {"dim": dim, "n_layers": config["num_hidden_layers"], "n_heads": heads, "n_kv_heads": config.get("num_key_value_heads", heads),
              "vocab_size": config["vocab_size"], "multiple_of": 1, "ffn_dim_multiplier": (config["intermediate_size"] + 0.5) / (8 * dim // 3),
              "norm_eps": config["rms_norm_eps"], "max_seq_len": config["max_position_embeddings"],
              "rope_theta": config.get("rope_parameters", config).get("rope_theta", 10000.0)}
    return params | ({"head_dim": config["head_dim"]} if config.get("head_dim", dim // heads) != dim // heads else {})


def write_meta(source, folder, shards=1, embedding_by_columns=False):
    """The checkpoint in `source` as params.json and `shards` files, and what params.json holds."""
    folder.mkdir()
    config = json.loads((source / "config.json").read_text())
    params = params_of(config)
    head_dim = params.get("head_dim", params["dim"] // params["n_heads"])
    files = [{} for _ in range(shards)]
    for name, tensor in read(source).items():
        for hf, meta in NAMES.items():
            name = name.replace(hf, meta)
        heads = name.endswith(("wq.weight", "wk.weight"))
        if heads:
            tensor = interleaved(tensor, head_dim)
        for i, file in enumerate(files):
            by_columns = name.endswith(BY_COLUMNS) or (name == "tok_embeddings.weight" and embedding_by_columns)
            file[name] = tensor if len(tensor[1]) == 1 else part(tensor, i, shards, by_columns, head_dim if heads else 1)
    for i, file in enumerate(files):
        file["rope.freqs"] = ("F32", [2], bytes(8))
        write(folder / (f"consolidated.{i:02}.safetensors"), file)
    (folder / "params.json").write_text(json.dumps(params))
    return params
