from . import rope

CASES = {
    "deepseek-v3-groups": (dict(
        vocab_size=44, hidden_size=27, intermediate_size=33, moe_intermediate_size=15, num_hidden_layers=3,
        num_attention_heads=3, num_key_value_heads=3, q_lora_rank=22, kv_lora_rank=18, qk_nope_head_dim=10,
        qk_rope_head_dim=6, v_head_dim=14, n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3,
        first_k_dense_replace=1, n_group=4, topk_group=2, norm_topk_prob=True, routed_scaling_factor=2.1,
        rms_norm_eps=3e-4, max_position_embeddings=96, rope_parameters=rope("default", 11000.0)),
        dict(dtype="bfloat16")),
    "deepseek-v3-yarn-halves": (dict(
        vocab_size=46, hidden_size=32, intermediate_size=30, moe_intermediate_size=17, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=4, q_lora_rank=None, kv_lora_rank=14, qk_nope_head_dim=8,
        qk_rope_head_dim=10, v_head_dim=12, n_routed_experts=6, n_shared_experts=2, num_experts_per_tok=2,
        first_k_dense_replace=2, n_group=2, topk_group=1, norm_topk_prob=False, routed_scaling_factor=1.3,
        rope_interleave=False, attention_bias=True, rms_norm_eps=1e-4, max_position_embeddings=120,
        rope_parameters=rope("yarn", 9000.0, factor=5.0, original_max_position_embeddings=24, beta_fast=16,
                             beta_slow=1, mscale=0.8, mscale_all_dim=1.1)), dict(dtype="bfloat16")),
    "deepseek-v3-yarn-v4": (dict(
        vocab_size=48, hidden_size=24, intermediate_size=29, moe_intermediate_size=13, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4, q_lora_rank=24, kv_lora_rank=20, qk_nope_head_dim=12,
        qk_rope_head_dim=8, v_head_dim=10, n_routed_experts=6, n_shared_experts=1, num_experts_per_tok=2,
        first_k_dense_replace=0, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5,
        rms_norm_eps=1e-3, max_position_embeddings=128,
        rope_parameters=rope("yarn", 10000.0, factor=4.0, original_max_position_embeddings=32, beta_fast=32,
                             beta_slow=1, mscale=1.0, mscale_all_dim=1.0)),
        dict(v4="type", dtype="float16", drop=["head_dim", "qk_head_dim", "rope_interleave"],
             put=dict(moe_layer_freq=1, scoring_func="sigmoid", topk_method="noaux_tc", ep_size=1,
                      num_nextn_predict_layers=0))),
}
