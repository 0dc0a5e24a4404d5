from . import rope

CASES = {
    "mixtral-window": (dict(
        vocab_size=46, hidden_size=28, intermediate_size=21, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=3e-4, num_local_experts=5, num_experts_per_tok=3,
        sliding_window=7, max_position_embeddings=96, rope_parameters=rope("default", 30000.0)),
        dict(dtype="bfloat16", hidden=True)),
    "mixtral-v4": (dict(
        vocab_size=50, hidden_size=40, intermediate_size=22, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=1, rms_norm_eps=1e-4, num_local_experts=4, num_experts_per_tok=2, sliding_window=None,
        max_position_embeddings=96, rope_parameters=rope("default", 2e5)),
        dict(v4="type", dtype="float16", drop=["head_dim", "rope_scaling"])),
    "mixtral-one-expert-tied": (dict(
        vocab_size=44, hidden_size=30, intermediate_size=27, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, rms_norm_eps=5e-4, num_local_experts=6, num_experts_per_tok=1, sliding_window=12,
        tie_word_embeddings=True, max_position_embeddings=96, rope_parameters=rope("linear", 9000.0, factor=1.5)),
        dict(dtype="bfloat16", shard="30KB")),
}
