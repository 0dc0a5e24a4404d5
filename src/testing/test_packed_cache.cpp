#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "support.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/hardware/device.h"
#include "ttt/ops/kernel_table.h"
#include "ttt/ops/packed_matrix.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRows = 250, kCols = 2048;  // the last panel is not full

class PackedCache : public ::testing::Test {
 protected:
  std::unique_ptr<Device> open() {
    return Device::open(DeviceConfig::auto_detect(), {.threads = 2,
                                                      .log =
                                                          [this](LogLevel level, std::string_view line) {
                                                            if (level == LogLevel::warning)
                                                              warnings_.emplace_back(line);
                                                          },
                                                      .packed_cache = path_});
  }
  std::vector<fs::path> files(std::string_view ending) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path_))
      if (entry.path().native().ends_with(ending)) found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }

  const test::TempFolder folder_;
  const fs::path path_ = folder_.path() / "made" / "packed";
  std::vector<std::string> warnings_;
};

std::shared_ptr<const ops::PackedMatrix> pack(Device& device, const std::vector<Tensor>& parts) {
  return ops::run<ops::PackMatrix>(device, {.parts = parts});
}

/// All rows of what the parts pack to.
std::vector<float> unpacked(Device& device, const std::vector<Tensor>& parts) {
  const auto packed = pack(device, parts);
  std::vector<float> values(static_cast<std::size_t>(packed->rows() * packed->cols()));
  for (std::int64_t r = 0; r < packed->rows(); ++r)
    packed->unpack_row(r, std::span(values).subspan(static_cast<std::size_t>(r * packed->cols()),
                                                    static_cast<std::size_t>(packed->cols())));
  return values;
}

std::vector<float> unpacked_without_cache(const std::vector<Tensor>& parts) {
  return unpacked(*Device::open(DeviceConfig::auto_detect(), {.threads = 1, .log = silent_log()}), parts);
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// Weights that are bf16, in that format or another. Two columns of zeros among others cannot be coded.
Tensor weight_of_bf16(DType format, std::int64_t columns_of_zeros) {
  auto values = testing::random_values(static_cast<std::size_t>(kRows * kCols), 7);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int64_t>(i) % kCols < columns_of_zeros ? 0 : bf16_to_f32(f32_to_bf16(values[i]));
  return Tensor::make(format, {kRows, kCols}, [&](std::span<std::byte> out) { quantize(format, values, out); });
}

/// Of one format each, and three parts of two.
std::vector<std::vector<Tensor>> matrices() {
  std::vector<std::vector<Tensor>> all;
  for (const auto format : {DType::f32, DType::f16, DType::bf16, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1,
                            DType::q8_0, DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl,
                            DType::mxfp4, DType::bfp8, DType::bfp4})
    all.push_back({testing::random_weight(format, kRows, kCols, 3)});
  all.push_back({testing::random_weight(DType::q4_0, 160, kCols, 4), testing::random_weight(DType::q4_0, 90, kCols, 5),
                 testing::random_weight(DType::q6_k, 96, kCols, 6)});
  all.push_back({weight_of_bf16(DType::bf16, 2)});
  for (const std::int64_t columns_of_zeros : {0, 2}) all.push_back({weight_of_bf16(DType::f16, columns_of_zeros)});
  return all;
}

TEST_F(PackedCache, TheNextDeviceFindsWhatTheFirstKept) {
  const auto all = matrices();
  for (const auto& parts : all) pack(*open(), parts);
  const auto kept = files(".packed");
  EXPECT_EQ(kept.size(), all.size() + 1) << "a file for each matrix, two for the one of two formats";
  std::vector<std::string> contents;
  for (const auto& file : kept) contents.push_back(read_file(file));
  const auto times = [&] {
    std::vector<fs::file_time_type> found;
    for (const auto& file : kept) found.push_back(fs::last_write_time(file));
    return found;
  };
  const auto before = times();
  const auto device = open();
  for (const auto& parts : all) EXPECT_EQ(unpacked(*device, parts), unpacked_without_cache(parts));
  EXPECT_EQ(files(".packed"), kept);
  EXPECT_EQ(times(), before);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(PackedCache, FilesHaveTheSameBytesFromRunToRun) {
  const std::vector parts{testing::random_weight(DType::bf16, kRows, kCols, 3)};
  pack(*open(), parts);
  const auto file = files(".packed").front();
  const auto bytes = read_file(file);
  fs::remove(file);
  pack(*open(), parts);
  EXPECT_EQ(read_file(file), bytes);
}

TEST_F(PackedCache, OtherWeightsAreOtherFiles) {
  const auto device = open();
  const auto changed = [](Tensor tensor, std::size_t at) {
    return Tensor::make(tensor.dtype(), tensor.shape(), [&](std::span<std::byte> out) {
      std::ranges::copy(tensor.bytes(), out.begin());
      out[at] ^= std::byte{1};
    });
  };
  const auto first = testing::random_weight(DType::q8_0, kRows, kCols, 3);
  std::vector<std::vector<Tensor>> all{{first}, {changed(first, 40)}, {changed(first, first.bytes().size() - 1)}};
  // The same bytes of another shape, in another order, of another type.
  all.push_back({Tensor(DType::q8_0, {kRows * 2, kCols / 2}, first.data(), first.bytes().size())});
  const auto a = testing::random_weight(DType::f16, 128, kCols, 1),
             b = testing::random_weight(DType::f16, 128, kCols, 2);
  all.push_back({a, b});
  all.push_back({b, a});
  all.push_back({Tensor(DType::bf16, a.shape(), a.data(), a.bytes().size())});
  for (const auto& parts : all) EXPECT_EQ(unpacked(*device, parts), unpacked_without_cache(parts));
  EXPECT_EQ(files(".packed").size(), all.size());
  for (const auto& parts : all) EXPECT_EQ(unpacked(*device, parts), unpacked_without_cache(parts));
  EXPECT_EQ(files(".packed").size(), all.size());
}

TEST_F(PackedCache, DamagedFilesAreMadeAnew) {
  const std::vector parts{testing::random_weight(DType::q4_k, kRows, kCols, 3)};
  pack(*open(), parts);
  const auto file = files(".packed").front();
  const auto whole = read_file(file);
  std::vector<std::string> damaged{"", whole.substr(0, 40), whole.substr(0, whole.size() - 1), whole + "x",
                                   std::string(whole.size(), '\0')};
  for (const std::size_t at : {std::size_t{0}, std::size_t{9}, std::size_t{30}, std::size_t{64}, whole.size() - 1}) {
    damaged.push_back(whole);
    damaged.back()[at] ^= 4;
  }
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    SCOPED_TRACE(i);
    write_file(file, damaged[i]);
    warnings_.clear();
    EXPECT_EQ(unpacked(*open(), parts), unpacked_without_cache(parts));
    ASSERT_EQ(warnings_.size(), 1u);
    EXPECT_NE(warnings_.front().find(file.string()), std::string::npos);
    EXPECT_EQ(read_file(file), whole);
  }
}

TEST_F(PackedCache, AFileOfAnotherKeyDoesNotAnswer) {
  const std::vector one{testing::random_weight(DType::q4_0, kRows, kCols, 3)},
      other{testing::random_weight(DType::q4_0, kRows, kCols, 4)};
  pack(*open(), one);
  const auto file = files(".packed").front();
  pack(*open(), other);
  auto both = files(".packed");
  ASSERT_EQ(both.size(), 2u);
  fs::copy_file(both.front() == file ? both.back() : both.front(), file, fs::copy_options::overwrite_existing);
  EXPECT_EQ(unpacked(*open(), one), unpacked_without_cache(one));
  EXPECT_EQ(warnings_.size(), 1u);
}

TEST_F(PackedCache, SmallMatricesAndPlansAreNotKept) {
  const auto device = open();
  pack(*device, {testing::random_weight(DType::q4_0, 16, 64, 1)});
  pack(*device, {Tensor::without_data(DType::q4_0, {kRows, kCols})});
  EXPECT_TRUE(files(".packed").empty());
}

TEST_F(PackedCache, WhatCannotBeKeptIsAWarningOnce) {
  const auto device = open();
  fs::remove_all(path_);
  for (const auto& parts : matrices()) EXPECT_EQ(unpacked(*device, parts), unpacked_without_cache(parts));
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_.front().find("packed weights are not kept"), std::string::npos);
}

TEST_F(PackedCache, AFolderThatCannotBeUsedIsAnError) {
  fs::create_directories(path_.parent_path());
  write_file(path_, "a file");
  test::expect_error<DeviceError>([&] { open(); }, path_.string() + " cannot be used: ");
  fs::remove(path_);
  fs::create_directories(path_);
  write_file(path_ / "seed", "short");
  test::expect_error<DeviceError>([&] { open(); }, "is not a cache's seed; remove the folder");
}

TEST_F(PackedCache, OnlyWhatNobodyWritesIsRemoved) {
  open();
  const auto dead = path_ / "aaaaaa.ttt-unfinished", alive = path_ / "bbbbbb.ttt-unfinished";
  write_file(dead, "half a matrix");
  write_file(alive, "half a matrix");
  const int fd = ::open(alive.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX | LOCK_NB), 0);
  open();
  ::close(fd);
  EXPECT_EQ(files(".ttt-unfinished"), std::vector{alive});
  open();
  EXPECT_TRUE(files(".ttt-unfinished").empty());
}

/// Packs and forgets in a process of its own, until it is killed after some microseconds.
void pack_until_killed(const std::function<void()>& pack_once, useconds_t after) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  while (child == 0) pack_once();
  ::usleep(after);
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
}

TEST_F(PackedCache, AKillAtAnyMomentLeavesNothingWrong) {
  const std::vector parts{testing::random_weight(DType::bf16, 4096, kCols, 1)};
  const auto want = unpacked_without_cache(parts);
  constexpr int kWanted = 5, kMostKills = 500;
  int kills = 0, unfinished = 0;
  for (; unfinished < kWanted && kills < kMostKills; ++kills) {
    pack_until_killed(
        [&] {
          pack(*open(), parts);
          for (const auto& file : files(".packed")) fs::remove(file);
        },
        static_cast<useconds_t>(1'000 + kills * 700));
    const bool left = fs::exists(path_) && !files(".ttt-unfinished").empty();
    unfinished += left ? 1 : 0;
    EXPECT_EQ(unpacked(*open(), parts), want);
    EXPECT_TRUE(files(".ttt-unfinished").empty());
  }
  EXPECT_EQ(unfinished, kWanted) << "kills that met a file half written";
  EXPECT_TRUE(warnings_.empty());
}

/// FNV-1a of what panels hold. Where it changes, packed weights on disk are not what this version would pack.
TEST_F(PackedCache, PanelsAreThoseOfTheirVersion) {
  if (DeviceConfig::auto_detect().isa == "generic") GTEST_SKIP() << "without vectors bf16 is packed in another way";
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto& parts : matrices()) {
    fs::remove_all(path_);
    pack(*open(), parts);
    std::vector<std::string> contents;
    for (const auto& file : files(".packed")) contents.push_back(read_file(file).substr(64));
    std::ranges::sort(contents);  // their names differ from folder to folder
    for (const auto& content : contents)
      for (const char c : content) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  }
  EXPECT_EQ(hash, 0x5043a3fd4c5a8773u)
      << "panels hold other bytes than before: count kPanelVersion up, and write this hash here";
}

}  // namespace
}  // namespace ttt
