from . import rope


def ropes(sliding, full):
    return dict(sliding_attention=sliding, full_attention=full)


CASES = {
    "gemma3-text-layer-types": (dict(
        vocab_size=62, hidden_size=33, intermediate_size=39, num_hidden_layers=4, num_attention_heads=3,
        num_key_value_heads=1, head_dim=18, rms_norm_eps=2e-4, max_position_embeddings=96, sliding_window=6,
        query_pre_attn_scalar=25, layer_types=["sliding_attention", "full_attention"] * 2,
        rope_parameters=ropes(rope("default", 700.0), rope("default", 90000.0))), dict(dtype="bfloat16")),
    "gemma3-text-linear-v4": (dict(
        vocab_size=54, hidden_size=24, intermediate_size=29, num_hidden_layers=5, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=5e-4, max_position_embeddings=96, sliding_window=9,
        query_pre_attn_scalar=11, sliding_window_pattern=2,
        rope_parameters=ropes(rope("default", 3000.0), rope("linear", 50000.0, factor=3.5))),
        dict(v4="rope_type", dtype="float16", drop=["_sliding_window_pattern", "tie_word_embeddings"],
             put=dict(sliding_window_pattern=2))),
    "gemma3-text-default-pattern-v4": (dict(
        vocab_size=46, hidden_size=24, intermediate_size=31, num_hidden_layers=7, num_attention_heads=2,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-4, max_position_embeddings=96, sliding_window=5,
        query_pre_attn_scalar=16, rope_parameters=ropes(rope("default", 10000.0), rope("default", 200000.0))),
        dict(v4="rope_type", dtype="bfloat16", drop=["_sliding_window_pattern", "rope_local_base_freq"])),
    "gemma3-text-untied-softcap": (dict(
        vocab_size=52, hidden_size=35, intermediate_size=37, num_hidden_layers=3, num_attention_heads=5,
        num_key_value_heads=1, head_dim=12, rms_norm_eps=3e-4, max_position_embeddings=96, sliding_window=12,
        query_pre_attn_scalar=16, attention_bias=True, tie_word_embeddings=False, final_logit_softcapping=3.0,
        attn_logit_softcapping=4.0, layer_types=["full_attention", "sliding_attention", "sliding_attention"],
        rope_parameters=ropes(rope("default", 5000.0), rope("default", 30000.0))), dict(dtype="bfloat16")),
}
