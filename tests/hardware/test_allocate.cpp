#include <gtest/gtest.h>

#include <cstdint>
#include <new>

#include "ttt/core/allocate.h"
#include "ttt/core/error.h"
#include "ttt/hardware/device.h"

namespace ttt {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

TEST(AllocateBytes, AreAlignedAndAllThere) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kHugePage - 1, kHugePage, 3 * kHugePage + 4097}) {
    const auto memory = internal::allocate_bytes(bytes);
    ASSERT_NE(memory, nullptr) << bytes;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 64, 0u) << bytes;
    if (bytes == 0) continue;
    memory.get()[0] = memory.get()[bytes - 1] = std::byte{1};
    EXPECT_EQ(memory.get()[bytes - 1], std::byte{1});
  }
}

TEST(AllocateBytes, MoreThanThereIsIsAnError) {
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - kHugePage, SIZE_MAX / 2}) {
    EXPECT_THROW(internal::allocate_bytes(bytes), std::bad_alloc) << bytes;
    EXPECT_THROW(Device::open(DeviceConfig::auto_detect())->allocate(bytes), DeviceError) << bytes;
  }
}

}  // namespace
}  // namespace ttt
