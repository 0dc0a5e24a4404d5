#include "packed_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#include "coded_bf16.h"
#include "cpu_device.h"
#include "load.h"
#include "scratch.h"
#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/mapped_file.h"

namespace ttt::cpu {
namespace {

using Section = CpuPackedMatrix::Section;

/// The kinds that weights are packed in, the first that can hold them; the last one can.
std::vector<PanelKind> panel_kinds(const Isa& isa, DType dtype, std::int64_t cols) {
  if (const auto integer = integer_kind_of(dtype)) return {*integer};
  // Without vectors, decoding takes longer than memory does.
  const bool coded = isa.level != Isa::Level::generic && is_worth_coding(cols);
  if (dtype == DType::bf16 && coded) return {PanelKind::bf16_coded, PanelKind::bf16};
  if (dtype == DType::bf16) return {PanelKind::bf16};
  // Files in f16 are most often made of weights in bf16, which lose nothing as such.
  if (dtype == DType::f16 && coded) return {PanelKind::bf16_coded, PanelKind::bf16, PanelKind::f16};
  return {dtype == DType::f16 ? PanelKind::f16 : PanelKind::f32};
}

/// Where element k of a lane lies in a float panel.
std::size_t float_at(PanelKind kind, std::size_t k, std::size_t lane) {
  switch (kind) {
    case PanelKind::f32:
      return (k * kPanelRows + lane) * 4;
    case PanelKind::f16:
      return f16_column_at(static_cast<std::int64_t>(k)) + lane * 2;
    default:
      return ((k / 2 * kPanelRows + lane) * 2 + k % 2) * 2;
  }
}

/// A row of parts that lie one below the other, all of one dtype.
std::span<const std::byte> source_row(std::span<const Tensor> parts, std::int64_t row) {
  auto part = parts.begin();
  for (; row >= part->shape()[0]; ++part) row -= part->shape()[0];
  const std::size_t row_size = part->bytes().size() / static_cast<std::size_t>(part->shape()[0]);
  return part->bytes().subspan(static_cast<std::size_t>(row) * row_size, row_size);
}

using PanelRowBytes = std::array<const std::byte*, kPanelRows>;

/// out[i - first][lane] = word i of the lane's row, for `words` of them; zero in lanes without a row.
template <class Word>
void interleave(const PanelRowBytes& rows, std::size_t first, std::size_t words, std::byte* out) {
  for (std::size_t i = first; i < first + words; ++i, out += kPanelRows * sizeof(Word)) {
    std::array<Word, kPanelRows> lanes{};
    for (std::size_t r = 0; r < kPanelRows; ++r)
      if (rows[r] != nullptr) std::memcpy(&lanes[r], rows[r] + i * sizeof(Word), sizeof(Word));
    std::memcpy(out, lanes.data(), sizeof lanes);
  }
}

/// Makes a panel of PanelKind::f16.
void interleave_f16(const PanelRowBytes& rows, std::size_t cols, std::byte* panel) {
  for (std::size_t first = 0; first < cols; first += kBlockCols) {
    const std::size_t count = std::min<std::size_t>(kBlockCols, cols - first);
    std::byte* const block = panel + f16_column_at(static_cast<std::int64_t>(first));
    interleave<std::uint16_t>(rows, first, count, block);
    // Without their signs, f16 have the order of integers, what is not finite above all others.
    std::array<std::uint16_t, kPanelRows> largest{};
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        const auto magnitude = static_cast<std::uint16_t>(load_u16(block + (k * kPanelRows + r) * 2) & 0x7fff);
        largest[r] = std::max(largest[r], magnitude);
      }
    std::memcpy(block - sizeof largest, largest.data(), sizeof largest);
  }
}

/// Makes a panel of floats of its rows. False: weights that the kind does not hold.
bool interleave_rows(const PanelLayout& l, const PanelRowBytes& rows, std::byte* panel) {
  const auto cols = static_cast<std::size_t>(l.cols);
  switch (l.kind) {
    case PanelKind::f32:
      interleave<std::uint32_t>(rows, 0, cols, panel);
      return true;
    case PanelKind::f16:
      interleave_f16(rows, cols, panel);
      return true;
    case PanelKind::bf16_coded: {
      thread_local Scratch<std::uint16_t> buffer;
      const std::span plain(buffer.at_least(cols * kPanelRows), cols * kPanelRows);
      interleave<std::uint32_t>(rows, 0, cols / 2, reinterpret_cast<std::byte*>(plain.data()));
      return code_bf16(plain, l.cols, panel);
    }
    default:
      interleave<std::uint32_t>(rows, 0, cols / 2, panel);
  }
  if (cols % 2 == 0) return true;
  // The last pair lacks its second column.
  std::array<std::array<std::uint16_t, 2>, kPanelRows> last{};
  for (std::size_t r = 0; r < kPanelRows; ++r)
    if (rows[r] != nullptr) std::memcpy(&last[r][0], rows[r] + (cols - 1) * 2, 2);
  std::memcpy(panel + cols / 2 * sizeof last, last.data(), sizeof last);
  return true;
}

/// A row in f16 as bf16. False: not all weights are.
bool narrow_row(std::span<const std::byte> f16, std::uint16_t* bf16) {
  std::uint32_t lost = 0;
  for (std::size_t i = 0; i < f16.size() / 2; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(f16_to_f32(load_u16(f16.data() + 2 * i)));
    bf16[i] = static_cast<std::uint16_t>(bits >> 16);
    lost |= bits & 0xffff;
  }
  return lost == 0;
}

/// False: weights that the kind does not hold.
bool pack_float_panel(const PanelLayout& l, std::span<const Tensor> parts, std::int64_t first, std::int64_t count,
                      std::byte* panel) {
  thread_local Scratch<std::uint16_t> narrow;
  thread_local Scratch<float> values;
  const DType dtype = parts.front().dtype();
  const auto cols = static_cast<std::size_t>(l.cols);
  PanelRowBytes rows{};
  for (std::size_t r = 0; r < static_cast<std::size_t>(count); ++r) {
    const auto source = source_row(parts, first + static_cast<std::int64_t>(r));
    rows[r] = source.data();
    if (dtype == DType::f16 && is_bf16(l.kind)) {
      std::uint16_t* const row = narrow.at_least(kPanelRows * cols) + r * cols;
      if (!narrow_row(source, row)) return false;
      rows[r] = reinterpret_cast<const std::byte*>(row);
    } else if (dtype != DType::f32 && l.kind == PanelKind::f32) {
      // What has no panel of its own, like f64, becomes f32.
      const std::span row(values.at_least(kPanelRows * cols) + r * cols, cols);
      dequantize(dtype, source, row);
      rows[r] = std::as_bytes(row).data();
    }
  }
  return interleave_rows(l, rows, panel);
}

/// Packs one panel; rows beyond the matrix are zero. False: weights that the kind does not hold.
bool pack_panel(const PanelLayout& l, std::span<const Tensor> parts, std::int64_t index, std::byte* panel) {
  const std::int64_t first = index * kPanelRows, count = std::min<std::int64_t>(kPanelRows, l.rows - first);
  if (!is_integer(l.kind)) return pack_float_panel(l, parts, first, count, panel);
  const DType dtype = parts.front().dtype();
  const IntegerKind kind = integer_kind(l.kind);
  std::array<CodedBlock, kPanelRows> blocks{};
  for (std::int64_t g = 0; g < l.groups(); g += kBlockGroups) {
    const std::int64_t groups = std::min<std::int64_t>(kBlockGroups, l.groups() - g);
    for (std::int64_t r = 0; r < count; ++r) {
      const auto row = source_row(parts, first + r);
      read_coded_block(dtype, row, g, groups, blocks[static_cast<std::size_t>(r)]);
      // Sixteen rows at once are more streams than a processor follows by itself.
      const auto begin_of = [&](std::int64_t group) {
        return row.size() * static_cast<std::size_t>(std::min(group, l.groups())) /
               static_cast<std::size_t>(l.groups());
      };
      for (auto at = begin_of(g + groups); at < begin_of(g + 2 * groups); at += 64) __builtin_prefetch(&row[at]);
    }
    store_blocks(kind, blocks, groups, panel);
    panel += kind.block_bytes(groups);
  }
  return true;
}

/// Gives back the checkpoint's pages of rows [first, first + count) of the parts.
void give_back_rows(std::span<const Tensor> parts, std::int64_t first, std::int64_t count) {
  for (const auto& part : parts) {
    const std::int64_t rows = part.shape()[0], begin = std::clamp<std::int64_t>(first, 0, rows),
                       end = std::clamp<std::int64_t>(first + count, 0, rows);
    first -= rows;
    if (begin == end) continue;
    const std::size_t row_size = part.bytes().size() / static_cast<std::size_t>(rows);
    MappedFile::give_back(part.data(), static_cast<std::size_t>(begin) * row_size,
                          static_cast<std::size_t>(end - begin) * row_size);
  }
}

/// What a device reads of a checkpoint before it gives the pages back: an embedding of a quarter of a model's bytes
/// would else be in memory twice.
constexpr std::size_t kBytesAtOnce = 16 << 20;

/// False: weights that the kind does not hold.
bool pack_panels(ThreadPool& pool, const PanelLayout& layout, std::span<const Tensor> parts, std::byte* data) {
  std::atomic<bool> packed = true;
  const auto at_once = static_cast<std::int64_t>(kBytesAtOnce / std::max<std::size_t>(1, layout.panel_bytes()) + 1);
  for (std::int64_t first = 0; first < layout.panels(); first += at_once) {
    const std::int64_t count = std::min(at_once, layout.panels() - first);
    pool.run(count, [&](std::int64_t i) {
      if (packed &&
          !pack_panel(layout, parts, first + i, data + static_cast<std::size_t>(first + i) * layout.panel_bytes()))
        packed = false;
    });
    if (!packed) return false;
    give_back_rows(parts, first * kPanelRows, count * kPanelRows);
  }
  return true;
}

Digest digest_of(const std::string& text, std::uint64_t seed) { return digest(std::as_bytes(std::span(text)), seed); }

/// Of what is in the parts.
Digest digest_of(ThreadPool& pool, std::uint64_t seed, std::span<const Tensor> parts) {
  std::vector<Digest> digests;
  for (const auto& part : parts) {
    digests.push_back(digest_of(fmt::format("{} x {}", name(part.dtype()), part.shape()[0]), seed));
    const auto bytes = part.bytes();
    for (std::size_t first = 0; first < bytes.size(); first += kBytesAtOnce) {
      const std::size_t count = std::min(kBytesAtOnce, bytes.size() - first);
      digests.push_back(digest(pool, bytes.subspan(first, count), seed));
      MappedFile::give_back(part.data(), first, count);
    }
  }
  return digest(std::as_bytes(std::span(digests)), seed);
}

/// Names the panels that parts make: by what is in them, and by all that decides how they are packed.
Digest name_of(const Digest& contents, PanelKind wanted, const PanelLayout& layout, std::uint64_t seed) {
  const std::array digests{
      digest_of(fmt::format("panels {}, kind {} for {}, {} x {}", kPanelVersion, static_cast<int>(layout.kind),
                            static_cast<int>(wanted), layout.rows, layout.cols),
                seed),
      contents};
  return digest(std::as_bytes(std::span(digests)), seed);
}

/// Packs the parts, or finds them packed, in the first of `kinds` that can hold them, which `layout` then has.
std::shared_ptr<const std::byte> packed(CpuDevice& device, std::span<const PanelKind> kinds, PanelLayout& layout,
                                        std::span<const Tensor> parts) {
  constexpr std::size_t kLeastKept = 64 << 10;  // what is smaller is packed before its file is opened
  PackedCache* const cache = layout.bytes() < kLeastKept ? nullptr : device.packed_cache();
  const PanelKind wanted = kinds.front();
  Digest contents{};
  if (cache != nullptr) {
    contents = digest_of(device.pool(), cache->seed(), parts);
    for (const auto kind : kinds) {
      layout.kind = kind;
      if (auto kept = cache->find(name_of(contents, wanted, layout, cache->seed()), layout.bytes(), device.pool()))
        return kept;
    }
  }
  std::shared_ptr<std::byte> data;
  for (const auto kind : kinds) {
    layout.kind = kind;
    data.reset();
    data = device.allocate_weights(layout.bytes());
    if (pack_panels(device.pool(), layout, parts, data.get())) break;
  }
  if (cache != nullptr)
    cache->keep(name_of(contents, wanted, layout, cache->seed()), {data.get(), layout.bytes()}, device.pool());
  return data;
}

}  // namespace

CpuPackedMatrix::CpuPackedMatrix(std::vector<Section> sections, DType format)
    : sections_(std::move(sections)), format_(format) {}

std::size_t CpuPackedMatrix::bytes() const {
  std::size_t total = 0;
  for (const auto& section : sections_) total += section.layout.bytes();
  return total;
}

void CpuPackedMatrix::unpack_row(std::int64_t row, std::span<float> out) const {
  const auto section =
      std::ranges::find_if(sections_, [&](const Section& s) { return row < s.first_row + s.layout.rows; });
  const PanelLayout& l = section->layout;
  const std::byte* panel = section->panel((row - section->first_row) / kPanelRows);
  const auto lane = static_cast<std::size_t>((row - section->first_row) % kPanelRows);
  if (is_integer(l.kind)) {
    const IntegerKind kind = integer_kind(l.kind);
    std::array<float, kBlockCols> values;
    for (std::int64_t g = 0; g < l.groups(); g += kBlockGroups) {
      const std::int64_t groups = std::min<std::int64_t>(kBlockGroups, l.groups() - g);
      decode_block(l.kind, load_block(kind, panel, groups, static_cast<int>(lane)), groups, values.data());
      std::copy_n(values.begin(), std::min(groups * kGroup, l.cols - g * kGroup), out.begin() + g * kGroup);
      panel += kind.block_bytes(groups);
    }
    return;
  }
  if (l.kind == PanelKind::bf16_coded) {
    decode_bf16_row(panel, l.cols, static_cast<int>(lane), out);
    return;
  }
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::byte* at = panel + float_at(l.kind, k, lane);
    switch (l.kind) {
      case PanelKind::f32:
        std::memcpy(&out[k], at, 4);
        break;
      case PanelKind::f16:
        out[k] = f16_to_f32(load_u16(at));
        break;
      default:
        out[k] = bf16_to_f32(load_u16(at));
    }
  }
}

std::shared_ptr<const ops::PackedMatrix> pack_matrix(Device& device, const ops::PackMatrix::Args& args) {
  auto& cpu = cpu_device(device);
  const auto parts = args.parts;
  std::vector<Section> sections;
  std::int64_t rows = 0;
  for (std::size_t first = 0, last = 0; first < parts.size(); first = last) {
    const std::int64_t cols = parts.front().shape()[1];
    const auto kinds = panel_kinds(cpu.isa(), parts[first].dtype(), cols);
    PanelLayout layout{kinds.back(), 0, cols};  // of a plan, whose weights have no data: the largest
    for (; last < parts.size() && parts[last].dtype() == parts[first].dtype(); ++last) {
      if (parts[last].shape().rank() != 2 || parts[last].shape()[1] != layout.cols)
        throw WeightError("pack_matrix", "parts must be matrices of equal width");
      layout.rows += parts[last].shape()[0];
    }
    std::shared_ptr<const std::byte> data;
    if (parts[first].has_data()) data = packed(cpu, kinds, layout, parts.subspan(first, last - first));
    sections.push_back({layout, rows, std::move(data)});
    rows += layout.rows;
  }
  return std::make_shared<CpuPackedMatrix>(std::move(sections), parts.front().dtype());
}

}  // namespace ttt::cpu
