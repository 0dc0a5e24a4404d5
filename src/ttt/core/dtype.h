#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ttt::inline v2 {

/// How numbers are stored: plain element types, then block formats in which `block_size`
/// consecutive elements of a row share scales: ggml's GGUF types of the same names, then Tenstorrent's block floats
/// (formats/block_float.h).
enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  f64,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  boolean,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  mxfp4,
  bfp8,
  bfp4,
};

/// What is fixed about a dtype.
struct DTypeInfo {
  DType dtype;                ///< which one
  std::string_view name;      ///< as printed and as accepted on a command line: "q4_0"
  std::uint32_t block_size;   ///< elements in a block; 1 for plain types
  std::uint32_t block_bytes;  ///< bytes of a block
};

/// All dtypes, in the order of the enumeration.
std::span<const DTypeInfo> all_dtypes();

const DTypeInfo& info(DType dtype);                                     ///< what is known of it
inline std::string_view name(DType dtype) { return info(dtype).name; }  ///< as in DTypeInfo
/// Blocks of several elements share scales.
inline bool is_block_quantized(DType dtype) { return info(dtype).block_size > 1; }
bool is_floating(DType dtype);  ///< f32, f16, bf16 or f64

/// The dtype of that name, or nothing.
std::optional<DType> parse_dtype(std::string_view name);

/// Bytes of a row of `elements`; nothing if they do not fill whole blocks or the count overflows.
std::optional<std::uint64_t> row_bytes(DType dtype, std::uint64_t elements);

}  // namespace ttt::inline v2
