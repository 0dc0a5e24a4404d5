#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "ttt/core/allocate.h"
#include "ttt/core/error.h"
#include "ttt/hardware/device.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TTT_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TTT_ADDRESS_SANITIZER
#endif
#endif
#if defined(TTT_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

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

TEST(Arena, BlocksDoNotMeet) {
  internal::Arena arena;
  constexpr std::size_t kKiB = 1024;
  std::vector<std::pair<std::shared_ptr<std::byte>, std::size_t>> blocks;
  // Tens of MiB: more than one region.
  for (int i = 0; i < 300; ++i)
    for (const std::size_t bytes : {64 * kKiB - 1, 64 * kKiB, 300 * kKiB + 7}) {
      blocks.emplace_back(arena.allocate(bytes), bytes);
      std::memset(blocks.back().first.get(), i % 251, bytes);
    }
  for (const std::size_t bytes : {16384 * kKiB, 16384 * kKiB + 1}) {
    blocks.emplace_back(arena.allocate(bytes), bytes);
    std::memset(blocks.back().first.get(), 255, bytes);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& [memory, bytes] = blocks[i];
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 64, 0u);
    const auto value = static_cast<std::byte>(i < 900 ? i / 3 % 251 : 255);
    EXPECT_TRUE(std::all_of(memory.get(), memory.get() + bytes, [&](std::byte b) { return b == value; })) << i;
  }
}

TEST(Arena, ARegionLastsAsLongAsItsBlocks) {
  auto arena = std::make_unique<internal::Arena>();
  constexpr std::size_t kBytes = 100'000;
  auto first = arena->allocate(kBytes), second = arena->allocate(kBytes);
  EXPECT_EQ(second.get() - first.get(), 100'096);  // side by side, but for a line
  first.reset();
  arena.reset();
  std::memset(second.get(), 1, kBytes);
  const auto* const freed = second.get();
  second.reset();
#if defined(__linux__)
  unsigned char resident;
  const auto page = reinterpret_cast<std::uintptr_t>(freed) / 4096 * 4096;
  EXPECT_EQ(::mincore(reinterpret_cast<void*>(page), 1, &resident), -1) << "still mapped";
#else
  std::printf("not looked at whether the region went back: only Linux tells what is mapped\n");
#endif
}

TEST(Arena, TheLastBlocksRoomIsTheNextOnes) {
  internal::Arena arena;
  constexpr std::size_t kBytes = 100'000;
  const auto first = arena.allocate(kBytes);
  auto tried = arena.allocate(8 * kBytes);
  const auto* const at = tried.get();
  tried.reset();
  const auto second = arena.allocate(kBytes);
  EXPECT_EQ(second.get(), at);
  auto third = arena.allocate(kBytes);
  const auto fourth = arena.allocate(kBytes);
  third.reset();  // not the last: its room is lost, and no one else's
  const auto fifth = arena.allocate(kBytes);
  EXPECT_GE(fifth.get(), fourth.get() + kBytes);
}

TEST(Arena, IsSharedByThreads) {
  internal::Arena arena;
  std::vector<std::thread> threads;
  std::atomic<int> broken = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::shared_ptr<std::byte>> kept;
      constexpr std::size_t kBytes = 70'000;
      for (int i = 0; i < 300; ++i) {
        kept.push_back(arena.allocate(kBytes));
        std::memset(kept.back().get(), t, kBytes);
        if (i % 3 == 2) kept.erase(kept.begin() + i / 6);
        arena.allocate(2 * kBytes);  // freed at once
      }
      for (const auto& block : kept)
        broken += !std::all_of(block.get(), block.get() + kBytes, [&](std::byte b) { return b == std::byte(t); });
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(broken, 0);
}

TEST(Arena, TheAddressSanitizerSeesItsBlocks) {
#if defined(TTT_ADDRESS_SANITIZER)
  internal::Arena arena;
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  for (const std::size_t bytes : {kMiB, kMiB + 3, 3 * kMiB, 20 * kMiB + 64}) {
    auto memory = arena.allocate(bytes);
    const auto other = arena.allocate(bytes);
    const auto* const p = memory.get();
    EXPECT_FALSE(__asan_address_is_poisoned(p));
    EXPECT_FALSE(__asan_address_is_poisoned(p + bytes - 1));
    EXPECT_TRUE(__asan_address_is_poisoned(p + bytes));
    memory.reset();
    if (bytes < 16 * kMiB) EXPECT_TRUE(__asan_address_is_poisoned(p));
  }
#else
  GTEST_SKIP() << "built without the address sanitizer";
#endif
}

TEST(AllocateBytes, MoreThanThereIsIsAnError) {
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - kHugePage, SIZE_MAX / 2}) {
    EXPECT_THROW(internal::allocate_bytes(bytes), std::bad_alloc) << bytes;
    EXPECT_THROW(Device::open(DeviceConfig::auto_detect())->allocate(bytes), DeviceError) << bytes;
  }
}

}  // namespace
}  // namespace ttt
