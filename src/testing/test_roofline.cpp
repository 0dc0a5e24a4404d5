#include <gtest/gtest.h>

#include <array>

#include "isa_levels.h"
#include "ttt/core/error.h"
#include "ttt/hardware/roofline.h"
#include "ttt/ops/attention.h"
#include "ttt/ops/linear.h"
#include "ttt/ops/moe.h"
#include "ttt/testing/memory_weights.h"

namespace ttt {
namespace {

std::shared_ptr<const ops::PackedMatrix> random_matrix(Device& device, std::int64_t rows, std::int64_t cols) {
  const Shape shape{rows, cols};
  const auto values = testing::random_values(static_cast<std::size_t>(shape.count()), 1);
  const std::array<Tensor, 1> parts{Tensor::from<float>(values, shape)};
  return ops::run<ops::PackMatrix>(device, {parts});
}

/// A device that counts.
struct Counted {
  std::shared_ptr<WorkCounter> counter = std::make_shared<WorkCounter>();
  std::unique_ptr<Device> device =
      Device::open(DeviceConfig::auto_detect(), {.threads = 2, .log = silent_log(), .work_counter = counter});
};

TEST(Roofline, TheSlowerOfMemoryAndArithmeticBoundsTheTime) {
  const Roofline roofline{0, 100.0, {{"slow", 10.0}, {"fast", 1000.0}}};
  EXPECT_EQ(roofline.peak().instruction, "fast");
  EXPECT_DOUBLE_EQ(roofline.least_seconds({.flops = 2000, .bytes = 100}), 2.0);
  EXPECT_DOUBLE_EQ(roofline.least_seconds({.flops = 2000, .bytes = 400}), 4.0);
  EXPECT_DOUBLE_EQ(roofline.share({.flops = 2000, .bytes = 400}, 8.0), 0.5);
}

TEST(Roofline, LinearReadsItsWeightsOnce) {
  Counted c;
  const auto matrix = random_matrix(*c.device, 48, 32);
  std::vector<float> x(3 * 32, 1.0f), y(3 * 48);
  ops::run<ops::Linear>(*c.device, {.weight = *matrix, .x = {x.data(), 3, 32}, .y = {y.data(), 3, 48}});
  EXPECT_EQ(c.counter->total().flops, 2u * 48 * 32 * 3);
  EXPECT_EQ(c.counter->total().bytes, matrix->bytes());
  ops::run<ops::GatedLinear>(*c.device,
                             {.gate = *matrix, .up = *matrix, .x = {x.data(), 3, 32}, .y = {y.data(), 3, 48}});
  EXPECT_EQ(c.counter->total().flops, 3 * 2u * 48 * 32 * 3);
  EXPECT_EQ(c.counter->total().bytes, 3 * matrix->bytes());
  c.counter->reset();
  EXPECT_EQ(c.counter->total().flops, 0u);
}

TEST(Roofline, OnlyChosenExpertsCount) {
  Counted c;
  const auto matrix = random_matrix(*c.device, 32, 32);
  const ops::Expert expert{matrix.get(), matrix.get(), matrix.get()};
  const std::vector<ops::Expert> all(4, expert);
  const std::array<std::int32_t, 4> chosen{0, 2, 1, 2};  // two tokens, two experts each
  const std::array<float, 4> weights{0.5f, 0.5f, 0.5f, 0.5f};
  std::vector<float> x(2 * 32, 1.0f), y(2 * 32);
  const auto work = ops::Experts::work(
      {.all = all, .chosen = chosen, .weights = weights, .x = {x.data(), 2, 32}, .y = {y.data(), 2, 32}});
  EXPECT_EQ(work.flops, 4u * 3 * 2 * 32 * 32);
  EXPECT_EQ(work.bytes, 3u * 3 * matrix->bytes());
}

TEST(Roofline, AttentionSeesWhatItsMaskShows) {
  constexpr int kHeads = 6, kKvHeads = 2, kDim = 16, kPage = 64;
  const auto layout = ops::KvLayout::make(DType::f16, kPage, kKvHeads, kDim, kDim);
  const std::array<ops::SequenceRows, 2> sequences{
      {{0, 1, 99}, {1, 4, 0}}};  // a decode step at depth 99, and a prompt of 4
  const ops::BatchPlan plan{{}, {}, sequences};
  const auto work = [&](Mask mask) {
    return ops::Attention::work({.plan = plan,
                                 .cache = {layout, nullptr, {}},
                                 .q = {},
                                 .out = {},
                                 .num_heads = kHeads,
                                 .mask = mask,
                                 .scale = 1.0f});
  };
  constexpr std::uint64_t kFlops = 2 * kHeads * 2 * kDim, kBytes = 2 * kKvHeads * kDim * 2;
  EXPECT_EQ(work(Mask::causal()).flops, kFlops * (100 + 1 + 2 + 3 + 4));
  EXPECT_EQ(work(Mask::causal()).bytes, kBytes * (100 + 4));
  EXPECT_EQ(work(Mask::window(3)).flops, kFlops * (3 + 1 + 2 + 3 + 3));
  EXPECT_EQ(work(Mask::window(3)).bytes, kBytes * (3 + 4));
  EXPECT_EQ(work(Mask::bidirectional()).flops, kFlops * (100 + 4 * 4));
}

TEST(Roofline, MeasuredOnEveryLevel) {
  for (const auto& isa : test::isa_levels()) {
    const auto exact = test::open_level(isa, Precision::exact)->measure_roofline(1 << 20);
    const auto standard = test::open_level(isa, Precision::standard)->measure_roofline(1 << 20);
    for (const auto& roofline : {exact, standard}) {
      EXPECT_EQ(roofline.working_set, 1u << 20);
      EXPECT_GT(roofline.bytes_per_second, 0) << isa;
      for (const auto& peak : roofline.peaks) {
        EXPECT_GT(peak.flops_per_second, 0) << peak.instruction;
        std::printf("%s: %s %.3f TFLOP/s\n", isa.c_str(), peak.instruction.c_str(), peak.flops_per_second / 1e12);
      }
    }
    EXPECT_GE(standard.peaks.size(), exact.peaks.size());
  }
}

TEST(Roofline, PlannedDevicesHaveNone) {
  class Planned : public Device {
   public:
    Planned() : Device(DeviceConfig::named("wormhole_b0"), {}), kernels_(silent_log()) {}
    const ops::KernelTable& kernels() const override { return kernels_; }
    int num_threads() const override { return 1; }
    std::shared_ptr<std::byte> allocate(std::size_t) override { return nullptr; }
    std::shared_ptr<const float> upload(const Tensor&) override { return nullptr; }

   private:
    ops::KernelTable kernels_;
  };
  EXPECT_THROW(Planned().measure_read_rate(1), DeviceError);
  EXPECT_THROW(Planned().measure_peaks(), DeviceError);
  EXPECT_THROW(Planned().measure_roofline(1), DeviceError);
}

}  // namespace
}  // namespace ttt
