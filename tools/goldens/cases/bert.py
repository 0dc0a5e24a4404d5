CASES = {
    "bert-gelu": (dict(
        vocab_size=58, hidden_size=30, intermediate_size=69, num_hidden_layers=2, num_attention_heads=3,
        layer_norm_eps=3e-4, max_position_embeddings=57, type_vocab_size=2), dict(dtype="bfloat16", hidden=True)),
    "bert-gelu-new-v4": (dict(
        vocab_size=54, hidden_size=40, intermediate_size=65, num_hidden_layers=3, num_attention_heads=5,
        layer_norm_eps=1e-12, hidden_act="gelu_new", max_position_embeddings=41, type_vocab_size=3),
        dict(v4="type", dtype="float16", put=dict(position_embedding_type="absolute", gradient_checkpointing=False))),
    # As most encoders are published: named bert.*, beside the head of the pretraining.
    "bert-masked-lm": (dict(
        vocab_size=46, hidden_size=36, intermediate_size=73, num_hidden_layers=2, num_attention_heads=6,
        layer_norm_eps=1e-3, hidden_act="relu", max_position_embeddings=35, type_vocab_size=1),
        dict(dtype="bfloat16", saved_as="BertForMaskedLM")),
}
