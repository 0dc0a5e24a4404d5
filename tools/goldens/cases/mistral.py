from . import rope

CASES = {
    "mistral-window": (dict(
        vocab_size=157, hidden_size=48, intermediate_size=79, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=3, head_dim=14, sliding_window=9, rms_norm_eps=2e-4, max_position_embeddings=128,
        rope_parameters=rope("default", 20000.0)), dict(dtype="bfloat16", hidden=True)),
    "mistral-window-v4-tied": (dict(
        vocab_size=139, hidden_size=40, intermediate_size=85, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=1, head_dim=18, sliding_window=5, rms_norm_eps=8e-5, max_position_embeddings=128,
        tie_word_embeddings=True, rope_parameters=rope("default", 33000.0)), dict(v4="rope_type", dtype="float16")),
    "mistral-no-window": (dict(
        vocab_size=151, hidden_size=42, intermediate_size=76, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, sliding_window=None, rms_norm_eps=3e-5, max_position_embeddings=64,
        rope_parameters=rope("linear", 5000.0, factor=1.7)), dict(dtype="bfloat16")),
    "mistral-no-head-dim-v4": (dict(
        vocab_size=66, hidden_size=40, intermediate_size=46, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=1, sliding_window=7, rms_norm_eps=1e-3, max_position_embeddings=96, head_dim=None,
        rope_parameters=rope("default", 8000.0)), dict(v4="type", dtype="bfloat16", drop=["head_dim", "rope_scaling"])),
}
