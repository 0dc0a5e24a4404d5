#include "gguf_writer.h"
#include "ttt/formats/gguf.h"

namespace ttt {
namespace {

using namespace ttt::test;

std::shared_ptr<const GgufFile> parse(const std::string& bytes) {
  return GgufFile::parse(heap(bytes), bytes.size(), "x.gguf");
}

TEST(Gguf, ReadsBothVersions) {
  for (const std::uint32_t version : {2u, 3u}) {
    const auto file = parse(gguf_file({gguf_string("general.architecture", "a"), gguf_u32("n", 7)},
                                      {gguf_tensor("w", {32, 2}, 2, 0), gguf_tensor("v", {4}, 0, 64)}, 80, version));
    EXPECT_EQ(std::get<std::uint64_t>(*file->find_metadata("n")), 7u);
    EXPECT_EQ(file->find_metadata("m"), nullptr);
    EXPECT_EQ(file->names(), (std::vector<std::string>{"v", "w"}));
    EXPECT_EQ(file->find("w")->shape, (Shape{2, 32}));
    EXPECT_EQ(file->load("w").dtype(), DType::q4_0);
    EXPECT_EQ(file->load("w").bytes().size(), 36u);
    expect_error<WeightError>([&] { file->load("q"); }, "no such tensor");
  }
}

TEST(Gguf, HostileFilesAreOneClearError) {
  const auto array = [](std::uint32_t type, std::uint64_t count) { return gguf_key("k", 9) + raw(type) + raw(count); };
  const auto one = [](std::vector<std::uint64_t> dims, std::uint32_t type, std::uint64_t offset, std::size_t bytes) {
    return gguf_file({}, {gguf_tensor("w", std::move(dims), type, offset)}, bytes);
  };
  const std::pair<std::string, const char*> cases[] = {
      {"GGU", "truncated"},
      {"LLMF" + std::string(64, '\0'), "wrong magic"},
      {gguf_file({}, {}, 0, 1), "version 1 is not supported"},
      {gguf_file({}, {}, 0, 0x03000000), "big-endian"},
      {"GGUF" + raw(3u) + raw(UINT64_MAX) + raw(std::uint64_t{0}), "18446744073709551615 tensors"},
      {"GGUF" + raw(3u) + raw(std::uint64_t{0}) + raw(UINT64_MAX), "18446744073709551615 metadata entries"},
      {gguf_file({gguf_u32("k", 1), gguf_u32("k", 2)}, {}, 0), "duplicate key"},
      {gguf_file({gguf_key("k", 99)}, {}, 32), "unknown metadata type 99"},
      {gguf_file({gguf_key("k", 7) + "\2"}, {}, 32), "a boolean of 2"},
      {gguf_file({gguf_string("k", "\xff")}, {}, 32), "not valid UTF-8"},
      {gguf_file({gguf_key("k", 8) + raw(std::uint64_t{1} << 60)}, {}, 32), "a string of"},
      {gguf_file({array(4, std::uint64_t{1} << 62)}, {}, 32), "array items"},
      {gguf_file({array(9, 1)}, {}, 32), "an array of arrays"},
      {gguf_file({gguf_u32("general.alignment", 0)}, {}, 0), "general.alignment"},
      {gguf_file({gguf_u32("general.alignment", 33)}, {}, 0), "general.alignment"},
      {one({4, 1, 1, 1, 1}, 0, 0, 32), "rank 5"},
      {one({std::uint64_t{1} << 63}, 0, 0, 32), "does not fit"},
      {one({std::uint64_t{1} << 40, std::uint64_t{1} << 40}, 0, 0, 32), "overflows"},
      {one({33}, 2, 0, 64), "does not fill whole q4_0 blocks"},
      {one({8}, 0, 4, 64), "not aligned"},
      {one({8}, 0, 64, 64), "leave the file's"},
      {one({8}, 0, UINT64_MAX - 31, 64), "leave the file's"},
      {one({8}, 0, 0, 31), "leave the file's 31 bytes"},
      {gguf_file({}, {gguf_tensor("w", {8}, 0, 0), gguf_tensor("w", {8}, 0, 32)}, 64), "duplicate tensor"},
      {gguf_file({}, {gguf_tensor("w", {16}, 0, 0), gguf_tensor("v", {8}, 0, 32)}, 64), "v overlaps w"},
  };
  for (const auto& [bytes, message] : cases) expect_error<FormatError>([&, &bytes = bytes] { parse(bytes); }, message);
}

TEST(Gguf, EveryTruncationIsAnError) {
  const auto whole = gguf_file({gguf_string("a", "b")}, {gguf_tensor("w", {8}, 0, 0)}, 32);
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_THROW(parse(whole.substr(0, n)), FormatError) << n;
}

TEST(Gguf, UnknownTypeFailsOnlyWhenUsed) {
  const auto file = parse(gguf_file({}, {gguf_tensor("w", {256}, 16, 0)}, 66));
  EXPECT_EQ(file->names().size(), 1u);
  expect_error<FormatError>([&] { file->load("w"); }, "tensor type 16 is not supported");
}

TEST(Gguf, PathsThatAreNoFiles) {
  const TempFolder folder;
  expect_error<FormatError>([&] { GgufFile::open(folder.path()); }, "is a directory");
  expect_error<FormatError>([&] { GgufFile::open(folder.write("e", "")); }, "is empty");
}

}  // namespace
}  // namespace ttt
