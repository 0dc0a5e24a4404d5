#include "ttt/formats/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "ttt/core/error.h"
#include "ttt/formats/mapped_file.h"
#include "ttt/formats/strict_json.h"

namespace ttt::inline v2 {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = 1u << 20;
constexpr std::uint64_t kMaxName = 65535;
constexpr std::uint32_t kMaxRank = 4;
constexpr std::uint64_t kMinEntry = 8 + 4 + 1;       // a metadata entry: key length, type, value
constexpr std::uint64_t kMinTensor = 8 + 4 + 4 + 8;  // name length, rank, type, offset

enum ValueType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

struct TypeId {
  std::uint32_t id;
  DType dtype;
};
constexpr std::array<TypeId, 20> kTypes{{
    {0, DType::f32},   {1, DType::f16},   {2, DType::q4_0},    {3, DType::q4_1},  {6, DType::q5_0},
    {7, DType::q5_1},  {8, DType::q8_0},  {10, DType::q2_k},   {11, DType::q3_k}, {12, DType::q4_k},
    {13, DType::q5_k}, {14, DType::q6_k}, {20, DType::iq4_nl}, {24, DType::i8},   {25, DType::i16},
    {26, DType::i32},  {27, DType::i64},  {28, DType::f64},    {30, DType::bf16}, {39, DType::mxfp4},
}};

std::optional<DType> dtype_of_id(std::uint32_t id) {
  for (const auto& entry : kTypes)
    if (entry.id == id) return entry.dtype;
  return std::nullopt;
}

/// Reads little-endian values in sequence; every read is checked against what is left.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::uint64_t offset() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void fail(std::string_view what) const { throw FormatError(where_, at_, what); }

  template <class T>
  T number() {
    if (left() < sizeof(T)) fail("truncated");
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string text(std::uint64_t max_length = UINT64_MAX) {
    const auto length = number<std::uint64_t>();
    if (length > max_length) fail(fmt::format("a name of {} bytes, more than {}", length, max_length));
    if (length > left()) fail(fmt::format("a string of {} bytes, but {} are left", length, left()));
    std::string value(reinterpret_cast<const char*>(bytes_.data() + at_), static_cast<std::size_t>(length));
    if (!internal::is_utf8(value)) fail("a string is not valid UTF-8");
    at_ += static_cast<std::size_t>(length);
    return value;
  }
  bool boolean() {
    const auto value = number<std::uint8_t>();
    if (value > 1) fail(fmt::format("a boolean of {}", value));
    return value == 1;
  }
  /// A count of things that take at least `min_bytes` each.
  std::uint64_t count(std::uint64_t min_bytes, std::string_view what) {
    const auto value = number<std::uint64_t>();
    if (value > left() / min_bytes) fail(fmt::format("{} {}, but {} bytes are left", value, what, left()));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  const std::string& where_;
};

template <class T, class Read>
GgufValue read_list(Reader& in, std::uint64_t item_bytes, Read&& read) {
  const auto count = in.count(item_bytes, "array items");
  std::vector<T> values;
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(read());
  return values;
}

std::int64_t narrow(Reader& in, std::uint64_t value) {
  if (value > INT64_MAX) in.fail(fmt::format("{} does not fit a signed 64-bit integer", value));
  return static_cast<std::int64_t>(value);
}

template <class T>
GgufValue read_integers(Reader& in) {
  return read_list<std::int64_t>(in, sizeof(T), [&] {
    if constexpr (std::is_same_v<T, std::uint64_t>)
      return narrow(in, in.number<T>());
    else
      return static_cast<std::int64_t>(in.number<T>());
  });
}

GgufValue read_array(Reader& in) {
  const auto type = in.number<std::uint32_t>();
  switch (type) {
    case u8:
      return read_integers<std::uint8_t>(in);
    case i8:
      return read_integers<std::int8_t>(in);
    case u16:
      return read_integers<std::uint16_t>(in);
    case i16:
      return read_integers<std::int16_t>(in);
    case u32:
      return read_integers<std::uint32_t>(in);
    case i32:
      return read_integers<std::int32_t>(in);
    case u64:
      return read_integers<std::uint64_t>(in);
    case i64:
      return read_integers<std::int64_t>(in);
    case f32:
      return read_list<double>(in, 4, [&] { return double{in.number<float>()}; });
    case f64:
      return read_list<double>(in, 8, [&] { return in.number<double>(); });
    case boolean:
      return read_list<bool>(in, 1, [&] { return in.boolean(); });
    case string:
      return read_list<std::string>(in, 8, [&] { return in.text(); });
    case array:
      in.fail("an array of arrays");
    default:
      in.fail(fmt::format("unknown array type {}", type));
  }
}

GgufValue read_value(Reader& in) {
  const auto type = in.number<std::uint32_t>();
  switch (type) {
    case u8:
      return std::uint64_t{in.number<std::uint8_t>()};
    case u16:
      return std::uint64_t{in.number<std::uint16_t>()};
    case u32:
      return std::uint64_t{in.number<std::uint32_t>()};
    case u64:
      return in.number<std::uint64_t>();
    case i8:
      return std::int64_t{in.number<std::int8_t>()};
    case i16:
      return std::int64_t{in.number<std::int16_t>()};
    case i32:
      return std::int64_t{in.number<std::int32_t>()};
    case i64:
      return in.number<std::int64_t>();
    case f32:
      return double{in.number<float>()};
    case f64:
      return in.number<double>();
    case boolean:
      return in.boolean();
    case string:
      return in.text();
    case array:
      return read_array(in);
    default:
      in.fail(fmt::format("unknown metadata type {}", type));
  }
}

}  // namespace

struct GgufFile::Impl {
  struct TensorInfo {
    std::uint32_t type_id = 0;
    std::optional<DType> dtype;  // nothing: a type we do not know
    Shape shape;
    std::uint64_t offset = 0;  // in the file
    std::uint64_t bytes = 0;   // 0 for unknown types
  };

  std::shared_ptr<const std::byte> data;
  std::size_t size = 0;
  std::string where;
  std::vector<std::pair<std::string, GgufValue>> metadata;
  std::map<std::string, std::size_t, std::less<>> metadata_index;
  std::map<std::string, TensorInfo, std::less<>> tensors;

  void read();
  void read_metadata(Reader& in, std::uint64_t count);
  void read_tensor(Reader& in);
  std::uint64_t alignment() const;
  void place_tensors(std::uint64_t header_end);
  void check_overlaps() const;
  DType known_dtype(std::string_view name, const TensorInfo& entry) const;
};

void GgufFile::Impl::read() {
  Reader in({data.get(), size}, where);
  if (in.number<std::uint32_t>() != kMagic) throw FormatError(where, 0, "not a GGUF file: wrong magic");
  const auto version = in.number<std::uint32_t>();
  if (version == 0x02000000 || version == 0x03000000) in.fail("a big-endian GGUF file is not supported");
  if (version != 2 && version != 3) in.fail(fmt::format("GGUF version {} is not supported, only 2 and 3", version));
  const auto tensor_count = in.count(kMinTensor, "tensors");
  const auto metadata_count = in.count(kMinEntry, "metadata entries");
  read_metadata(in, metadata_count);
  for (std::uint64_t i = 0; i < tensor_count; ++i) read_tensor(in);
  place_tensors(in.offset());
  check_overlaps();
}

void GgufFile::Impl::read_metadata(Reader& in, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    auto key = in.text(kMaxName);
    if (!metadata_index.emplace(key, metadata.size()).second) in.fail(fmt::format("duplicate key \"{}\"", key));
    auto value = read_value(in);
    metadata.emplace_back(std::move(key), std::move(value));
  }
}

void GgufFile::Impl::read_tensor(Reader& in) {
  const auto name = in.text(kMaxName);
  const auto rank = in.number<std::uint32_t>();
  if (rank > kMaxRank) in.fail(fmt::format("{}: rank {} is more than {}", name, rank, kMaxRank));
  std::vector<std::int64_t> dims(rank);
  for (auto& dim : dims) dim = narrow(in, in.number<std::uint64_t>());
  std::reverse(dims.begin(), dims.end());
  TensorInfo entry;
  entry.shape = Shape(dims);
  entry.type_id = in.number<std::uint32_t>();
  entry.dtype = dtype_of_id(entry.type_id);
  entry.offset = in.number<std::uint64_t>();
  const auto count = entry.shape.checked_count();
  if (!count) in.fail(fmt::format("{}: shape {} overflows", name, entry.shape.str()));
  if (entry.dtype) {
    const auto row = rank == 0 ? 1 : static_cast<std::uint64_t>(dims.back());
    const auto bytes = row_bytes(*entry.dtype, static_cast<std::uint64_t>(*count));
    if (!bytes || !row_bytes(*entry.dtype, row))
      in.fail(fmt::format("{}: {} does not fill whole {} blocks", name, entry.shape.str(), ttt::name(*entry.dtype)));
    entry.bytes = *bytes;
  }
  if (!tensors.emplace(name, entry).second) in.fail(fmt::format("duplicate tensor \"{}\"", name));
}

std::uint64_t GgufFile::Impl::alignment() const {
  const auto it = metadata_index.find("general.alignment");
  if (it == metadata_index.end()) return kDefaultAlignment;
  const auto* value = std::get_if<std::uint64_t>(&metadata[it->second].second);
  if (!value || *value > kMaxAlignment || !std::has_single_bit(*value))
    throw FormatError(where, fmt::format("general.alignment must be a power of two up to {}", kMaxAlignment));
  return *value;
}

void GgufFile::Impl::place_tensors(std::uint64_t header_end) {
  const auto align = alignment();
  const auto start = (header_end + align - 1) / align * align;
  for (auto& [name, entry] : tensors) {
    const auto left = start > size ? 0 : size - start;
    if (entry.offset % align != 0)
      throw FormatError(where, start, fmt::format("{}: offset {} is not aligned to {}", name, entry.offset, align));
    if (entry.offset > left || entry.bytes > left - entry.offset)
      throw FormatError(
          where, start,
          fmt::format("{}: bytes [{}, +{}) leave the file's {} bytes of data", name, entry.offset, entry.bytes, left));
    entry.offset += start;
  }
}

void GgufFile::Impl::check_overlaps() const {
  std::vector<std::pair<const TensorInfo*, const std::string*>> order;
  for (const auto& [name, entry] : tensors)
    if (entry.bytes != 0) order.emplace_back(&entry, &name);
  std::sort(order.begin(), order.end(), [](auto& a, auto& b) { return a.first->offset < b.first->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto& before = *order[i - 1].first;
    if (order[i].first->offset < before.offset + before.bytes)
      throw FormatError(where, order[i].first->offset,
                        fmt::format("{} overlaps {}", *order[i].second, *order[i - 1].second));
  }
}

DType GgufFile::Impl::known_dtype(std::string_view name, const TensorInfo& entry) const {
  if (!entry.dtype)
    throw FormatError(where, entry.offset, fmt::format("{}: tensor type {} is not supported", name, entry.type_id));
  return *entry.dtype;
}

GgufFile::GgufFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GgufFile::~GgufFile() = default;

std::shared_ptr<const GgufFile> GgufFile::parse(std::shared_ptr<const std::byte> data, std::size_t size,
                                                std::string where) {
  auto impl = std::make_unique<Impl>();
  impl->data = std::move(data);
  impl->size = size;
  impl->where = std::move(where);
  impl->read();
  return std::shared_ptr<const GgufFile>(new GgufFile(std::move(impl)));
}

std::shared_ptr<const GgufFile> GgufFile::open(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse(file.data(), file.size(), path.string());
}

const std::vector<std::pair<std::string, GgufValue>>& GgufFile::metadata() const { return impl_->metadata; }

const GgufValue* GgufFile::find_metadata(std::string_view key) const {
  const auto it = impl_->metadata_index.find(key);
  return it == impl_->metadata_index.end() ? nullptr : &impl_->metadata[it->second].second;
}

std::optional<WeightSource::Info> GgufFile::find(std::string_view name) const {
  const auto it = impl_->tensors.find(name);
  if (it == impl_->tensors.end()) return std::nullopt;
  return Info{impl_->known_dtype(name, it->second), it->second.shape};
}

Tensor GgufFile::load(std::string_view name) const {
  const auto it = impl_->tensors.find(name);
  if (it == impl_->tensors.end()) throw WeightError(impl_->where, fmt::format("{}: no such tensor", name));
  const auto& entry = it->second;
  const auto dtype = impl_->known_dtype(name, entry);
  const auto bytes = static_cast<std::size_t>(entry.bytes);
  return Tensor(dtype, entry.shape, MappedFile::part(impl_->data, entry.offset, bytes), bytes);
}

std::vector<std::string> GgufFile::names() const {
  std::vector<std::string> result;
  for (const auto& [name, entry] : impl_->tensors) result.push_back(name);
  return result;
}
std::string GgufFile::where() const { return impl_->where; }

}  // namespace ttt::inline v2
