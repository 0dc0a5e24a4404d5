from . import rope

CASES = {
    "gpt-neox-parallel": (dict(
        vocab_size=50, hidden_size=32, intermediate_size=79, num_hidden_layers=2, num_attention_heads=2,
        layer_norm_eps=3e-4, use_parallel_residual=True, max_position_embeddings=96,
        rope_parameters=rope("default", 10000.0, partial_rotary_factor=0.375)), dict(dtype="bfloat16", hidden=True)),
    "gpt-neox-sequential-v4": (dict(
        vocab_size=54, hidden_size=40, intermediate_size=75, num_hidden_layers=2, num_attention_heads=4,
        layer_norm_eps=1e-4, use_parallel_residual=False, max_position_embeddings=96, hidden_act="gelu_fast",
        rope_parameters=rope("default", 7000.0, partial_rotary_factor=0.6)),
        dict(v4="type", dtype="float16", drop=["rope_theta", "partial_rotary_factor", "rope_scaling"],
             put=dict(rotary_pct=0.6, rotary_emb_base=7000))),
    "gpt-neox-no-bias-tied": (dict(
        vocab_size=56, hidden_size=30, intermediate_size=71, num_hidden_layers=2, num_attention_heads=3,
        layer_norm_eps=2e-3, attention_bias=False, tie_word_embeddings=True, max_position_embeddings=96,
        hidden_act="relu", rope_parameters=rope("linear", 10000.0, factor=2.5, partial_rotary_factor=1.0)),
        dict(dtype="bfloat16")),
}
