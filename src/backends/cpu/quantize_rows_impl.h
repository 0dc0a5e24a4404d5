#pragma once
// Quantising activations (QuantizedRows) over a level's primitives `V`. See linear_kernels_impl.h.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "linear_kernels.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;

/// The largest |code|.
constexpr int most_of(ActivationBits bits) { return bits == ActivationBits::eight ? 127 : V::kMostHigh * 128; }

/// A group's values times `inverse`, rounded to codes.
struct Codes {
  V::I halves[2];
  std::int32_t sums[3];  ///< of both halves, of all

  Codes(F first, F second, float inverse)
      : halves{V::round(V::mul(first, V::set1(inverse))), V::round(V::mul(second, V::set1(inverse)))},
        sums{V::sum_of(halves[0]), V::sum_of(halves[1])} {
    sums[2] = sums[0] + sums[1];
  }
};

/// Stores a first cell's scale and sums, for token `token` of a tile of `tokens`.
void store_sums(const Codes& codes, float scale, const QuantizedRows& tile, std::int64_t group, int token, int tokens) {
  tile.scales[group * tokens + token] = scale;
  for (int i = 0; i < QuantizedRows::kSums; ++i) {
    const std::int64_t at = (group * QuantizedRows::kSums + i) * tokens + token;
    tile.minus_sums[at] = -codes.sums[i];
    tile.scaled_sums[at] = scale * static_cast<float>(codes.sums[i]);
  }
}

/// A first cell of eight bits.
void store_bytes_of(const Codes& codes, const QuantizedRows& tile, std::int64_t group, int token, int tokens) {
  alignas(64) std::int8_t bytes[kGroup];
  for (int half = 0; half < 2; ++half) V::store_i8(bytes + half * 16, codes.halves[half]);
  for (int quad = 0; quad < kQuads; ++quad)
    std::memcpy(tile.codes + ((group * kQuads + quad) * tokens + token) * 4, bytes + quad * 4, 4);
}

/// A second cell.
void store_refined(const Codes& codes, float scale, std::int64_t group, int token, RefinedCell& cell) {
  for (int half = 0; half < 2; ++half) V::store_i8(cell.codes + half * 16, codes.halves[half]);
  cell.scale = scale;
  for (int i = 0; i < QuantizedRows::kSums; ++i) {
    cell.minus_sums[i] = -codes.sums[i];
    cell.scaled_sums[i] = scale * static_cast<float>(codes.sums[i]);
  }
  cell.group = static_cast<std::uint8_t>(group % kBlockGroups);
  cell.token = static_cast<std::uint8_t>(token);
}

/// A cell of fifteen bits.
void store_words_of(const Codes& codes, const QuantizedRows& tile, std::int64_t group, int token, int tokens) {
  if (tokens == 1) {
    alignas(64) std::int8_t bytes[2 * kGroup];
    for (int half = 0; half < 2; ++half) {
      const V::I code = codes.halves[half], high = V::template shift_right<7>(V::add_int(code, V::set1_int(64)));
      V::store_i8(bytes + half * 16, high);
      V::store_i8(bytes + kGroup + half * 16, V::sub_int(code, V::template shift_left<7>(high)));
    }
    std::memcpy(tile.codes + group * QuantizedRows::group_bytes(tile.bits), bytes, sizeof bytes);
    return;
  }
  alignas(64) std::int16_t words[kGroup];
  for (int half = 0; half < 2; ++half) V::store_i16(words + half * 16, codes.halves[half]);
  std::int16_t* to = tile.words() + (group * tokens * kPairs + token) * 2;
  for (int pair = 0; pair < kPairs; ++pair, to += 2 * tokens) {
    const std::int16_t* column = words + pair / 2 * 4 + pair % 2;
    to[0] = column[0];
    to[1] = column[2];
  }
}

/// What a group's values lack by their codes, in parts of a step.
Codes lacking(const Codes& codes, F first, F second, float inverse) {
  const auto rest = [&](F values, V::I code) {
    return V::fma(values, V::set1(inverse), V::mul(V::to_float(code), V::set1(-1.0f)));
  };
  return {rest(first, codes.halves[0]), rest(second, codes.halves[1]), RefinedCell::kSteps};
}

/// The root of the mean square.
float rms_of(const float* x, std::int64_t cols) {
  F squares = V::zero();
  std::int64_t i = 0;
  for (; i + 16 <= cols; i += 16) squares = V::fma(V::load(x + i), V::load(x + i), squares);
  float lanes[16], sum = 0;
  V::store(lanes, squares);
  for (const float lane : lanes) sum += lane;
  for (; i < cols; ++i) sum += x[i] * x[i];
  return std::sqrt(sum / static_cast<float>(cols));
}

/// Writes to each line of groups [first, last) of a tile once. Other cores have read them for the call before, and
/// give them up in some hundred nanoseconds each: all at once so, else one after the other, as scattered stores are.
void own_lines(const QuantizedRows& tile, int tokens, std::int64_t first, std::int64_t last) {
  const auto own = [&](auto* cells, std::int64_t of_a_group) {
    auto* bytes = reinterpret_cast<volatile char*>(cells + first * tokens * of_a_group);
    const auto count = (last - first) * tokens * of_a_group * static_cast<std::int64_t>(sizeof *cells);
    for (std::int64_t at = 0; at < count; at += 64) bytes[at] = 0;
  };
  own(tile.codes, QuantizedRows::group_bytes(tile.bits));
  own(tile.scales, 1);
  own(tile.minus_sums, QuantizedRows::kSums);
  own(tile.scaled_sums, QuantizedRows::kSums);
}

void quantize_row(const float* x, std::int64_t cols, const QuantizedRows& tile, int token, int tokens,
                  std::int64_t first_group, std::int64_t last_group) {
  const bool eight = tile.bits == ActivationBits::eight;
  if (token == 0) own_lines(tile, tokens, first_group, last_group);
  const auto most_code = static_cast<float>(most_of(tile.bits));
  // By how much a value must exceed its row's root mean square to refine its group. One in twelve of SmolLM2's does,
  // and what eight bits add to its divergence falls to a quarter.
  constexpr float kOutlier = 6;
  const float outlier = eight ? kOutlier * rms_of(x, cols) : 0;
  for (std::int64_t g = first_group; g < last_group; ++g) {
    float padded[kGroup] = {};
    const float* values = x + g * kGroup;
    if (const std::int64_t n = cols - g * kGroup; n < kGroup) values = std::copy_n(values, n, padded) - n;
    F first_half = V::load(values), second_half = V::load(values + 16);
    float most = V::magnitude(first_half, second_half);
    // No code stands for NaN or infinity; the scale makes NaN of all products.
    if (!std::isfinite(most)) {
      most = std::numeric_limits<float>::quiet_NaN();
      first_half = second_half = V::zero();
    }
    // A group so small that its inverse overflows counts as zero.
    const float inverse = most > 1e-30f ? most_code / most : 0.0f, scale = most / most_code;
    const Codes codes(first_half, second_half, inverse);
    store_sums(codes, scale, tile, g, token, tokens);
    if (!eight) {
      store_words_of(codes, tile, g, token, tokens);
      continue;
    }
    store_bytes_of(codes, tile, g, token, tokens);
    const std::int64_t block = g / kBlockGroups;
    if (token == 0 && g % kBlockGroups == 0) tile.num_refined[block] = 0;
    if (!(most > outlier)) continue;
    store_refined(lacking(codes, first_half, second_half, inverse), scale / RefinedCell::kSteps, g, token,
                  tile.refined[block * kBlockGroups * tokens + tile.num_refined[block]++]);
  }
}

}  // namespace
}  // namespace ttt::cpu
