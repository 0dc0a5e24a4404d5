from . import factors, rope

CASES = {
    "llama-default": (dict(
        vocab_size=147, hidden_size=45, intermediate_size=71, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, head_dim=18, rms_norm_eps=3e-4, max_position_embeddings=96,
        rope_parameters=rope("default", 50000.0)), dict(hidden=True)),
    "llama-linear-v4-bias-tied": (dict(
        vocab_size=161, hidden_size=55, intermediate_size=67, num_hidden_layers=2, num_attention_heads=5,
        num_key_value_heads=5, head_dim=12, rms_norm_eps=2e-5, attention_bias=True, mlp_bias=True,
        tie_word_embeddings=True, rope_parameters=rope("linear", 777.0, factor=2.5)), dict(v4="type", dtype="float16")),
    "llama-dynamic": (dict(
        vocab_size=143, hidden_size=40, intermediate_size=75, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=1e-4, max_position_embeddings=20,
        rope_parameters=rope("dynamic", 9000.0, factor=2.0)), dict(greedy=False, dtype="bfloat16")),
    "llama-dynamic-v4": (dict(
        vocab_size=129, hidden_size=40, intermediate_size=61, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, head_dim=16, rms_norm_eps=1e-4, max_position_embeddings=17,
        rope_parameters=rope("dynamic", 12000.0, factor=3.0)), dict(greedy=False, v4="type", dtype="float16")),
    "llama-yarn": (dict(
        vocab_size=149, hidden_size=48, intermediate_size=77, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, head_dim=22, rms_norm_eps=5e-5, max_position_embeddings=64,
        rope_parameters=rope("yarn", 15000.0, factor=4.0, original_max_position_embeddings=16, beta_fast=16.0,
                             beta_slow=2.0)), dict(dtype="bfloat16")),
    "llama-yarn-v4-tied": (dict(
        vocab_size=141, hidden_size=42, intermediate_size=90, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=3, head_dim=10, rms_norm_eps=5e-5, max_position_embeddings=72, tie_word_embeddings=True,
        rope_parameters=rope("yarn", 8000.0, factor=3.0, original_max_position_embeddings=24, attention_factor=0.83)),
        dict(v4="rope_type", dtype="bfloat16")),
    "llama-longrope-long": (dict(
        vocab_size=137, hidden_size=44, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=7e-5, max_position_embeddings=96,
        rope_parameters=rope("longrope", 11000.0, original_max_position_embeddings=24, factor=4.0,
                             short_factor=factors(8, 1.0, 0.03), long_factor=factors(8, 1.4, 0.35))),
        dict(dtype="bfloat16")),
    "llama-longrope-short-v4": (dict(
        vocab_size=137, hidden_size=44, intermediate_size=58, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, head_dim=14, rms_norm_eps=7e-5, max_position_embeddings=256,
        rope_parameters=rope("longrope", 13000.0, original_max_position_embeddings=64, factor=4.0,
                             short_factor=factors(7, 1.1, 0.06), long_factor=factors(7, 2.0, 0.5))),
        dict(v4="rope_type", dtype="float16")),
    "llama-llama3": (dict(
        vocab_size=153, hidden_size=54, intermediate_size=82, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, head_dim=12, rms_norm_eps=4e-4, max_position_embeddings=256,
        rope_parameters=rope("llama3", 40000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                             original_max_position_embeddings=32)), dict(dtype="bfloat16")),
    "llama-llama3-v4": (dict(
        vocab_size=131, hidden_size=42, intermediate_size=66, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=24, rms_norm_eps=6e-4, max_position_embeddings=256,
        rope_parameters=rope("llama3", 60000.0, factor=6.0, low_freq_factor=1.5, high_freq_factor=5.0,
                             original_max_position_embeddings=40)), dict(v4="rope_type")),
    "llama-bf16-sharded": (dict(
        vocab_size=173, hidden_size=56, intermediate_size=74, num_hidden_layers=2, num_attention_heads=8,
        num_key_value_heads=4, head_dim=8, rms_norm_eps=1e-3, rope_parameters=rope("default", 20000.0)),
        dict(dtype="bfloat16", shard="40KB")),
    "llama-gelu": (dict(
        vocab_size=147, hidden_size=36, intermediate_size=73, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=3, head_dim=20, rms_norm_eps=9e-5, hidden_act="gelu_pytorch_tanh",
        attention_bias=True, rope_parameters=rope("default", 1e6)), dict(dtype="float16")),
    "llama-few-keys-v4": (dict(
        vocab_size=62, hidden_size=32, intermediate_size=42, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, rms_norm_eps=2e-3, max_position_embeddings=96, rope_parameters=rope("default", 10000.0)),
        dict(v4="type", dtype="bfloat16", drop=[
            "attention_bias", "head_dim", "mlp_bias", "num_key_value_heads", "pad_token_id", "rope_scaling",
            "rope_theta", "tie_word_embeddings"])),
    "llama-rows-of-64": (dict(
        vocab_size=63, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=2e-4, max_position_embeddings=96,
        rope_parameters=rope("llama3", 26000.0, factor=5.0, low_freq_factor=1.2, high_freq_factor=4.5,
                             original_max_position_embeddings=30)), dict(dtype="bfloat16")),
}
