from . import rope

CASES = {
    "starcoder2-window": (dict(
        vocab_size=52, hidden_size=30, intermediate_size=69, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, norm_epsilon=3e-4, sliding_window=8, max_position_embeddings=96,
        rope_parameters=rope("default", 35000.0)), dict(dtype="bfloat16")),
    "starcoder2-untied-no-bias": (dict(
        vocab_size=48, hidden_size=32, intermediate_size=65, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, norm_epsilon=1e-3, sliding_window=None, use_bias=False, tie_word_embeddings=False,
        hidden_act="gelu", max_position_embeddings=96, rope_parameters=rope("linear", 9000.0, factor=1.4)),
        dict(dtype="bfloat16")),
    "starcoder2-v4": (dict(
        vocab_size=50, hidden_size=48, intermediate_size=61, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=3, norm_epsilon=1e-4, sliding_window=None, max_position_embeddings=96,
        rope_parameters=rope("default", 1e5)),
        dict(v4="type", dtype="float16", drop=["tie_word_embeddings", "rope_scaling"],
             put=dict(mlp_type="default", norm_type="layer_norm", activation_function="gelu_pytorch_tanh"))),
}
