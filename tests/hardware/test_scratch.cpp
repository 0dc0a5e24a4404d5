#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "kernel_scratch.h"
#include "scratch.h"

namespace ttt::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

bool begins_a_line(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

TEST(Scratch, BeginsWithACacheLineAtEachSize) {
  Scratch<float> scratch;
  for (const std::size_t bytes : {std::size_t{4}, std::size_t{100}, kHugePage / 8 + 4, kHugePage, 2 * kHugePage + 4}) {
    SCOPED_TRACE(bytes);
    const std::size_t count = bytes / sizeof(float);
    float* const values = scratch.at_least(count);
    EXPECT_TRUE(begins_a_line(values));
    std::fill_n(values, count, 1.0f);  // the address sanitizer sees what is not there
    EXPECT_TRUE(begins_a_line(kernel_scratch(bytes)));
  }
}

TEST(Scratch, StaysWhereItIsUntilMoreIsAskedFor) {
  Scratch<std::uint16_t> scratch;
  std::uint16_t* const values = scratch.at_least(1000);
  values[999] = 7;
  EXPECT_EQ(scratch.at_least(10), values);
  EXPECT_EQ(scratch.at_least(1000), values);
  EXPECT_EQ(values[999], 7);
  std::byte* const bytes = kernel_scratch(1000);
  EXPECT_EQ(kernel_scratch(10), bytes);
}

}  // namespace
}  // namespace ttt::cpu
