#include <gtest/gtest.h>

#include <algorithm>

#include "support.h"
#include "ttt/formats/mapped_file.h"

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

}  // namespace
}  // namespace ttt
