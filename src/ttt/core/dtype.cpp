#include "ttt/core/dtype.h"

#include <array>

namespace ttt::inline v2 {
namespace {

constexpr std::array<DTypeInfo, 27> kAll{{
    {DType::f32, "f32", 1, 4},         {DType::f16, "f16", 1, 2},       {DType::bf16, "bf16", 1, 2},
    {DType::f64, "f64", 1, 8},         {DType::i8, "i8", 1, 1},         {DType::i16, "i16", 1, 2},
    {DType::i32, "i32", 1, 4},         {DType::i64, "i64", 1, 8},       {DType::u8, "u8", 1, 1},
    {DType::u16, "u16", 1, 2},         {DType::u32, "u32", 1, 4},       {DType::u64, "u64", 1, 8},
    {DType::boolean, "boolean", 1, 1}, {DType::q4_0, "q4_0", 32, 18},   {DType::q4_1, "q4_1", 32, 20},
    {DType::q5_0, "q5_0", 32, 22},     {DType::q5_1, "q5_1", 32, 24},   {DType::q8_0, "q8_0", 32, 34},
    {DType::q2_k, "q2_k", 256, 84},    {DType::q3_k, "q3_k", 256, 110}, {DType::q4_k, "q4_k", 256, 144},
    {DType::q5_k, "q5_k", 256, 176},   {DType::q6_k, "q6_k", 256, 210}, {DType::iq4_nl, "iq4_nl", 32, 18},
    {DType::mxfp4, "mxfp4", 32, 17},   {DType::bfp8, "bfp8", 16, 17},   {DType::bfp4, "bfp4", 16, 9},
}};
static_assert(
    [] {
      for (std::size_t i = 0; i < kAll.size(); ++i)
        if (static_cast<std::size_t>(kAll[i].dtype) != i) return false;
      return true;
    }(),
    "the table follows the enumeration");

}  // namespace

std::span<const DTypeInfo> all_dtypes() { return kAll; }

const DTypeInfo& info(DType dtype) { return kAll[static_cast<std::size_t>(dtype)]; }

bool is_floating(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f64;
}

std::optional<DType> parse_dtype(std::string_view name) {
  for (const auto& entry : kAll)
    if (entry.name == name) return entry.dtype;
  return std::nullopt;
}

std::optional<std::uint64_t> row_bytes(DType dtype, std::uint64_t elements) {
  const auto& i = info(dtype);
  if (elements % i.block_size != 0) return std::nullopt;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements / i.block_size, i.block_bytes, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace ttt::inline v2
