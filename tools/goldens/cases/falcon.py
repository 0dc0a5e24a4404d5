from . import rope

CASES = {
    "falcon-multi-query": (dict(
        vocab_size=52, hidden_size=30, num_hidden_layers=2, num_attention_heads=3, multi_query=True,
        parallel_attn=True, new_decoder_architecture=False, bias=False, alibi=False, layer_norm_epsilon=3e-4,
        max_position_embeddings=96, rope_parameters=rope("default", 10000.0)), dict(dtype="bfloat16", hidden=True)),
    "falcon-new-two-norms-v4": (dict(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=2,
        new_decoder_architecture=True, num_ln_in_parallel_attn=2, bias=False, alibi=False, layer_norm_epsilon=1e-4,
        max_position_embeddings=96, rope_parameters=rope("default", 10000.0)),
        dict(v4="type", dtype="float16", drop=["tie_word_embeddings", "rope_theta", "num_ln_in_parallel_attn"])),
    "falcon-new-one-norm-bias": (dict(
        vocab_size=48, hidden_size=48, num_hidden_layers=2, num_attention_heads=6, num_kv_heads=3,
        new_decoder_architecture=True, num_ln_in_parallel_attn=1, bias=True, alibi=False, layer_norm_epsilon=1e-3,
        max_position_embeddings=96, ffn_hidden_size=55, activation="gelu_pytorch_tanh", tie_word_embeddings=False,
        rope_parameters=rope("linear", 20000.0, factor=1.9)), dict(dtype="bfloat16")),
    "falcon-sequential-bias": (dict(
        vocab_size=46, hidden_size=36, num_hidden_layers=2, num_attention_heads=6, multi_query=False,
        parallel_attn=False, new_decoder_architecture=False, bias=True, alibi=False, layer_norm_epsilon=2e-4,
        max_position_embeddings=96, ffn_hidden_size=73, rope_parameters=rope("default", 6000.0)),
        dict(dtype="bfloat16")),
    "falcon-multi-query-sequential-v4": (dict(
        vocab_size=44, hidden_size=30, num_hidden_layers=2, num_attention_heads=5, multi_query=True,
        parallel_attn=False, new_decoder_architecture=False, bias=True, alibi=False, layer_norm_epsilon=5e-4,
        max_position_embeddings=96, rope_parameters=rope("default", 25000.0)),
        dict(v4="type", dtype="float16", drop=["ffn_hidden_size", "num_kv_heads", "tie_word_embeddings"])),
}
