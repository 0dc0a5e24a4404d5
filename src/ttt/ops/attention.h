#pragma once
#include <optional>

#include "ttt/core/matrix.h"
#include "ttt/hardware/device.h"
#include "ttt/ops/batch_plan.h"
#include "ttt/ops/kv_layout.h"

namespace ttt::inline v2 {

/// Which keys a query at position p sees: causal all j <= p; a window of w: p - w < j <= p; bidirectional all.
struct Mask {
  /// Whether a query sees only keys up to its own position.
  enum class Kind { causal, bidirectional };
  Kind kind = Kind::causal;        ///< see Kind
  std::optional<int> window_size;  ///< of causal masks; nothing: all earlier keys

  static Mask causal() { return {}; }                            ///< every key up to the query's own
  static Mask window(int size) { return {Kind::causal, size}; }  ///< the last `size` keys up to the query's own
  static Mask bidirectional() { return {Kind::bidirectional, std::nullopt}; }  ///< every key
};

namespace ops {

/// Which columns of a head turn together; dim is the number of columns that rotate.
enum class RotaryStyle {
  half,         ///< pairs (d, d + dim/2): rotate_half of Hugging Face
  interleaved,  ///< pairs (2d, 2d + 1)
};

/// Rotates the first `rotary_dim` columns of every head of q and k, and appends k and v to the cache at the rows'
/// positions. q is rotated in place; k and v are read only.
struct RotaryAppend {
  static constexpr std::string_view name = "rotary_append";
  struct Args {
    const BatchPlan& plan;                  ///< which sequence and position each row is
    KvLayerView cache;                      ///< where k and v go
    Matrix q;                               ///< [tokens, num_heads * k_dim]
    ConstMatrix k;                          ///< [tokens, num_kv_heads * k_dim]
    ConstMatrix v;                          ///< [tokens, num_kv_heads * v_dim]
    int num_heads;                          ///< of q; k and v have the cache's num_kv_heads
    int rotary_dim = 0;                     ///< 0: no rotation
    RotaryStyle style = RotaryStyle::half;  ///< which columns turn together
    ConstMatrix cos;                        ///< [tokens, rotary_dim / 2]
    ConstMatrix sin;                        ///< [tokens, rotary_dim / 2]
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

/// out[t, h] = sum_j softmax_j(cap(scale * q[t, h] . k[j, h'])) v[j, h'] over the keys that the mask lets position(t)
/// see, h' = h * num_kv_heads / num_heads; cap(s) = softcap * tanh(s / softcap) when softcap > 0. `sinks[h]` adds
/// exp(sink) to the softmax's denominator (gpt-oss). Softmax and sums in f32.
struct Attention {
  static constexpr std::string_view name = "attention";
  struct Args {
    const BatchPlan& plan;         ///< which sequence and position each row is
    KvLayerView cache;             ///< already holds this step's keys and values
    ConstMatrix q;                 ///< [tokens, num_heads * k_dim]
    Matrix out;                    ///< [tokens, num_heads * v_dim]
    int num_heads;                 ///< of q and out
    Mask mask;                     ///< which keys a row sees
    float scale;                   ///< multiplies scores
    float softcap = 0.0f;          ///< caps scores at +-softcap by tanh; 0: off
    const float* sinks = nullptr;  ///< [num_heads] or null
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
  static Work work(const Args&);
};

}  // namespace ops
}  // namespace ttt::inline v2
