from . import rope

CASES = {
    "qwen3-bias": (dict(
        vocab_size=54, hidden_size=33, intermediate_size=43, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=2e-3, attention_bias=True, max_position_embeddings=96,
        rope_parameters=rope("default", 90000.0)), dict(dtype="bfloat16")),
    "qwen3-tied-v4": (dict(
        vocab_size=60, hidden_size=27, intermediate_size=47, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=1, head_dim=18, rms_norm_eps=1e-4, tie_word_embeddings=True, max_position_embeddings=96,
        rope_parameters=rope("default", 2e5)),
        dict(v4="rope_type", dtype="float16",
             put=dict(use_sliding_window=False, sliding_window=6, max_window_layers=0))),
    "qwen3-window-yarn": (dict(
        vocab_size=48, hidden_size=30, intermediate_size=42, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=3, head_dim=16, rms_norm_eps=4e-4, use_sliding_window=True, sliding_window=8,
        max_window_layers=1, max_position_embeddings=128,
        rope_parameters=rope("yarn", 40000.0, factor=2.0, original_max_position_embeddings=20)),
        dict(dtype="bfloat16")),
}
