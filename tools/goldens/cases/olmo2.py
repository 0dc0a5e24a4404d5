from . import rope

CASES = {
    "olmo2-gqa": (dict(
        vocab_size=52, hidden_size=30, intermediate_size=43, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, rms_norm_eps=3e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 60000.0)), dict(dtype="bfloat16")),
    "olmo2-bias-v4": (dict(
        vocab_size=48, hidden_size=32, intermediate_size=39, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, rms_norm_eps=1e-3, attention_bias=True, max_position_embeddings=96,
        rope_parameters=rope("default", 25000.0)), dict(v4="type", dtype="float16", drop=["num_key_value_heads"])),
    "olmo2-yarn-tied": (dict(
        vocab_size=56, hidden_size=48, intermediate_size=38, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, rms_norm_eps=5e-5, tie_word_embeddings=True, max_position_embeddings=96,
        rope_parameters=rope("yarn", 18000.0, factor=3.0, original_max_position_embeddings=32, beta_fast=20.0,
                             beta_slow=1.5, attention_factor=1.21)), dict(dtype="bfloat16")),
}
