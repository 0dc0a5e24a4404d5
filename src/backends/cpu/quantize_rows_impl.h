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

/// Turns values up to `most` into codes up to `most_code`.
struct Step {
  float inverse, scale;

  /// Values so small that their inverse overflows count as zero.
  Step(float most, int most_code)
      : inverse(most > 1e-30f ? static_cast<float>(most_code) / most : 0.0f),
        scale(most / static_cast<float>(most_code)) {}
};

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

bool has_minus_sums(const QuantizedRows& x) { return x.scale_of != ScaleOf::block || !kAddsInWords; }

/// Stores a cell's scale and sums, for token `token` of a tile of `tokens`.
void store_sums(const Codes& codes, float scale, const QuantizedRows& tile, std::int64_t group, int token, int tokens) {
  const auto at_sum = [&](int i) { return (group * QuantizedRows::kSums + i) * tokens + token; };
  if (has_minus_sums(tile))
    for (int i = 0; i < QuantizedRows::kSums; ++i)
      tile.minus_sums[at_sum(i)] = -codes.sums[i] * (1 << QuantizedRows::kZeroLog2);
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
  for (int i = 0; i < QuantizedRows::kSums; ++i)
    tile.scaled_sums[at_sum(i)] = scale * static_cast<float>(codes.sums[i]);
}

/// A cell of eight bits.
void store_bytes_of(const Codes& codes, const QuantizedRows& tile, std::int64_t group, int token, int tokens) {
  alignas(64) std::int8_t bytes[kGroup];
  for (int half = 0; half < 2; ++half) V::store_i8(bytes + half * 16, codes.halves[half]);
  for (int quad = 0; quad < kQuads; ++quad)
    std::memcpy(tile.codes + ((group * kQuads + quad) * tokens + token) * 4, bytes + quad * 4, 4);
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
  for (int half = 0; half < 2; ++half) V::store_i16_pairs(words + half * 16, codes.halves[half]);
  std::int16_t* to = tile.words() + (group * tokens * kPairs + token) * 2;
  for (int pair = 0; pair < kPairs; ++pair, to += 2 * tokens) std::memcpy(to, words + pair * 2, 4);
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
  if (has_minus_sums(tile)) own(tile.minus_sums, first, last, QuantizedRows::kSums);
  if (tile.scale_of == ScaleOf::block) {
    own(tile.scales, first / kBlockGroups, last / kBlockGroups, 1);
    own(tile.block_sums, first / kBlockGroups, last / kBlockGroups, QuantizedRows::kBlockSums);
    return;
  }
  own(tile.scales, first, last, 1);
  own(tile.scaled_sums, first, last, QuantizedRows::kSums);
}

/// A group's values, and the largest of them.
struct GroupValues {
  alignas(64) float values[kGroup];
  float most;  ///< NaN where one is not finite: the values are zero then, as no code stands for such

  void find_most() { most = V::magnitude(V::load(values), V::load(values + 16)); }
};

void load_group(const float* x, std::int64_t cols, std::int64_t group, GroupValues& to) {
  const float* from = x + group * kGroup;
  if (const std::int64_t count = cols - group * kGroup; count < kGroup) {
    std::fill(std::copy_n(from, count, to.values), std::end(to.values), 0.0f);
    to.find_most();
  } else {  // vector by vector: in other pieces, they would be read back with a delay
    const F first = V::load(from), second = V::load(from + 16);
    V::store(to.values, first);
    V::store(to.values + 16, second);
    to.most = V::magnitude(first, second);
  }
  if (std::isfinite(to.most)) return;
  std::ranges::fill(to.values, 0.0f);
  to.most = std::numeric_limits<float>::quiet_NaN();
}

/// Takes what is larger than `outlier` out of a token's block of groups, unless so many are that they do not stand out.
/// Returns how many.
int take_outliers(std::span<GroupValues> groups, float outlier, std::int64_t token, Outlier* to) {
  int count = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (!(groups[g].most > outlier)) continue;
    for (int column = 0; column < kGroup; ++column) {
      const float value = groups[g].values[column];
      if (!(std::fabs(value) > outlier)) continue;
      if (count == Outliers::kMost) return 0;
      to[count++] = {value, static_cast<std::int32_t>(token), static_cast<std::uint8_t>(g),
                     static_cast<std::uint8_t>(column)};
    }
  }
  for (int i = 0; i < count; ++i) groups[to[i].group].values[to[i].column] = 0;
  for (auto& group : groups)
    if (group.most > outlier) group.find_most();
  return count;
}

/// The largest of what is left in the groups; NaN where one group's is.
float most_of_block(std::span<const GroupValues> groups) {
  float most = 0;
  for (const auto& group : groups) {
    if (std::isnan(group.most)) return group.most;
    most = std::max(most, group.most);
  }
  return most;
}

/// The largest of a group's values and of the sums of two neighbours, NaN where one is not finite. Codes up to it add
/// up to no more than the largest code and one, by rounding.
float most_of_pairs(const GroupValues& group) {
  const auto sums = [&](int at) { return V::add_neighbours(V::load(group.values + at)); };
  const float most = std::max(group.most, V::magnitude(sums(0), sums(16)));
  return std::isfinite(most) ? most : std::numeric_limits<float>::quiet_NaN();
}

void quantize_row(const float* x, std::int64_t cols, const QuantizedRows& tile, int token, int tokens,
                  std::int64_t first, std::int64_t last) {
  const bool eight = tile.bits == ActivationBits::eight, of_block = tile.scale_of == ScaleOf::block;
  if (token == 0) own_lines(tile, tokens, first, last);
  // By how much a value must exceed its row's root mean square to stand out. In one group of twelve of SmolLM2's one
  // does.
  constexpr float kOutlier = 6;
  const float outlier = eight ? kOutlier * rms_of(x, cols) : 0;
  for (; first < last; first += kBlockGroups) {
    GroupValues room[kBlockGroups];
    const std::span<GroupValues> groups(room,
                                        static_cast<std::size_t>(std::min<std::int64_t>(kBlockGroups, last - first)));
    for (std::size_t g = 0; g < groups.size(); ++g)
      load_group(x, cols, first + static_cast<std::int64_t>(g), groups[g]);
    if (eight) {
      const std::int64_t row = tile.first_token + token, block = first / kBlockGroups;
      tile.outliers.num_found_at(row, block) =
          static_cast<std::uint8_t>(take_outliers(groups, outlier, row, tile.outliers.found_at(row, block)));
    }
    const float shared = of_block ? most_of_block(groups) : 0;
    const auto most = [&](const GroupValues& group) {
      return of_block ? shared : tile.scale_of == ScaleOf::pairs ? most_of_pairs(group) : group.most;
    };
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::int64_t g = first + static_cast<std::int64_t>(i);
      const Step step(most(groups[i]), most_of(tile.bits));
      const Codes codes(V::load(groups[i].values), V::load(groups[i].values + 16), step.inverse);
      store_sums(codes, step.scale, tile, g, token, tokens);
      if (eight)
        store_bytes_of(codes, tile, g, token, tokens);
      else
        store_words_of(codes, tile, g, token, tokens);
    }
  }
}

}  // namespace
}  // namespace ttt::cpu
