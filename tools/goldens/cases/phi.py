from . import rope

CASES = {
    "phi-partial": (dict(
        vocab_size=50, hidden_size=30, intermediate_size=69, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, layer_norm_eps=3e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 9000.0, partial_rotary_factor=0.4)), dict(dtype="bfloat16")),
    "phi-qk-layernorm-v4": (dict(
        vocab_size=54, hidden_size=40, intermediate_size=73, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, layer_norm_eps=1e-3, qk_layernorm=True, max_position_embeddings=96,
        rope_parameters=rope("default", 12000.0, partial_rotary_factor=0.6)),
        dict(v4="type", dtype="float16", put=dict(embd_pdrop=0.1))),
    # Half of each head turns where the configuration does not say.
    "phi-half-v4": (dict(
        vocab_size=52, hidden_size=32, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        layer_norm_eps=1e-4, max_position_embeddings=96, tie_word_embeddings=False,
        rope_parameters=rope("default", 10000.0, partial_rotary_factor=0.5)),
        dict(v4="type", dtype="bfloat16", drop=["partial_rotary_factor", "rope_theta", "num_key_value_heads"])),
}
