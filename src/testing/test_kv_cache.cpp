#include <gtest/gtest.h>

#include "ttt/building_blocks/cache/kv_cache.h"
#include "ttt/core/error.h"

namespace ttt {
namespace {

class KvCacheTest : public ::testing::Test {
 protected:
  KvCache make(std::int64_t max_tokens, int max_sequences, std::optional<int> window = std::nullopt) {
    return KvCache({.layers = {{1, 4, 4, window}, {1, 4, 4, std::nullopt}},
                    .max_tokens = max_tokens,
                    .dtype = DType::f32,
                    .max_sequences = max_sequences,
                    .max_step_tokens = 64},
                   *device_);
  }
  static void write(KvCache& cache, KvCache::Sequence s, int count) {
    cache.reserve(s, count);
    cache.commit(s, count);
  }
  std::unique_ptr<Device> device_ = Device::open(DeviceConfig::auto_detect(), {.threads = 1, .log = silent_log()});
};

TEST_F(KvCacheTest, RefusesWhatDoesNotFitAndIsAsBefore) {
  auto cache = make(100, 1);
  const auto s = cache.create();
  write(cache, s, 60);
  EXPECT_THROW(cache.reserve(s, 41), RequestError);
  EXPECT_EQ(cache.length(s), 60);
  write(cache, s, 40);
  EXPECT_THROW(cache.reserve(s, 1), RequestError);
  EXPECT_THROW(cache.create(), RequestError);
}

TEST_F(KvCacheTest, ForkSharesPagesUntilOneWrites) {
  auto cache = make(256, 2);
  const auto a = cache.create();
  write(cache, a, 64);
  write(cache, a, 6);
  const auto b = cache.fork(a);
  EXPECT_EQ(cache.length(b), 70);
  EXPECT_EQ(cache.pages(0, a).pages[1], cache.pages(0, b).pages[1]);
  write(cache, b, 1);
  EXPECT_EQ(cache.pages(0, a).pages[0], cache.pages(0, b).pages[0]);
  EXPECT_NE(cache.pages(0, a).pages[1], cache.pages(0, b).pages[1]);
  cache.drop(a);
  EXPECT_THROW(cache.length(a), RequestError);
  EXPECT_EQ(cache.length(b), 71);
}

TEST_F(KvCacheTest, TruncateGivesPagesBack) {
  auto cache = make(128, 1);
  const auto s = cache.create();
  write(cache, s, 64);
  write(cache, s, 64);
  cache.truncate(s, 10);
  EXPECT_EQ(cache.length(s), 10);
  EXPECT_NO_THROW(write(cache, s, 64));
  EXPECT_THROW(cache.truncate(s, 75), RequestError);
}

TEST_F(KvCacheTest, AWindowHoldsNoMorePagesThanItNeeds) {
  auto cache = make(4096, 1, 20);
  const auto s = cache.create();
  for (int i = 0; i < 60; ++i) write(cache, s, 64);
  const int windowed = cache.group(0), full = cache.group(1);
  EXPECT_NE(windowed, full);
  EXPECT_GE(cache.pages(windowed, s).first_page, 58);
  EXPECT_EQ(cache.pages(full, s).first_page, 0);
  EXPECT_THROW(cache.truncate(s, 100), RequestError);
}

TEST_F(KvCacheTest, RejectsBadNumbers) {
  EXPECT_THROW(make(0, 1), ConfigError);
  EXPECT_THROW(make(10, 0), ConfigError);
}

}  // namespace
}  // namespace ttt
