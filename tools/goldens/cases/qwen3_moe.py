from . import rope

CASES = {
    "qwen3-moe-norm-dense-layers": (dict(
        vocab_size=46, hidden_size=28, intermediate_size=33, moe_intermediate_size=18, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=14, rms_norm_eps=3e-4, num_experts=6,
        num_experts_per_tok=3, norm_topk_prob=True, mlp_only_layers=[0], max_position_embeddings=96,
        rope_parameters=rope("default", 60000.0)), dict(dtype="bfloat16")),
    "qwen3-moe-sparse-step-v4": (dict(
        vocab_size=48, hidden_size=27, intermediate_size=30, moe_intermediate_size=23, num_hidden_layers=4,
        num_attention_heads=5, num_key_value_heads=1, head_dim=12, rms_norm_eps=1e-3, num_experts=5,
        num_experts_per_tok=2, norm_topk_prob=False, decoder_sparse_step=2, attention_bias=True,
        max_position_embeddings=96, rope_parameters=rope("default", 1e6)),
        dict(v4="rope_type", dtype="float16", drop=["num_local_experts"],
             put=dict(num_experts=5, max_window_layers=2, sliding_window=7))),
    "qwen3-moe-window-tied": (dict(
        vocab_size=44, hidden_size=30, intermediate_size=29, moe_intermediate_size=15, num_hidden_layers=2,
        num_attention_heads=3, num_key_value_heads=3, head_dim=16, rms_norm_eps=5e-5, num_experts=7,
        num_experts_per_tok=4, norm_topk_prob=True, use_sliding_window=True, sliding_window=8,
        tie_word_embeddings=True, max_position_embeddings=96, rope_parameters=rope("default", 20000.0)),
        dict(dtype="bfloat16")),
    "qwen3-moe-all-sparse": (dict(
        vocab_size=43, hidden_size=30, intermediate_size=41, moe_intermediate_size=17, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=1, head_dim=12, rms_norm_eps=7e-4, num_experts=6,
        num_experts_per_tok=2, norm_topk_prob=True, max_position_embeddings=96,
        rope_parameters=rope("default", 80000.0)), dict(dtype="bfloat16")),
}
