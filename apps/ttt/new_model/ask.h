#pragma once
#include "infer.h"

namespace ttt::app {

/// The questions that keep a draft from being silently wrong, whatever the family. Each adds to `m.questions`.

/// Every config key that the draft does not read, with its value, unless the draft is right at that value (then it
/// requires the value) or the key cannot matter (then it ignores it).
void ask_about_keys(const ConfigReader& config, InferredModel& m);

/// Every tensor that the draft does not take, every one that it takes and that is not there, and layers that differ.
void ask_about_tensors(const ConfigReader& config, const Tensors& tensors, InferredModel& m);

/// Whether the config has one of these keys, at the top level or where it describes the rotary embedding.
bool has_rope_key(const ConfigReader& config, Names keys);

/// What neither a config nor tensors can show: the draft does it the way most models do. Nothing where the model_type
/// is of those that this way is named after.
void ask_what_no_file_shows(const ConfigReader& config, InferredModel& m);

}  // namespace ttt::app
