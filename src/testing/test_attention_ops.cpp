#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <tuple>

#include "isa_levels.h"
#include "ttt/building_blocks/step.h"
#include "ttt/ops/attention.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/memory_weights.h"

namespace ttt::test {
namespace {

using testing::random_values;

struct Case {
  int num_heads, num_kv_heads, k_dim, v_dim;
  DType dtype = DType::f32;
  std::optional<int> window = std::nullopt;
  float softcap = 0;
  bool sinks = false;
  int rotary_dim = 0;
  ops::RotaryStyle style = ops::RotaryStyle::half;
  int page_size = 64;
  int stale = 0;  ///< each byte of the cache before the first step
};

/// Appends random rows in chunks and attends after each; returns all outputs of one sequence.
std::vector<float> run(const Case& c, const std::string& isa, int threads, const std::vector<std::size_t>& chunks,
                       bool reference, bool crowd = false) {
  auto config = DeviceConfig::named("x86-" + isa);
  config.overrides["attention"] = {{"page_size", c.page_size}, {"kv_split", 8 * c.page_size}};
  const auto device =
      Device::open(std::move(config), {.threads = threads, .precision = Precision::exact, .log = silent_log()});
  const KvCache::Config cache_config{.layers = {{c.num_kv_heads, c.k_dim, c.v_dim, c.window}},
                                     .max_tokens = 4096,
                                     .dtype = c.dtype,
                                     .max_sequences = 2,
                                     .max_step_tokens = 1024};
  KvCache cache(cache_config, *device);
  Step step(cache, *device);
  const auto sequence = cache.create(), other = cache.create();
  const auto q_cols = c.num_heads * c.k_dim, k_cols = c.num_kv_heads * c.k_dim, v_cols = c.num_kv_heads * c.v_dim,
             out_cols = c.num_heads * c.v_dim;
  const auto sinks = random_values(static_cast<std::size_t>(c.num_heads), 9);
  std::memset(step.cache_layer(0).storage, c.stale, KvCache::bytes_for(cache_config, device->config()));
  std::vector<float> all;
  std::size_t position = 0;
  for (const auto chunk : chunks) {
    step.clear();
    const std::size_t before = crowd ? 3 : 0, rows = chunk + before;
    if (crowd) step.add(other, std::vector<std::int32_t>(before, 0), LogitRows::none);
    step.add(sequence, std::vector<std::int32_t>(chunk, 0), LogitRows::none);
    std::vector<float> q, k, v;
    const auto add_row = [&](std::uint64_t seed) {
      for (auto [out, cols, salt] : {std::tuple{&q, q_cols, 1}, {&k, k_cols, 2}, {&v, v_cols, 3}}) {
        const auto values = random_values(static_cast<std::size_t>(cols), seed * 10 + static_cast<std::uint64_t>(salt));
        out->insert(out->end(), values.begin(), values.end());
      }
    };
    for (std::size_t i = 0; i < before; ++i) add_row(100000 + position + i);
    for (std::size_t i = 0; i < chunk; ++i) add_row(position + i + 1);
    const auto n = static_cast<std::int64_t>(rows);
    std::vector<float> cos(rows * static_cast<std::size_t>(c.rotary_dim) / 2), sin(cos.size());
    const auto positions = step.plan().positions;
    for (std::size_t i = 0; i < cos.size(); ++i) {
      const auto half = static_cast<std::size_t>(c.rotary_dim) / 2;
      const double angle =
          positions[i / half] * std::pow(100.0, -static_cast<double>(i % half) / static_cast<double>(half));
      cos[i] = static_cast<float>(std::cos(angle));
      sin[i] = static_cast<float>(std::sin(angle));
    }
    std::vector<float> out(rows * static_cast<std::size_t>(out_cols));
    const auto plan = step.plan();
    const ops::RotaryAppend::Args append{.plan = plan,
                                         .cache = step.cache_layer(0),
                                         .q = {q.data(), n, q_cols},
                                         .k = {k.data(), n, k_cols},
                                         .v = {v.data(), n, v_cols},
                                         .num_heads = c.num_heads,
                                         .rotary_dim = c.rotary_dim,
                                         .style = c.style,
                                         .cos = {cos.data(), n, c.rotary_dim / 2},
                                         .sin = {sin.data(), n, c.rotary_dim / 2}};
    const ops::Attention::Args attend{.plan = plan,
                                      .cache = step.cache_layer(0),
                                      .q = {q.data(), n, q_cols},
                                      .out = {out.data(), n, out_cols},
                                      .num_heads = c.num_heads,
                                      .mask = {Mask::Kind::causal, c.window},
                                      .scale = 0.3f,
                                      .softcap = c.softcap,
                                      .sinks = c.sinks ? sinks.data() : nullptr};
    if (reference) {
      ops::RotaryAppend::reference(*device, append);
      ops::Attention::reference(*device, attend);
    } else {
      ops::run<ops::RotaryAppend>(*device, append);
      ops::run<ops::Attention>(*device, attend);
    }
    step.commit();
    all.insert(all.end(), out.begin() + static_cast<std::ptrdiff_t>(before) * out_cols, out.end());
    position += chunk;
  }
  return all;
}

const std::vector<Case> kCases{{4, 2, 16, 16},
                               {3, 3, 20, 20},
                               {9, 3, 64, 64, DType::f16},
                               {8, 1, 40, 24, DType::bf16},
                               {6, 2, 36, 36, DType::i8},
                               {4, 4, 128, 128, DType::f16, 13},
                               {4, 1, 80, 80, DType::f32, 100, 5.0f},
                               {20, 1, 24, 24, DType::f32, std::nullopt, 0, true},
                               {4, 2, 96, 96, DType::f16, std::nullopt, 0, false, 96},
                               {2, 1, 48, 48, DType::f32, std::nullopt, 3.0f, true, 20, ops::RotaryStyle::interleaved}};

class AttentionOps : public ::testing::TestWithParam<std::string> {};

TEST_P(AttentionOps, FollowsTheReference) {
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const auto got = run(kCases[i], GetParam(), 2, {70, 1, 40}, false),
               want = run(kCases[i], GetParam(), 2, {70, 1, 40}, true);
    EXPECT_LE(testing::compare(got, want).max_abs_diff, 2e-5) << "case " << i;
  }
}

TEST_P(AttentionOps, LongContextsAreSplitAndJoined) {
  for (const auto& c : {Case{2, 1, 16, 16}, Case{2, 1, 16, 16, DType::f16, 600},
                        Case{2, 2, 16, 16, DType::f32, std::nullopt, 0, true}}) {
    const auto got = run(c, GetParam(), 2, {1000, 300, 1}, false), want = run(c, GetParam(), 2, {1000, 300, 1}, true);
    EXPECT_LE(testing::compare(got, want).max_abs_diff, 2e-5);
    EXPECT_EQ(run(c, GetParam(), 3, {400, 600, 77, 224}, false), got) << "other chunks";
  }
}

TEST_P(AttentionOps, PagesMayHaveAnySize) {
  for (const auto dtype : {DType::f16, DType::i8})
    for (const int page_size : {16, 48, 64, 96, 128, 160}) {
      const Case c{.num_heads = 8,
                   .num_kv_heads = 2,
                   .k_dim = 16,
                   .v_dim = 24,
                   .dtype = dtype,
                   .window = 150,
                   .softcap = 7.0f,
                   .page_size = page_size};
      const auto got = run(c, GetParam(), 2, {200, 1, 130}, false), want = run(c, GetParam(), 2, {200, 1, 130}, true);
      EXPECT_LE(testing::compare(got, want).max_abs_diff, 2e-5) << name(dtype) << " " << page_size;
    }
}

TEST_P(AttentionOps, BitsDependNeitherOnThreadsNorChunksNorTheBatch) {
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const auto whole = run(kCases[i], GetParam(), 1, {90}, false);
    EXPECT_EQ(run(kCases[i], GetParam(), 2, {90}, false), whole) << i;
    EXPECT_EQ(run(kCases[i], GetParam(), 4, {90}, false), whole) << i;
    EXPECT_EQ(run(kCases[i], GetParam(), 2, std::vector<std::size_t>(90, 1), false), whole) << i;
    EXPECT_EQ(run(kCases[i], GetParam(), 2, {50, 3, 37}, false, true), whole) << i;
  }
}

TEST_P(AttentionOps, WhatAnEarlierSequenceLeftInAPageIsNotSeen) {
  for (const auto dtype : {DType::f32, DType::f16, DType::bf16, DType::i8})
    for (const std::optional<int> window : {std::optional<int>(), std::optional(20)}) {
      Case c{.num_heads = 4, .num_kv_heads = 2, .k_dim = 20, .v_dim = 20, .dtype = dtype, .window = window};
      const auto clean = run(c, GetParam(), 2, {70, 1, 3}, false);
      c.stale = 0xff;  // NaN of any element type, and of the scales of i8
      EXPECT_EQ(run(c, GetParam(), 2, {70, 1, 3}, false), clean) << name(dtype);
    }
}

/// A cache of one head of 16 columns and pages of 16, whose splits have 32 keys.
struct SmallCache {
  static constexpr std::int64_t kCols = 16;
  std::unique_ptr<Device> device;
  KvCache cache;
  Step step{cache, *device};

  SmallCache(const std::string& isa, DType dtype)
      : device(open(isa)),
        cache({.layers = {{1, kCols, kCols, std::nullopt}}, .max_tokens = 128, .dtype = dtype, .max_step_tokens = 128},
              *device) {}

  static std::unique_ptr<Device> open(const std::string& isa) {
    auto config = DeviceConfig::named("x86-" + isa);
    config.overrides["attention"] = {{"page_size", 16}, {"kv_split", 32}};
    return Device::open(std::move(config), {.threads = 2, .precision = Precision::exact, .log = silent_log()});
  }

  /// Appends rows to a sequence, whose outputs it returns.
  std::vector<float> attend(KvCache::Sequence sequence, const std::vector<float>& k, const std::vector<float>& v,
                            float softcap, bool reference) {
    step.clear();
    step.add(sequence, std::vector<std::int32_t>(k.size() / kCols, 0), LogitRows::none);
    const auto plan = step.plan();
    const auto rows = static_cast<std::int64_t>(k.size()) / kCols;
    auto q = random_values(k.size(), 3);
    const float sink = 0.5f;
    std::vector<float> out(k.size());
    const ops::RotaryAppend::Args append{.plan = plan,
                                         .cache = step.cache_layer(0),
                                         .q = {q.data(), rows, kCols},
                                         .k = {k.data(), rows, kCols},
                                         .v = {v.data(), rows, kCols},
                                         .num_heads = 1,
                                         .cos = {},
                                         .sin = {}};
    const ops::Attention::Args attend{.plan = plan,
                                      .cache = step.cache_layer(0),
                                      .q = {q.data(), rows, kCols},
                                      .out = {out.data(), rows, kCols},
                                      .num_heads = 1,
                                      .mask = Mask::causal(),
                                      .scale = 0.3f,
                                      .softcap = softcap,
                                      .sinks = &sink};
    reference ? ops::RotaryAppend::reference(*device, append) : ops::run<ops::RotaryAppend>(*device, append);
    reference ? ops::Attention::reference(*device, attend) : ops::run<ops::Attention>(*device, attend);
    step.commit();
    return out;
  }
};

/// Keys and values that are no numbers make none of what sees them, and nothing of the next sequence in their pages.
TEST_P(AttentionOps, WhatIsNoNumberStaysSoInItsSequence) {
  constexpr std::size_t kCols = SmallCache::kCols, kBefore = 10, kAfter = 118, kColumn = 5;
  const auto k = random_values(kBefore * kCols, 1), v = random_values(kBefore * kCols, 2);
  for (const auto dtype : {DType::f32, DType::f16, DType::bf16, DType::i8})
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
      for (const bool in_key : {true, false})
        for (const float softcap : {0.0f, 5.0f})
          for (const bool reference : {true, false}) {
            if (std::isinf(value) && dtype != DType::i8) continue;  // some are scores of minus infinity
            SCOPED_TRACE(std::string(name(dtype)) + (in_key ? ", key" : ", value") + (reference ? ", reference" : ""));
            SmallCache small(GetParam(), dtype);
            const auto first = small.cache.create();
            const auto before = small.attend(first, k, v, softcap, reference);
            auto more_k = random_values(kAfter * kCols, 4), more_v = random_values(kAfter * kCols, 5);
            for (std::size_t row = 0; row < kAfter; row += 16)
              (in_key ? more_k : more_v)[row * kCols + kColumn] = value;
            const auto after = small.attend(first, more_k, more_v, softcap, reference);
            for (std::size_t row = 0; row < kAfter; ++row)
              ASSERT_FALSE(std::isfinite(after[row * kCols + kColumn])) << "row " << row;
            // The last page that is given back is the first that is given out: full, its slot behind the next ones bad.
            small.cache.drop(first);
            EXPECT_EQ(small.attend(small.cache.create(), k, v, softcap, reference), before);
          }
}

/// Values near the least of f32, whose inverse is infinite, have codes too.
TEST_P(AttentionOps, TinyValuesOfAnEightBitCache) {
  for (const bool reference : {true, false}) {
    SmallCache small(GetParam(), DType::i8);
    const std::vector<float> tiny(SmallCache::kCols, 1e-40f);
    for (const float out : small.attend(small.cache.create(), tiny, tiny, 0.0f, reference))
      EXPECT_LE(std::abs(out), 1e-39f);
  }
}

/// A score so far below the largest that its weight would be subnormal counts for nothing, before the largest or beside
/// it: processors are slow with such numbers, which are nothing beside 1.
TEST_P(AttentionOps, WeightsAreNeverSubnormal) {
  constexpr std::size_t kCols = SmallCache::kCols;
  for (const std::size_t small_keys : {1, 16}) {                // the largest is in their block, or in the next
    const auto q = random_values((small_keys + 1) * kCols, 3);  // as SmallCache asks
    const std::span<const float> last(q.data() + small_keys * kCols, kCols);
    float square = 0;
    for (const float x : last) square += x * x;
    std::vector<float> k, v(small_keys * kCols, 1e35f);
    for (std::size_t key = 0; key <= small_keys; ++key)
      for (const float x : last) k.push_back(x * (key == small_keys ? 10.0f : -85.0f) / (0.3f * square));
    v.resize(k.size(), 0.0f);
    SmallCache small(GetParam(), DType::f32);
    const auto out = small.attend(small.cache.create(), k, v, 0.0f, false);
    for (const float value : std::span(out).subspan(small_keys * kCols)) EXPECT_EQ(value, 0.0f) << small_keys;
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, AttentionOps, ::testing::ValuesIn(isa_levels()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
