#include "support.h"
#include "ttt/formats/safetensors.h"

namespace ttt {
namespace {

std::string file_with(const std::string& header, std::size_t data_bytes) {
  return test::raw<std::uint64_t>(header.size()) + header + std::string(data_bytes, '\1');
}
std::shared_ptr<const WeightSource> parse(const std::string& bytes) {
  return parse_safetensors(test::heap(bytes), bytes.size(), "x.safetensors");
}

struct Hostile {
  const char* what;
  std::string bytes;
  std::string message;
};

TEST(Safetensors, HostileFilesAreOneClearError) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const auto with = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return file_with(R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
                     8);
  };
  const Hostile cases[] = {
      {"short", "abc", "truncated"},
      {"long header", test::raw<std::uint64_t>(1000) + "{}", "longer than the file"},
      {"absurd header", test::raw<std::uint64_t>(UINT64_MAX) + "{}", "header of 18446744073709551615 bytes"},
      {"no JSON", file_with("hello", 0), "header:"},
      {"no object", file_with("[1]", 0), "not a JSON object"},
      {"truncated data", file_with(good, 7), "leave the file's 7 bytes"},
      {"backwards", with("F32", "[2]", "[8,0]"), "run backwards"},
      {"size", with("F32", "[3]", "[0,8]"), "does not fill"},
      {"negative", with("F32", "[-2]", "[0,8]"), "non-negative"},
      {"float dim", with("F32", "[2.0]", "[0,8]"), "non-negative"},
      {"overflow", with("F32", "[4294967296,4294967296,4]", "[0,8]"), "overflows"},
      {"byte overflow", with("F64", "[4611686018427387904]", "[0,8]"), "does not fill"},
      {"rank", with("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), "rank 9"},
      {"offsets", with("F32", "[2]", "[0]"), "data_offsets"},
      {"offset range", with("F32", "[2]", "[18446744073709551608,18446744073709551615]"), "leave the file's"},
      {"duplicate", file_with(good.substr(0, good.size() - 1) + "," + good.substr(1), 8), "duplicate key"},
      {"UTF-8", file_with("{\"\xff\":{}}", 0), "header:"},
      {"depth", file_with("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}", 0), "nesting"},
      {"overlap",
       file_with(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                 R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                 8),
       "b overlaps a"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    test::expect_error<FormatError>([&] { parse(c.bytes); }, c.message);
    test::expect_error<FormatError>([&] { parse(c.bytes); }, "[x.safetensors] at byte ");
  }
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const auto whole = file_with(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_THROW(parse(whole.substr(0, n)), FormatError) << n;
}

TEST(Safetensors, UnknownDTypeFailsOnlyWhenUsed) {
  const auto file = parse(file_with(R"({"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", 8));
  EXPECT_EQ(file->names(), std::vector<std::string>{"a"});
  test::expect_error<FormatError>([&] { file->load("a"); }, "dtype F8_E4M3 is not supported");
  test::expect_error<WeightError>([&] { file->load("b"); }, "no such tensor");
}

TEST(Safetensors, UnalignedDataCanBeRead) {
  std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  if (header.size() % 2 == 0) header += ' ';
  const auto t = parse(file_with(header, 9))->load("a");
  EXPECT_EQ(t.bytes().size(), 8u);
  EXPECT_EQ(test::to_vector(t).size(), 2u);
}

TEST(Safetensors, WritesWhatItReads) {
  const test::TempFolder folder;
  const auto a = test::floats({1, 2, 3, 4, 5, 6}, {2, 3});
  save_safetensors(folder / "m.safetensors",
                   {{"z", a}, {"y", Tensor::from<std::int64_t>(std::vector<std::int64_t>{7}, {1})}});
  const auto file = open_safetensors(folder / "m.safetensors");
  EXPECT_EQ(file->names(), (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(test::to_vector(file->load("z")), test::to_vector(a));
  EXPECT_EQ(file->find("y")->dtype, DType::i64);
  test::expect_error<Error>([&] { save_safetensors(folder / "n", {{"z", a}, {"z", a}}); }, "duplicate");
}

TEST(Safetensors, PathsThatAreNoFiles) {
  const test::TempFolder folder;
  test::expect_error<FormatError>([&] { open_safetensors(folder / "absent"); }, "cannot open");
  test::expect_error<FormatError>([&] { open_safetensors(folder.write("empty", "")); }, "is empty");
  std::filesystem::create_directory(folder / "model.safetensors");
  test::expect_error<FormatError>([&] { open_safetensors(folder.path()); }, "is a directory");
}

TEST(Safetensors, ShardedFolder) {
  const test::TempFolder folder;
  save_safetensors(folder / "1.safetensors", {{"a", test::floats({1}, {1})}});
  save_safetensors(folder / "2.safetensors", {{"b", test::floats({2}, {1})}});
  const auto index = [&](const std::string& map) {
    folder.write("model.safetensors.index.json", R"({"weight_map":)" + map + "}");
    return open_safetensors(folder.path());
  };
  const auto file = index(R"({"a":"1.safetensors","b":"2.safetensors"})");
  EXPECT_EQ(file->names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(test::to_vector(file->load("b")), std::vector<float>{2});
  test::expect_error<FormatError>([&] { index(R"({"a":"2.safetensors"})"); }, "a: not in 2.safetensors");
  test::expect_error<FormatError>([&] { index(R"({"a":"../x"})"); }, "not a plain file name");
  test::expect_error<FormatError>([&] { index(R"({"a":"3.safetensors"})"); }, "3.safetensors");
  test::expect_error<FormatError>([&] { index("[]"); }, "weight_map");
}

}  // namespace
}  // namespace ttt
