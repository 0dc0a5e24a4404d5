from . import rope

CASES = {
    "qwen2-tied": (dict(
        vocab_size=54, hidden_size=30, intermediate_size=43, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, rms_norm_eps=2e-4, tie_word_embeddings=True, max_position_embeddings=96,
        rope_parameters=rope("default", 70000.0)), dict(dtype="bfloat16")),
    "qwen2-window-v4": (dict(
        vocab_size=58, hidden_size=32, intermediate_size=41, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=5e-5, use_sliding_window=True, sliding_window=7, max_window_layers=3,
        max_position_embeddings=96, rope_parameters=rope("default", 25000.0)),
        dict(v4="type", dtype="float16", drop=["rope_scaling"])),
    "qwen2-no-window-v4": (dict(
        vocab_size=56, hidden_size=24, intermediate_size=45, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=3, rms_norm_eps=1e-4, max_position_embeddings=96, rope_parameters=rope("default", 1e6)),
        dict(v4="type", dtype="bfloat16", drop=["pad_token_id"],
             put=dict(num_key_value_heads=None, use_sliding_window=False, sliding_window=5, max_window_layers=1))),
    "qwen2-yarn-layer-types": (dict(
        vocab_size=52, hidden_size=36, intermediate_size=38, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, rms_norm_eps=3e-5, use_sliding_window=True, sliding_window=11,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], max_position_embeddings=96,
        rope_parameters=rope("yarn", 30000.0, factor=4.0, original_max_position_embeddings=24)),
        dict(dtype="bfloat16", hidden=True)),
}
