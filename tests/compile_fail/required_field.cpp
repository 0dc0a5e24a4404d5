// error: missing initializer for member .*scale|missing field 'scale' initializer
#include "ttt/building_blocks/attention/gqa.h"

// A field without a default has no value that is right for every model.
const ttt::GroupedQueryAttention::Config config{.hidden_size = 64,
                                                .num_heads = 4,
                                                .num_kv_heads = 2,
                                                .head_dim = 16,
#ifdef CONTROL
                                                .scale = 0.25f,
#endif
                                                .mask = ttt::Mask::causal()};
