#pragma once
#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/formats/config_reader.h"
#include "ttt/formats/weights.h"

namespace ttt::models {

/// GGUF tensors (`blk.0.attn_q.weight`) under Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`).
Weights with_hf_names(const Weights& weights);

/// The same for layers with norms before and after each sublayer, where GGUF's `ffn_norm` comes before the feed-forward
/// layer and `post_attention_norm` after attention.
Weights with_hf_sandwich_names(const Weights& weights);

/// llama.cpp's converter interleaves the two halves of each query and key head; this sees the rows in Hugging Face's
/// order. `weights` has Hugging Face's names.
Weights with_unpermuted_heads(const Weights& weights, int head_dim);

/// GGUF stores llama3-style frequency scaling as a tensor of factors, `rope_freqs.weight`; takes it into `rope` if
/// there.
void apply_gguf_rope_factors(const Weights& weights, RotaryEmbedding::Config& rope);

/// GGUF stores longrope's factors as tensors, `rope_factors_short.weight` and `rope_factors_long.weight`; takes them
/// into `rope` if there. The original context and the factor on cos and sin come from the config.
void apply_gguf_long_factors(const Weights& weights, const ConfigReader& config, RotaryEmbedding::Config& rope);

/// "x.experts.N.gate_proj" (up_proj, down_proj) as element N of GGUF's stacked tensors. `weights` has Hugging Face's
/// names.
Weights with_gguf_experts(const Weights& weights);

}  // namespace ttt::models
