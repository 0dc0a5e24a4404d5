from . import rope

CASES = {
    "smollm3-no-rope-layers": (dict(
        vocab_size=50, hidden_size=30, intermediate_size=38, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, rms_norm_eps=3e-4, no_rope_layers=[0, 1, 1], max_position_embeddings=96,
        rope_parameters=rope("default", 17000.0)), dict(dtype="bfloat16")),
    "smollm3-interval-v4": (dict(
        vocab_size=46, hidden_size=32, intermediate_size=37, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-4, no_rope_layer_interval=2, attention_bias=True, mlp_bias=True,
        max_position_embeddings=96, rope_parameters=rope("default", 45000.0)),
        dict(v4="type", dtype="float16", drop=["no_rope_layers", "tie_word_embeddings"])),
    "smollm3-window-untied": (dict(
        vocab_size=48, hidden_size=24, intermediate_size=33, num_hidden_layers=4, num_attention_heads=3,
        num_key_value_heads=3, rms_norm_eps=1e-3, no_rope_layer_interval=3, use_sliding_window=True,
        sliding_window=7, tie_word_embeddings=False, max_position_embeddings=96,
        rope_parameters=rope("default", 9000.0)), dict(dtype="bfloat16")),
    "smollm3-default-interval": (dict(
        vocab_size=39, hidden_size=32, intermediate_size=27, num_hidden_layers=5, num_attention_heads=4,
        num_key_value_heads=1, rms_norm_eps=5e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 22000.0)), dict(dtype="bfloat16")),
}
