#pragma once
// Quantising activations (QuantizedRows) over a level's primitives `V`. See linear_kernels_impl.h.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "linear_kernels.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;

/// The largest |code|.
constexpr int most_of(ActivationBits bits) { return bits == ActivationBits::eight ? 127 : V::kMostHigh * 128; }

/// Turns values up to `most` into codes up to `most_code`.
struct Step {
  float inverse, scale;

  /// Values so small that their inverse overflows count as zero.
  Step(float most, int most_code)
      : inverse(most > 1e-30f ? static_cast<float>(most_code) / most : 0.0f),
        scale(most / static_cast<float>(most_code)) {}
};

/// A group's values, in steps, rounded to codes.
struct Codes {
  V::I halves[2];
  std::int32_t sums[3];  ///< of both halves, of all

  Codes(F first, F second)
      : halves{V::round(first), V::round(second)}, sums{V::sum_of(halves[0]), V::sum_of(halves[1])} {
    sums[2] = sums[0] + sums[1];
  }
};

/// Stores a first cell's scale and sums, for token `token` of a tile of `tokens`.
void store_sums(const Codes& codes, float scale, const QuantizedRows& tile, std::int64_t group, int token, int tokens) {
  if (tile.scale_of == ScaleOf::block) {
    const std::int64_t block = group / kBlockGroups, in_block = group % kBlockGroups;
    tile.scales[block * tokens + token] = scale;
    std::int16_t* sums = tile.block_sums + block * QuantizedRows::kBlockSums * tokens;
    const auto at = [&](std::int64_t pair) { return sums + (pair * tokens + token) * 2; };
    for (int half = 0; half < 2; ++half) at(in_block)[half] = static_cast<std::int16_t>(codes.sums[half]);
    at(QuantizedRows::kHalves + in_block / 2)[in_block % 2] = static_cast<std::int16_t>(codes.sums[2]);
    return;
  }
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

/// Writes cells for what values, in steps of `scale`, lack by their codes. Returns how many.
int store_lacking(Codes codes, F first, F second, float scale, std::int64_t group, int token, RefinedCell* cells) {
  // What steps as long as these lose is little beside what the block's other columns lose.
  constexpr float kLongStep = 4;
  const auto lack = [](F values, V::I code, float step) { return V::fma(V::to_float(code), V::set1(-step), values); };
  float step = 1;
  int count = 0;
  do {
    first = lack(first, codes.halves[0], step);
    second = lack(second, codes.halves[1], step);
    const Step next(V::magnitude(first, second), most_of(ActivationBits::eight));
    codes = Codes(V::mul(first, V::set1(next.inverse)), V::mul(second, V::set1(next.inverse)));
    step = next.scale;
    store_refined(codes, scale * step, group, token, cells[count++]);
  } while (count < QuantizedRows::kMostRefined && step > kLongStep);
  return count;
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
  const auto own = [&](auto* cells, std::int64_t from, std::int64_t to, std::int64_t of_each) {
    auto* bytes = reinterpret_cast<volatile char*>(cells + from * tokens * of_each);
    const auto count = (to - from) * tokens * of_each * static_cast<std::int64_t>(sizeof *cells);
    for (std::int64_t at = 0; at < count; at += 64) bytes[at] = 0;
  };
  own(tile.codes, first, last, QuantizedRows::group_bytes(tile.bits));
  if (tile.scale_of == ScaleOf::block) {
    own(tile.scales, first / kBlockGroups, last / kBlockGroups, 1);
    own(tile.block_sums, first / kBlockGroups, last / kBlockGroups, QuantizedRows::kBlockSums);
    return;
  }
  own(tile.scales, first, last, 1);
  own(tile.minus_sums, first, last, QuantizedRows::kSums);
  own(tile.scaled_sums, first, last, QuantizedRows::kSums);
}

/// A group's values, and the largest of them.
struct GroupValues {
  F first, second;
  float most;  ///< NaN where one is not finite: the values are zero then, as no code stands for such
};

GroupValues group_values(const float* x, std::int64_t cols, std::int64_t group) {
  float padded[kGroup] = {};
  const float* values = x + group * kGroup;
  if (const std::int64_t n = cols - group * kGroup; n < kGroup) values = std::copy_n(values, n, padded) - n;
  const F first = V::load(values), second = V::load(values + 16);
  const float most = V::magnitude(first, second);
  if (!std::isfinite(most)) return {V::zero(), V::zero(), std::numeric_limits<float>::quiet_NaN()};
  return {first, second, most};
}

/// The largest value of the groups in which none stands out, or, where that is next to nothing, the least that would
/// stand out. NaN where one is not finite.
float most_of_block(std::span<const GroupValues> groups, float outlier) {
  float most = 0;
  for (const auto& group : groups) {
    if (std::isnan(group.most)) return group.most;
    if (!(group.most > outlier)) most = std::max(most, group.most);
  }
  constexpr float kNothing = 1e-6f;
  return most < kNothing * outlier && std::isfinite(outlier) ? outlier : most;
}

/// Of one token, up to a block from group `first` on.
void quantize_block(std::span<const GroupValues> groups, float outlier, const QuantizedRows& tile, std::int64_t first,
                    int token, int tokens) {
  const bool eight = tile.bits == ActivationBits::eight, of_block = tile.scale_of == ScaleOf::block;
  const float shared = of_block ? most_of_block(groups, outlier) : 0;
  const std::int64_t block = first / kBlockGroups;
  RefinedCell* refined = eight ? tile.refined + block * kBlockGroups * QuantizedRows::kMostRefined * tokens : nullptr;
  if (eight && token == 0) tile.num_refined[block] = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const GroupValues& group = groups[i];
    const std::int64_t g = first + static_cast<std::int64_t>(i);
    const int most_code = most_of(tile.bits);
    const Step step(of_block ? shared : group.most, most_code);
    // What stands out of a block ends where its scale does.
    const F most = V::set1(static_cast<float>(most_code)), least = V::set1(static_cast<float>(-most_code));
    const auto limited = [&](F steps) { return of_block ? V::max(V::min(steps, most), least) : steps; };
    const F first_half = V::mul(group.first, V::set1(step.inverse)),
            second_half = V::mul(group.second, V::set1(step.inverse));
    const Codes codes(limited(first_half), limited(second_half));
    store_sums(codes, step.scale, tile, g, token, tokens);
    if (!eight) {
      store_words_of(codes, tile, g, token, tokens);
      continue;
    }
    store_bytes_of(codes, tile, g, token, tokens);
    if (group.most > outlier)
      tile.num_refined[block] += static_cast<std::uint8_t>(
          store_lacking(codes, first_half, second_half, step.scale, g, token, refined + tile.num_refined[block]));
  }
}

void quantize_row(const float* x, std::int64_t cols, const QuantizedRows& tile, int token, int tokens,
                  std::int64_t first, std::int64_t last) {
  if (token == 0) own_lines(tile, tokens, first, last);
  // By how much a value must exceed its row's root mean square to refine its group. One in twelve of SmolLM2's does,
  // and what eight bits add to its divergence falls to a quarter.
  constexpr float kOutlier = 6;
  const float outlier = tile.bits == ActivationBits::eight ? kOutlier * rms_of(x, cols) : 0;
  for (; first < last; first += kBlockGroups) {
    GroupValues groups[kBlockGroups];
    const std::int64_t count = std::min<std::int64_t>(kBlockGroups, last - first);
    for (std::int64_t g = 0; g < count; ++g) groups[g] = group_values(x, cols, first + g);
    quantize_block({groups, static_cast<std::size_t>(count)}, outlier, tile, first, token, tokens);
  }
}

}  // namespace
}  // namespace ttt::cpu
