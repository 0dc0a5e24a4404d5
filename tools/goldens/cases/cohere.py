from . import rope

CASES = {
    "cohere-qk-norm": (dict(
        vocab_size=52, hidden_size=32, intermediate_size=42, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, layer_norm_eps=3e-4, logit_scale=0.7, use_qk_norm=True, max_position_embeddings=96,
        rope_parameters=rope("default", 13000.0)), dict(dtype="bfloat16", hidden=True)),
    "cohere-bias-v4": (dict(
        vocab_size=48, hidden_size=40, intermediate_size=45, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=1, layer_norm_eps=1e-3, logit_scale=1.4, attention_bias=True, max_position_embeddings=96,
        rope_parameters=rope("default", 40000.0)),
        dict(v4="type", dtype="float16", drop=["tie_word_embeddings", "rope_scaling"])),
    "cohere-untied": (dict(
        vocab_size=54, hidden_size=24, intermediate_size=37, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=3, layer_norm_eps=1e-4, logit_scale=0.25, tie_word_embeddings=False,
        max_position_embeddings=96, rope_parameters=rope("linear", 9000.0, factor=2.2)), dict(dtype="bfloat16")),
}
