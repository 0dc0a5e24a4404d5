from . import rope

CASES = {
    "deepseek-v2-greedy": (dict(
        vocab_size=44, hidden_size=27, intermediate_size=33, moe_intermediate_size=19, num_hidden_layers=3,
        num_attention_heads=3, q_lora_rank=None, kv_lora_rank=18, qk_nope_head_dim=10, qk_rope_head_dim=6,
        v_head_dim=14, n_routed_experts=5, n_shared_experts=2, num_experts_per_tok=2, first_k_dense_replace=1,
        topk_method="greedy", routed_scaling_factor=1.6, rms_norm_eps=3e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 11000.0)), dict(dtype="bfloat16", hidden=True)),
    "deepseek-v2-groups-yarn": (dict(
        vocab_size=46, hidden_size=32, intermediate_size=30, moe_intermediate_size=15, num_hidden_layers=3,
        num_attention_heads=4, q_lora_rank=22, kv_lora_rank=14, qk_nope_head_dim=8, qk_rope_head_dim=10,
        v_head_dim=12, n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3, first_k_dense_replace=2,
        topk_method="group_limited_greedy", n_group=4, topk_group=2, routed_scaling_factor=2.2, rms_norm_eps=1e-4,
        max_position_embeddings=120, rope_parameters=rope(
            "yarn", 9000.0, factor=5.0, original_max_position_embeddings=24, beta_fast=16, beta_slow=1, mscale=0.7,
            mscale_all_dim=0.9)), dict(dtype="bfloat16")),
    "deepseek-v2-yarn-v4": (dict(
        vocab_size=48, hidden_size=24, intermediate_size=29, moe_intermediate_size=17, num_hidden_layers=2,
        num_attention_heads=4, q_lora_rank=None, kv_lora_rank=20, qk_nope_head_dim=12, qk_rope_head_dim=8,
        v_head_dim=10, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, first_k_dense_replace=0,
        topk_method="greedy", routed_scaling_factor=1.0, rms_norm_eps=1e-3, max_position_embeddings=128,
        attention_bias=True, rope_parameters=rope(
            "yarn", 10000.0, factor=4.0, original_max_position_embeddings=32, beta_fast=32, beta_slow=1,
            mscale=0.707, mscale_all_dim=0.707)),
        dict(v4="type", dtype="float16", drop=["head_dim", "qk_head_dim", "mlp_bias"],
             put=dict(moe_layer_freq=1, scoring_func="softmax", aux_loss_alpha=0.001, seq_aux=True, ep_size=1))),
}
