#pragma once
#include "ttt/ops/attention.h"

namespace ttt::cpu {

/// The kernel of ops::RotaryAppend: rows are independent, and spread over the team when there are many.
void rotary_append(Device& device, const ops::RotaryAppend::Args& args);

}  // namespace ttt::cpu
