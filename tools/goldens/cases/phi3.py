from . import factors, rope

CASES = {
    "phi3-window-partial": (dict(
        vocab_size=50, hidden_size=24, intermediate_size=41, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1, rms_norm_eps=3e-4, sliding_window=8, max_position_embeddings=96,
        original_max_position_embeddings=96, rope_parameters=rope("default", 9000.0, partial_rotary_factor=0.75)),
        dict(dtype="bfloat16")),
    "phi3-longrope-long": (dict(
        vocab_size=54, hidden_size=42, intermediate_size=43, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, rms_norm_eps=1e-4, max_position_embeddings=120, original_max_position_embeddings=20,
        rope_parameters=rope("longrope", 15000.0, original_max_position_embeddings=20,
                             short_factor=factors(7, 1.0, 0.05), long_factor=factors(7, 1.3, 0.45))),
        dict(dtype="bfloat16")),
    "phi3-longrope-short-partial-v4": (dict(
        vocab_size=48, hidden_size=40, intermediate_size=47, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, rms_norm_eps=2e-4, tie_word_embeddings=True, max_position_embeddings=256,
        original_max_position_embeddings=64,
        rope_parameters=rope("longrope", 12000.0, original_max_position_embeddings=64, partial_rotary_factor=0.6,
                             short_factor=factors(6, 1.2, 0.07), long_factor=factors(6, 2.0, 0.6))),
        dict(v4="type", dtype="float16", put=dict(rope_scaling=dict(
            type="longrope", short_factor=factors(6, 1.2, 0.07), long_factor=factors(6, 2.0, 0.6))))),
    # The first releases called longrope "su".
    "phi3-su-v4": (dict(
        vocab_size=52, hidden_size=40, intermediate_size=41, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=4e-4, max_position_embeddings=144, original_max_position_embeddings=18,
        rope_parameters=rope("longrope", 20000.0, original_max_position_embeddings=18,
                             short_factor=factors(5, 1.1, 0.04), long_factor=factors(5, 1.5, 0.4))),
        dict(v4="type", dtype="bfloat16", drop=["partial_rotary_factor"], put=dict(rope_scaling=dict(
            type="su", original_max_position_embeddings=18, short_factor=factors(5, 1.1, 0.04),
            long_factor=factors(5, 1.5, 0.4))))),
}
