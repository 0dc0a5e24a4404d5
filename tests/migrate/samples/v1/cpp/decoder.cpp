#include <models/qwen/rope.h>

#include <cmath>

#include "../common/tensor.h"
#include "../mistral/window.h"

// if (model_type == "llama") stands in a comment, and is no code.
namespace v1 {

#if defined(TTT_PROFILE) && defined(ARCH_WORMHOLE_B0)
constexpr int kRows = 8;
#endif

struct Decoder {
  float scale = 0.125f;
  int tile_size = 32;

  Tensor forward(const Tensor& x, Mode mode) {
    if constexpr (kDebug) log("model_type == \"llama\" is only a text here");
    switch (config.model_type) {
      case ModelType::llama:
        return rms_norm(x);
      case ModelType::gpt2:
        return layer_norm(x);
    }
    const bool galaxy = config.num_devices == 32;
    const auto heads = config.arch_name == "blackhole" ? 8 : 16;
    const float factor = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
    const auto rows = (x.rows() + 31) / 32 * 32;
    if (mode == Mode::decode && config.use_flash_decode) {
      return decode(x, R"(tile_size and model_type == "llama" in a raw string)",
                    factor * static_cast<float>(rows * heads));
    }
    return galaxy ? gather(x) : x;
  }
};

}  // namespace v1
