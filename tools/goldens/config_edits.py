"""Random edits of a config.json as transformers 5 writes it: keys left out, so that a family's defaults decide,
transformers 4's spellings, nulls, and keys that published files hold beside those that are read.

An edited file may mean something else than before, or nothing: only transformers can say, so ask it after the edit.
"""
import make_model_goldens as goldens

# What no family has a default for that fits another checkpoint's tensors.
KEPT = {
    "model_type", "vocab_size", "hidden_size", "n_embd", "num_hidden_layers", "n_layer", "num_attention_heads", "n_head",
    "intermediate_size", "moe_intermediate_size", "shared_expert_intermediate_size", "num_experts", "num_local_experts",
    "n_routed_experts", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "quantization_config",
}
NULLABLE = ["head_dim", "num_key_value_heads", "num_kv_heads", "sliding_window", "rope_parameters", "rope_scaling", "layer_types", "n_inner",
            "ffn_hidden_size", "mlp_only_layers", "no_rope_layers", "n_group", "topk_group", "topk_method", "q_lora_rank",
            "attn_logit_softcapping", "final_logit_softcapping", "first_k_dense_replace", "logit_scale", "norm_topk_prob",
            "rope_interleave", "use_qk_norm", "num_ln_in_parallel_attn", "eos_token_id", "bos_token_id", "pad_token_id"]
# Spelled together.
ROPE_KEYS = {"rope_parameters", "rope_scaling", "rope_theta", "partial_rotary_factor", "rotary_pct", "rotary_emb_base", "rope_local_base_freq",
             "original_max_position_embeddings"}
SLIDING_PATTERN = {"gemma3_text", "cohere2"}  # every Nth layer sees all
# What published files say beside what transformers 5 reads, none of which changes what it computes.
PUBLISHED = {
    "llama": {"pretraining_tp": 1, "rope_interleaved": False}, "mistral": {"attention_bias": False}, "qwen2": {"attention_bias": False},
    "qwen3": {"attention_bias": False}, "qwen3_moe": {"max_window_layers": 2},
    "gemma": {"hidden_activation": None}, "gemma2": {"hidden_act": "gelu_pytorch_tanh", "cache_implementation": "hybrid"},
    "gemma3_text": {"hidden_act": "gelu_pytorch_tanh", "cache_implementation": "hybrid"}, "gpt2": {"n_ctx": 96},
    "gpt_neox": {"gradient_checkpointing": False}, "phi3": {"attention_bias": False}, "mixtral": {"output_router_logits": False},
    "cohere": {"use_cache": True}, "cohere2": {"layer_switch": 4, "order_of_interleaved_layers": "local_attn_first", "rotary_pct": 1.0,
                                               "position_embedding_type": "rope_gptj", "use_gated_activation": True, "use_embedding_sharing": True,
                                               "use_parallel_block": True, "use_parallel_embedding": True},
    "falcon": {"apply_residual_connection_post_layernorm": False}, "starcoder2": {"mlp_type": "default", "norm_type": "layer_norm"},
    "stablelm": {"rotary_scaling_factor": 1.0}, "smollm3": {"max_window_layers": 28, "pretraining_tp": 2},
    "gpt_oss": {"initial_context_length": 32}, "bert": {"position_embedding_type": "absolute", "gradient_checkpointing": False},
    "deepseek_v2": {"moe_layer_freq": 1, "scoring_func": "softmax", "aux_loss_alpha": 0.001, "seq_aux": True, "ep_size": 1},
    "deepseek_v3": {"moe_layer_freq": 1, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "ep_size": 1, "num_nextn_predict_layers": 1},
}


def ropes(config):
    """The objects of a configuration that hold rope's numbers."""
    for key in ("rope_parameters", "rope_scaling"):
        parameters = config.get(key)
        if parameters:
            yield from ([(f"{key}.{k}", v) for k, v in parameters.items() if v] if "full_attention" in parameters else [(key, parameters)])


def respell_as_v4(rng, kind, config):
    edits = ["v4"]
    layer_types = config.get("layer_types")
    goldens.respell_as_v4(config, rng.choice(["type", "rope_type"]))
    if layer_types and rng.random() < 0.5:
        config["layer_types"] = layer_types
    elif layer_types:
        edits.append("-layer_types")
    scaling = config.get("rope_scaling")
    if scaling is None and rng.random() < 0.5:
        config.pop("rope_scaling", None)
    if scaling and rng.random() < 0.2:  # both, as files of 4.4x have it
        scaling["type"] = scaling["rope_type"] = scaling.get("type") or scaling.get("rope_type")
    if scaling and kind == "phi3":
        key = "type" if "type" in scaling else "rope_type"
        scaling[key] = rng.choice(["longrope", "su", "yarn"])
        if rng.random() < 0.7:
            scaling.pop("original_max_position_embeddings", None)
    if kind == "gpt_neox":
        for ours, theirs in (("rope_theta", "rotary_emb_base"), ("partial_rotary_factor", "rotary_pct")):
            if ours in config and rng.random() < 0.8:
                config[theirs] = config.pop(ours)
    if kind in SLIDING_PATTERN:
        config.pop("_sliding_window_pattern", None)
        if rng.random() < 0.6:
            config["sliding_window_pattern"] = rng.randint(1, 5)
            edits.append(f"sliding_window_pattern={config['sliding_window_pattern']}")
    if kind == "qwen3_moe" and "num_local_experts" in config:
        config["num_experts"] = config.pop("num_local_experts")
    if kind == "gpt_oss" and rng.random() < 0.3:
        config["experts_per_token"] = config["num_experts_per_tok"]
    if isinstance(config.get("rope_theta"), float) and rng.random() < 0.5:
        config["rope_theta"] = int(config["rope_theta"])
    return edits + ([f"rope_scaling={scaling}"] if scaling else [])


def drop(rng, config):
    edits = []
    rate = rng.choice([0, 0.08, 0.25])
    # Beside its other name, which transformers does not read.
    kept = KEPT | ({"num_experts_per_tok"} if "experts_per_token" in config else set())
    for key in sorted(config.keys() - kept):
        if rng.random() < rate:
            edits.append(f"-{key}")
            del config[key]
    for path, parameters in ropes(config):
        for key in sorted(parameters):
            if rng.random() < rate:
                edits.append(f"-{path}.{key}")
                del parameters[key]
    if "layer_types" in config and rng.random() < 0.3:
        edits.append("-layer_types")
        del config["layer_types"]
    return edits


def put(rng, kind, config):
    edits = {}
    if rng.random() < 0.3:
        edits |= PUBLISHED.get(kind, {})
    for key in NULLABLE:
        if key in config and rng.random() < 0.04:
            edits[key] = None
    # Kept beside a switch that says no.
    if "use_sliding_window" in config and not config["use_sliding_window"] and rng.random() < 0.5:
        edits["sliding_window"] = 5
    if rng.random() < 0.06 and "rope_theta" not in config:  # beside what rope_parameters says
        edits["rope_theta"] = 1234.5
    config |= edits
    return [f"{key}={value}" for key, value in edits.items()]


def edit(rng, kind, config):
    """Edits `config` and returns what was done, in words; often nothing."""
    edits = []
    if rng.random() < 0.4:
        edits += respell_as_v4(rng, kind, config)
    edits += put(rng, kind, config)
    return edits + drop(rng, config)
