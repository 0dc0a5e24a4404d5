#include <ttt/patterns/model_entry.h>

#include "sample_decoder.h"

extern "C" const ttt::ModelEntry* ttt_model_entry() {
  static constexpr ttt::ModelEntry entry{ttt::kModelAbi, "sample_decoder", load_sample_decoder};
  return &entry;
}
