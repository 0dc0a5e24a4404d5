from . import rope

YARN = dict(beta_fast=32.0, beta_slow=1.0, truncate=False)

CASES = {
    "gpt-oss-yarn": (dict(
        vocab_size=46, hidden_size=28, intermediate_size=23, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=3e-4, num_local_experts=5, num_experts_per_tok=2,
        sliding_window=7, max_position_embeddings=128,
        rope_parameters=rope("yarn", 9000.0, factor=4.0, original_max_position_embeddings=32, **YARN)),
        dict(dtype="bfloat16", hidden=True)),
    "gpt-oss-layer-types-v4": (dict(
        vocab_size=48, hidden_size=32, intermediate_size=21, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, head_dim=18, rms_norm_eps=1e-4, num_local_experts=4, num_experts_per_tok=3,
        sliding_window=9, max_position_embeddings=160,
        layer_types=["full_attention", "sliding_attention", "sliding_attention"],
        rope_parameters=rope("yarn", 20000.0, factor=8.0, original_max_position_embeddings=20, **YARN)),
        dict(v4="rope_type", dtype="float16", drop=["swiglu_alpha"], put=dict(
            layer_types=["full_attention", "sliding_attention", "sliding_attention"], initial_context_length=20))),
    "gpt-oss-tight-limit-truncated": (dict(
        vocab_size=44, hidden_size=30, intermediate_size=19, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=5, head_dim=12, rms_norm_eps=1e-3, num_local_experts=6, num_experts_per_tok=1,
        sliding_window=5, swiglu_limit=1.25, attention_bias=False, max_position_embeddings=128,
        rope_parameters=rope("yarn", 5000.0, factor=3.0, original_max_position_embeddings=24, beta_fast=8.0,
                             beta_slow=1.0, truncate=True)), dict(dtype="bfloat16")),
    "gpt-oss-mxfp4": (dict(
        vocab_size=47, hidden_size=64, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5, num_local_experts=4, num_experts_per_tok=2,
        sliding_window=10, max_position_embeddings=128,
        rope_parameters=rope("yarn", 15000.0, factor=4.0, original_max_position_embeddings=32, **YARN)),
        dict(dtype="bfloat16", mxfp4=True)),
}
