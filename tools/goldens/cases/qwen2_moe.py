from . import rope

CASES = {
    "qwen2-moe-sparse-step": (dict(
        vocab_size=46, hidden_size=24, intermediate_size=33, moe_intermediate_size=19,
        shared_expert_intermediate_size=26, num_hidden_layers=4, num_attention_heads=3, num_key_value_heads=1,
        rms_norm_eps=3e-4, num_experts=5, num_experts_per_tok=2, norm_topk_prob=False, decoder_sparse_step=2,
        max_position_embeddings=96, rope_parameters=rope("default", 30000.0)), dict(dtype="bfloat16")),
    "qwen2-moe-norm-dense-layers-v4": (dict(
        vocab_size=48, hidden_size=32, intermediate_size=30, moe_intermediate_size=21,
        shared_expert_intermediate_size=26, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        rms_norm_eps=1e-4, num_experts=6, num_experts_per_tok=3, norm_topk_prob=True, mlp_only_layers=[1],
        tie_word_embeddings=True, max_position_embeddings=96, rope_parameters=rope("default", 1e5)),
        dict(v4="type", dtype="float16", drop=["qkv_bias", "rope_scaling"],
             put=dict(use_sliding_window=False, sliding_window=6, max_window_layers=2))),
    "qwen2-moe-window": (dict(
        vocab_size=42, hidden_size=24, intermediate_size=29, moe_intermediate_size=13,
        shared_expert_intermediate_size=25, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4,
        rms_norm_eps=2e-4, num_experts=4, num_experts_per_tok=2, norm_topk_prob=False, qkv_bias=False,
        use_sliding_window=True, sliding_window=9, max_window_layers=3, max_position_embeddings=96,
        rope_parameters=rope("default", 50000.0)), dict(dtype="bfloat16")),
    "qwen2-moe-all-sparse": (dict(
        vocab_size=41, hidden_size=32, intermediate_size=37, moe_intermediate_size=14,
        shared_expert_intermediate_size=23, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        rms_norm_eps=6e-4, num_experts=5, num_experts_per_tok=3, norm_topk_prob=False, max_position_embeddings=96,
        rope_parameters=rope("default", 40000.0)), dict(dtype="bfloat16")),
}
