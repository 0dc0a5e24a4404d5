from . import rope

CASES = {
    "gemma2-softcaps": (dict(
        vocab_size=62, hidden_size=33, intermediate_size=39, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, head_dim=18, rms_norm_eps=2e-4, max_position_embeddings=96, sliding_window=7,
        query_pre_attn_scalar=18, attn_logit_softcapping=3.5, final_logit_softcapping=4.5,
        rope_parameters=rope("default", 10000.0)), dict(dtype="bfloat16", hidden=True)),
    "gemma2-v4": (dict(
        vocab_size=56, hidden_size=32, intermediate_size=45, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=12, rms_norm_eps=6e-4, max_position_embeddings=96, sliding_window=9,
        query_pre_attn_scalar=15, attn_logit_softcapping=6.0, final_logit_softcapping=2.5,
        rope_parameters=rope("default", 11000.0)),
        dict(v4="type", dtype="float16", drop=["rope_scaling", "tie_word_embeddings"],
             put=dict(hidden_act="gelu_pytorch_tanh", cache_implementation="hybrid"))),
    "gemma2-no-softcaps": (dict(
        vocab_size=52, hidden_size=24, intermediate_size=41, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=6, head_dim=10, rms_norm_eps=1e-4, max_position_embeddings=96, sliding_window=5,
        query_pre_attn_scalar=8, attn_logit_softcapping=None, final_logit_softcapping=None,
        layer_types=["full_attention", "full_attention", "sliding_attention"],
        rope_parameters=rope("default", 20000.0)), dict(dtype="bfloat16")),
}
