#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ttt/core/error.h"
#include "ttt/hardware/memory_plan.h"

namespace ttt {
namespace {

TEST(MemoryPlan, AddsUpAndFits) {
  const MemoryPlan plan{.device = "d", .weights = 600, .cache = 300, .workspace = 100, .available = 1000};
  EXPECT_EQ(plan.total(), 1000u);
  EXPECT_TRUE(plan.fits());
  EXPECT_NO_THROW(plan.check());
}

TEST(MemoryPlan, WhatDoesNotFitIsToldWithTheNumbers) {
  const MemoryPlan plan{
      .device = "tiny", .weights = 3ull << 30, .cache = 1ull << 30, .workspace = 512ull << 20, .available = 2ull << 30};
  EXPECT_FALSE(plan.fits());
  try {
    plan.check();
    FAIL() << "no error";
  } catch (const DeviceError& e) {
    EXPECT_THAT(e.what(), ::testing::AllOf(::testing::HasSubstr("tiny"), ::testing::HasSubstr("3.0 GiB"),
                                           ::testing::HasSubstr("1.0 GiB"), ::testing::HasSubstr("512.0 MiB"),
                                           ::testing::HasSubstr("2.0 GiB")));
  }
}

TEST(MemoryPlan, UnknownMemoryHoldsEverything) {
  EXPECT_TRUE((MemoryPlan{.device = "d", .weights = ~0ull >> 2, .cache = 0, .workspace = 0, .available = 0}).fits());
}

TEST(FormatBytes, PicksTheUnit) {
  EXPECT_EQ(format_bytes(12), "12 bytes");
  EXPECT_EQ(format_bytes(320ull << 20), "320.0 MiB");
  EXPECT_EQ(format_bytes(3ull << 29), "1.5 GiB");
}

}  // namespace
}  // namespace ttt
