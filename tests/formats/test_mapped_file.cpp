#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "support.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/mapped_file.h"
#include "ttt/hardware/device.h"
#include "ttt/ops/kernel_table.h"
#include "ttt/ops/linear.h"

namespace ttt {
namespace {

/// Memory that pages of mapped files take in this process, in kB.
long resident_file_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  return -1;
}

std::size_t count_of(std::span<const std::byte> bytes, std::byte value) {
  return static_cast<std::size_t>(std::ranges::count(bytes, value));
}

TEST(MappedFile, PartsGiveTheirMemoryBackAndCanBeReadAgain) {
  constexpr std::size_t kSize = std::size_t{32} << 20, kBegin = 12'345, kBytes = kSize - 2 * kBegin;
  const test::TempFolder folder;
  const auto file = MappedFile::open(folder.write("file", std::string(kSize, 'x')));
  auto part = MappedFile::part(file.data(), kBegin, kBytes);
  EXPECT_EQ(part.get(), file.bytes().data() + kBegin);
  auto copy = part;
  EXPECT_EQ(count_of({part.get(), kBytes}, std::byte{'x'}), kBytes);
  const long before = resident_file_kb();
  ASSERT_GE(before, static_cast<long>(kBytes / 1024));
  part.reset();
  EXPECT_GE(resident_file_kb(), before - 1024) << "a copy is left";
  copy.reset();
  EXPECT_LE(resident_file_kb(), before - static_cast<long>(kBytes / 1024 / 2));
  EXPECT_EQ(count_of(file.bytes(), std::byte{'x'}), kSize);
}

TEST(MappedFile, PartsOutliveTheFile) {
  const test::TempFolder folder;
  const auto path = folder.write("file", "0123456789");
  const auto part = MappedFile::part(MappedFile::open(path).data(), 3, 4);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(part.get()), 4), "3456");
}

TEST(MappedFile, PartsOfOtherMemoryAreLeftAlone) {
  const auto bytes = test::heap(std::string(1 << 20, 'y'));
  MappedFile::part(bytes, 0, 1 << 20).reset();
  EXPECT_EQ(count_of({bytes.get(), 1 << 20}, std::byte{'y'}), std::size_t{1} << 20);
}

TEST(MappedFile, ViewsGiveSomeOfAPartsMemoryBack) {
  constexpr std::size_t kSize = std::size_t{32} << 20, kHalf = kSize / 2;
  const test::TempFolder folder;
  const auto file = MappedFile::open(folder.write("file", std::string(kSize, 'x')));
  const auto part = MappedFile::part(file.data(), 0, kSize);
  const std::shared_ptr<const std::byte> view(part, part.get() + kHalf);
  EXPECT_EQ(count_of({part.get(), kSize}, std::byte{'x'}), kSize);
  const long before = resident_file_kb();
  MappedFile::give_back(view, 0, kHalf);
  EXPECT_LE(resident_file_kb(), before - static_cast<long>(kHalf / 1024 / 2));
  EXPECT_EQ(count_of({part.get(), kSize}, std::byte{'x'}), kSize);

  const auto heap = test::heap(std::string(kHalf, 'y'));
  MappedFile::give_back(heap, 0, kHalf);
  EXPECT_EQ(count_of({heap.get(), kHalf}, std::byte{'y'}), kHalf);
}

TEST(MappedFile, PackingGivesBackWhatItHasReadWhileItsTensorsLive) {
  constexpr std::int64_t kRows = 16'384, kCols = 2048;
  constexpr std::size_t kBytes = kRows * kCols * 2;
  const test::TempFolder folder;
  std::string text(kBytes, '1');
  for (std::size_t row = 0; row < kRows; ++row) std::memcpy(text.data() + row * kCols * 2, &row, 2);
  const auto file = MappedFile::open(folder.write("file", text));
  // Two parts, of which neither begins with a page; what is given back at a time ends within the second.
  constexpr std::int64_t kFirst = 1111;
  constexpr std::size_t kSplit = kFirst * kCols * 2;
  const std::array parts{Tensor(DType::f16, Shape{kFirst, kCols}, MappedFile::part(file.data(), 0, kSplit), kSplit),
                         Tensor(DType::f16, Shape{kRows - kFirst, kCols},
                                MappedFile::part(file.data(), kSplit, kBytes - kSplit), kBytes - kSplit)};
  const auto device = Device::open(DeviceConfig::auto_detect(), {.threads = 2});
  const long before = resident_file_kb();
  const auto packed = ops::run<ops::PackMatrix>(*device, {.parts = parts});
  EXPECT_LT(resident_file_kb(), before + static_cast<long>(kBytes / 1024 / 4));
  std::vector<float> row(kCols);
  for (std::int64_t r = 0; r < kRows; r += 123) {
    packed->unpack_row(r, row);
    EXPECT_EQ(row.front(), f16_to_f32(static_cast<std::uint16_t>(r))) << r;
    EXPECT_EQ(std::ranges::count(row, row.back()), kCols - 1) << r;
  }
}

}  // namespace
}  // namespace ttt
