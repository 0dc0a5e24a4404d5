from . import rope

CASES = {
    "stablelm-parallel-qk-layernorm": (dict(
        vocab_size=48, hidden_size=48, intermediate_size=41, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, layer_norm_eps=3e-4, use_parallel_residual=True, qk_layernorm=True,
        max_position_embeddings=96, rope_parameters=rope("default", 12000.0, partial_rotary_factor=0.375)),
        dict(dtype="bfloat16")),
    "stablelm-qkv-bias-v4": (dict(
        vocab_size=50, hidden_size=40, intermediate_size=43, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, layer_norm_eps=1e-4, use_qkv_bias=True, max_position_embeddings=96,
        rope_parameters=rope("default", 10000.0, partial_rotary_factor=0.6)),
        dict(v4="type", dtype="float16", drop=["qk_layernorm", "use_parallel_residual", "rope_scaling"],
             put=dict(rope_theta=10000))),
    "stablelm-sequential-tied": (dict(
        vocab_size=54, hidden_size=48, intermediate_size=38, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, layer_norm_eps=1e-3, qk_layernorm=True, use_qkv_bias=True, tie_word_embeddings=True,
        hidden_act="gelu", max_position_embeddings=96,
        rope_parameters=rope("linear", 7000.0, factor=2.1, partial_rotary_factor=1.0)), dict(dtype="bfloat16")),
    # A quarter of each head turns where the configuration does not say.
    "stablelm-quarter-v4": (dict(
        vocab_size=44, hidden_size=24, intermediate_size=35, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, layer_norm_eps=2e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 10000.0, partial_rotary_factor=0.25)),
        dict(v4="type", dtype="bfloat16", drop=["partial_rotary_factor", "rope_scaling"])),
}
