from . import rope

CASES = {
    "cohere2-layer-types": (dict(
        vocab_size=52, hidden_size=30, intermediate_size=42, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, layer_norm_eps=3e-4, logit_scale=0.6, sliding_window=7, max_position_embeddings=96,
        layer_types=["full_attention", "sliding_attention", "sliding_attention"],
        rope_parameters=rope("default", 17000.0)), dict(dtype="bfloat16")),
    "cohere2-pattern-v4": (dict(
        vocab_size=48, hidden_size=32, intermediate_size=38, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, layer_norm_eps=1e-3, logit_scale=1.2, attention_bias=True, sliding_window=9,
        max_position_embeddings=96, sliding_window_pattern=3, rope_parameters=rope("default", 30000.0)),
        dict(v4="type", dtype="float16", drop=["tie_word_embeddings", "head_dim"],
             put=dict(sliding_window_pattern=3, rotary_pct=1.0, order_of_interleaved_layers="local_attn_first",
                      position_embedding_type="rope_gptj", use_qk_norm=False))),
    "cohere2-default-pattern-v4": (dict(
        vocab_size=44, hidden_size=24, intermediate_size=33, num_hidden_layers=5, num_attention_heads=3,
        num_key_value_heads=3, layer_norm_eps=1e-4, logit_scale=0.9, sliding_window=5, max_position_embeddings=96,
        rope_parameters=rope("default", 8000.0)), dict(v4="type", dtype="bfloat16", drop=["head_dim"])),
}
