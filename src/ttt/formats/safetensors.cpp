#include "ttt/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <system_error>

#include "ttt/core/error.h"
#include "ttt/formats/mapped_file.h"
#include "ttt/formats/strict_json.h"

namespace ttt::inline v2 {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kPrefix = 8;  // the header's length as a little-endian u64
constexpr std::size_t kMaxHeader = 100'000'000;
constexpr std::size_t kMaxIndex = 64u << 20;

struct NamedDType {
  std::string_view name;
  DType dtype;
};
constexpr std::array<NamedDType, 13> kDTypes{{{"F64", DType::f64},
                                              {"F32", DType::f32},
                                              {"F16", DType::f16},
                                              {"BF16", DType::bf16},
                                              {"I64", DType::i64},
                                              {"I32", DType::i32},
                                              {"I16", DType::i16},
                                              {"I8", DType::i8},
                                              {"U64", DType::u64},
                                              {"U32", DType::u32},
                                              {"U16", DType::u16},
                                              {"U8", DType::u8},
                                              {"BOOL", DType::boolean}}};

std::optional<DType> dtype_named(std::string_view name) {
  for (const auto& entry : kDTypes)
    if (entry.name == name) return entry.dtype;
  return std::nullopt;
}

struct Entry {
  std::string dtype_name;
  std::optional<DType> dtype;  // nothing: one we do not know
  Shape shape;
  std::uint64_t begin = 0;  // within the data section
  std::uint64_t end = 0;
};

/// One file.
class SafetensorsFile : public WeightSource {
 public:
  SafetensorsFile(std::shared_ptr<const std::byte> data, std::size_t size, std::string where)
      : data_(std::move(data)), size_(size), where_(std::move(where)) {
    read_header();
    check_overlaps();
  }

  std::optional<Info> find(std::string_view name) const override {
    const auto it = entries_.find(name);
    if (it == entries_.end()) return std::nullopt;
    return Info{known_dtype(name, it->second), it->second.shape};
  }

  Tensor load(std::string_view name) const override {
    const auto it = entries_.find(name);
    if (it == entries_.end()) throw WeightError(where_, fmt::format("{}: no such tensor", name));
    const auto& e = it->second;
    const auto dtype = known_dtype(name, e);
    const auto bytes = static_cast<std::size_t>(e.end - e.begin);
    return Tensor(dtype, e.shape, MappedFile::part(data_, data_start_ + e.begin, bytes), bytes);
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const auto& [name, entry] : entries_) result.push_back(name);
    return result;
  }
  std::string where() const override { return where_; }
  bool contains(std::string_view name) const { return entries_.contains(name); }

 private:
  [[noreturn]] void fail(std::uint64_t offset, std::string_view what) const { throw FormatError(where_, offset, what); }
  DType known_dtype(std::string_view name, const Entry& e) const {
    if (!e.dtype) fail(kPrefix, fmt::format("{}: dtype {} is not supported", name, e.dtype_name));
    return *e.dtype;
  }

  void read_header();
  void read_entry(const std::string& name, const Json& value);
  Shape read_shape(const std::string& name, const Json& value) const;
  void check_size(const std::string& name, const Entry& entry) const;
  void check_overlaps() const;

  std::shared_ptr<const std::byte> data_;
  std::size_t size_;
  std::string where_;
  std::size_t data_start_ = 0;
  std::map<std::string, Entry, std::less<>> entries_;
};

void SafetensorsFile::read_header() {
  if (size_ < kPrefix) fail(0, fmt::format("truncated: {} bytes are too few for a safetensors header", size_));
  std::uint64_t length = 0;
  std::memcpy(&length, data_.get(), kPrefix);
  if (length > kMaxHeader) fail(0, fmt::format("header of {} bytes, more than {}", length, kMaxHeader));
  if (length > size_ - kPrefix) fail(0, fmt::format("header of {} bytes is longer than the file's {}", length, size_));
  data_start_ = kPrefix + static_cast<std::size_t>(length);
  Json header;
  try {
    header = internal::parse_strict_json(
        {reinterpret_cast<const char*>(data_.get()) + kPrefix, static_cast<std::size_t>(length)}, kMaxHeader);
  } catch (const internal::JsonError& e) {
    fail(kPrefix + e.offset, fmt::format("header: {}", e.what()));
  }
  if (!header.is_object()) fail(kPrefix, "the header is not a JSON object");
  for (const auto& [name, value] : header.items())
    if (name != "__metadata__") read_entry(name, value);
}

void SafetensorsFile::read_entry(const std::string& name, const Json& value) {
  const auto expect = [&](bool ok, std::string_view what) {
    if (!ok) fail(kPrefix, fmt::format("{}: {}", name, what));
  };
  expect(value.is_object(), "expected an object");
  const auto dtype = value.find("dtype"), shape = value.find("shape"), offsets = value.find("data_offsets");
  expect(dtype != value.end() && dtype->is_string(), "dtype is missing or not a string");
  expect(shape != value.end() && shape->is_array(), "shape is missing or not a list");
  expect(offsets != value.end() && offsets->is_array() && offsets->size() == 2 && (*offsets)[0].is_number_unsigned() &&
             (*offsets)[1].is_number_unsigned(),
         "data_offsets is missing or not two non-negative integers");
  Entry e;
  e.dtype_name = dtype->get<std::string>();
  e.dtype = dtype_named(e.dtype_name);
  e.shape = read_shape(name, *shape);
  e.begin = (*offsets)[0].get<std::uint64_t>();
  e.end = (*offsets)[1].get<std::uint64_t>();
  expect(e.begin <= e.end, "data_offsets run backwards");
  if (e.end > size_ - data_start_)
    fail(data_start_, fmt::format("{}: data_offsets [{}, {}] leave the file's {} bytes of data", name, e.begin, e.end,
                                  size_ - data_start_));
  check_size(name, e);
  entries_.emplace(name, std::move(e));
}

Shape SafetensorsFile::read_shape(const std::string& name, const Json& value) const {
  if (value.size() > Shape::kMaxRank)
    fail(kPrefix, fmt::format("{}: rank {} is more than {}", name, value.size(), Shape::kMaxRank));
  std::vector<std::int64_t> dims;
  for (const auto& dim : value) {
    if (!dim.is_number_unsigned() || dim.get<std::uint64_t>() > INT64_MAX)
      fail(kPrefix, fmt::format("{}: shape holds something else than non-negative integers", name));
    dims.push_back(dim.get<std::int64_t>());
  }
  return Shape(dims);
}

void SafetensorsFile::check_size(const std::string& name, const Entry& e) const {
  const auto count = e.shape.checked_count();
  if (!count) fail(kPrefix, fmt::format("{}: shape {} overflows", name, e.shape.str()));
  if (!e.dtype) return;
  const auto bytes = row_bytes(*e.dtype, static_cast<std::uint64_t>(*count));
  if (!bytes || *bytes != e.end - e.begin)
    fail(kPrefix, fmt::format("{}: {} {} does not fill data_offsets [{}, {}]", name, e.shape.str(), e.dtype_name,
                              e.begin, e.end));
}

void SafetensorsFile::check_overlaps() const {
  std::vector<std::pair<std::uint64_t, std::pair<std::uint64_t, const std::string*>>> spans;
  for (const auto& [name, e] : entries_)
    if (e.begin != e.end) spans.push_back({e.begin, {e.end, &name}});
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < spans.size(); ++i)
    if (spans[i].first < spans[i - 1].second.first)
      fail(data_start_ + spans[i].first,
           fmt::format("{} overlaps {}", *spans[i].second.second, *spans[i - 1].second.second));
}

/// A folder whose index says which shard holds which tensor.
class ShardedSafetensors : public WeightSource {
 public:
  explicit ShardedSafetensors(const std::filesystem::path& index) : where_(index.parent_path().string()) {
    const auto file = MappedFile::open(index);
    try {
      read_index(index, internal::parse_strict_json({reinterpret_cast<const char*>(file.data().get()), file.size()},
                                                    kMaxIndex));
    } catch (const internal::JsonError& e) {
      throw FormatError(index.string(), e.offset, e.what());
    }
  }

  std::optional<Info> find(std::string_view name) const override {
    const auto it = shard_of_.find(name);
    if (it == shard_of_.end()) return std::nullopt;
    return it->second->find(name);
  }
  Tensor load(std::string_view name) const override {
    const auto it = shard_of_.find(name);
    if (it == shard_of_.end()) throw WeightError(where_, fmt::format("{}: no such tensor", name));
    return it->second->load(name);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (const auto& [name, shard] : shard_of_) result.push_back(name);
    return result;
  }
  std::string where() const override { return where_; }

 private:
  void read_index(const std::filesystem::path& index, const Json& json) {
    const auto fail = [&](std::string_view what) { throw FormatError(index.string(), what); };
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
      fail("weight_map is missing or not an object");
    std::map<std::string, std::shared_ptr<const SafetensorsFile>> shards;
    for (const auto& [name, value] : json["weight_map"].items()) {
      if (!value.is_string()) fail(fmt::format("{}: expected a file name", name));
      const auto file = value.get<std::string>();
      // A shard lies beside its index; anything else would let a download read other files.
      if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos ||
          file.find('\0') != std::string::npos)
        fail(fmt::format("{}: \"{}\" is not a plain file name", name, file));
      auto& shard = shards[file];
      if (!shard) shard = open_shard(index.parent_path() / file);
      if (!shard->contains(name)) fail(fmt::format("{}: not in {}", name, file));
      shard_of_.emplace(name, shard);
    }
  }

  static std::shared_ptr<const SafetensorsFile> open_shard(const std::filesystem::path& path) {
    const auto file = MappedFile::open(path);
    return std::make_shared<SafetensorsFile>(file.data(), file.size(), path.string());
  }

  std::string where_;
  std::map<std::string, std::shared_ptr<const SafetensorsFile>, std::less<>> shard_of_;
};

std::string_view safetensors_name(DType dtype) {
  for (const auto& entry : kDTypes)
    if (entry.dtype == dtype) return entry.name;
  throw Error("save_safetensors", fmt::format("safetensors has no dtype {}", name(dtype)));
}

std::string header_of(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  auto header = nlohmann::ordered_json::object();
  std::uint64_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!internal::is_utf8(name)) throw Error("save_safetensors", "a tensor's name is not valid UTF-8");
    if (!tensor.has_data()) throw Error("save_safetensors", fmt::format("{} has no data", name));
    if (header.contains(name)) throw Error("save_safetensors", fmt::format("duplicate tensor {}", name));
    const auto end = at + tensor.bytes().size();
    const std::vector<std::int64_t> dims(tensor.shape().dims().begin(), tensor.shape().dims().end());
    header[name] = {{"dtype", safetensors_name(tensor.dtype())}, {"shape", dims}, {"data_offsets", {at, end}}};
    at = end;
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  return text;
}

}  // namespace

std::shared_ptr<const WeightSource> parse_safetensors(std::shared_ptr<const std::byte> data, std::size_t size,
                                                      std::string where) {
  return std::make_shared<SafetensorsFile>(std::move(data), size, std::move(where));
}

std::shared_ptr<const WeightSource> open_safetensors(const std::filesystem::path& path) {
  auto file = path;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    const auto index = path / "model.safetensors.index.json";
    if (std::filesystem::exists(index, ignored)) return std::make_shared<ShardedSafetensors>(index);
    file = path / "model.safetensors";
  }
  const auto mapped = MappedFile::open(file);
  return parse_safetensors(mapped.data(), mapped.size(), file.string());
}

void save_safetensors(const std::filesystem::path& path, const std::vector<std::pair<std::string, Tensor>>& tensors) {
  const auto header = header_of(tensors);
  const std::uint64_t length = header.size();
  errno = 0;  // streams say that they failed; errno says why
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  const auto check = [&] {
    if (!out)
      throw FormatError(path.string(), fmt::format("cannot be written: {}", std::generic_category().message(errno)));
  };
  check();
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out.write(header.data(), static_cast<std::streamsize>(header.size()));
  for (const auto& [name, tensor] : tensors)
    out.write(reinterpret_cast<const char*>(tensor.bytes().data()),
              static_cast<std::streamsize>(tensor.bytes().size()));
  out.close();
  check();
}

}  // namespace ttt::inline v2
