#pragma once
#include "ttt/ops/attention.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::cpu {

/// The kernels of ops::RotaryAppend and ops::Attention.
void register_attention_kernels(ops::KernelTable& kernels);

}  // namespace ttt::cpu
