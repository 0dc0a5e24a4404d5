from . import rope

CASES = {
    "granite-multipliers": (dict(
        vocab_size=52, hidden_size=30, intermediate_size=42, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, rms_norm_eps=3e-4, embedding_multiplier=4.5, logits_scaling=0.6,
        residual_multiplier=0.45, attention_multiplier=0.17, max_position_embeddings=96,
        rope_parameters=rope("default", 17000.0)), dict(dtype="bfloat16", hidden=True)),
    "granite-bias-tied-v4": (dict(
        vocab_size=48, hidden_size=32, intermediate_size=45, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-4, embedding_multiplier=7.0, logits_scaling=1.7,
        residual_multiplier=0.3, attention_multiplier=0.4, attention_bias=True, mlp_bias=True,
        tie_word_embeddings=True, max_position_embeddings=96, rope_parameters=rope("default", 30000.0)),
        dict(v4="type", dtype="float16")),
    "granite-yarn": (dict(
        vocab_size=50, hidden_size=36, intermediate_size=39, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=6, rms_norm_eps=1e-3, embedding_multiplier=1.5, logits_scaling=0.8,
        residual_multiplier=1.2, attention_multiplier=0.6, mlp_bias=True, max_position_embeddings=96,
        rope_parameters=rope("yarn", 12000.0, factor=2.5, original_max_position_embeddings=28)),
        dict(dtype="bfloat16")),
}
