#pragma once
#include <ttt/formats/checkpoint.h>
#include <ttt/patterns/causal_lm.h>

/// The decoder of a Hugging Face checkpoint of model_type "sample_decoder".
ttt::CausalLM load_sample_decoder(const ttt::ConfigReader& config, ttt::Weights weights, ttt::Device& device,
                                  ttt::Checkpoint::Kind kind);
