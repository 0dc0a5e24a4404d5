CASES = {
    "gpt2": (dict(
        vocab_size=155, n_embd=42, n_layer=3, n_head=6, n_positions=61, n_inner=100, layer_norm_epsilon=1e-4,
        activation_function="gelu_new"), dict(dtype="float16")),
    "gpt2-layer-scale-untied": (dict(
        vocab_size=145, n_embd=40, n_layer=3, n_head=5, n_positions=57, layer_norm_epsilon=3e-4,
        scale_attn_by_inverse_layer_idx=True, activation_function="relu", tie_word_embeddings=False),
        dict(dtype="bfloat16")),
    "gpt2-unscaled": (dict(
        vocab_size=153, n_embd=39, n_layer=2, n_head=3, n_positions=53, n_inner=90, layer_norm_epsilon=2e-3,
        scale_attn_weights=False, activation_function="gelu"), dict(hidden=True)),
    "gpt2-wide": (dict(
        vocab_size=57, n_embd=32, n_layer=2, n_head=4, n_positions=59, layer_norm_epsilon=6e-4),
        dict(dtype="bfloat16")),
}
