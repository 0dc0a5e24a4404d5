from . import rope

CASES = {
    "gemma-mqa": (dict(
        vocab_size=62, hidden_size=33, intermediate_size=51, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, head_dim=22, rms_norm_eps=3e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 10000.0)), dict(dtype="bfloat16", hidden=True)),
    # hidden_act "gelu" meant the tanh form in the first releases.
    "gemma-gelu-v4": (dict(
        vocab_size=54, hidden_size=35, intermediate_size=46, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=5, head_dim=10, rms_norm_eps=1e-3, max_position_embeddings=96,
        rope_parameters=rope("default", 12000.0)),
        dict(v4="type", dtype="float16", drop=["rope_scaling", "tie_word_embeddings"], put=dict(hidden_act="gelu"))),
    "gemma-untied-bias": (dict(
        vocab_size=50, hidden_size=32, intermediate_size=43, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=1e-4, max_position_embeddings=96, attention_bias=True,
        tie_word_embeddings=False, rope_parameters=rope("linear", 9000.0, factor=1.6)), dict(dtype="bfloat16")),
}
