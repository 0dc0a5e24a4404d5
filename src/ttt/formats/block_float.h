#pragma once
#include <cstdint>

namespace ttt::inline v2 {

/// The block floats of Tenstorrent hardware, Bfp8_b and Bfp4_b in tt-metal: kBlockFloatSize consecutive elements of a
/// row share an exponent e, and each is a sign and a magnitude m of M = 7 (bfp8) or 3 (bfp4) bits, whose highest bit is
/// the one that a float hides. It stands for +-m * 2^(e - 126 - M).
///
/// A block is a byte e, then for bfp8 16 bytes sign << 7 | m, for bfp4 8 bytes, each sign << 3 | m of two elements, the
/// first in the low half. (tt-metal keeps the exponents of a tile together, before its elements: the same numbers in
/// another order.)
constexpr int kBlockFloatSize = 16;

/// Decodes a block to 16 floats. Every block has a meaning; a zero magnitude is +0.
void decode_bfp8(const std::uint8_t* block, float* out);
/// The same for 4 bits an element.
void decode_bfp4(const std::uint8_t* block, float* out);

/// Encodes 16 finite floats to the bits that tt-metal's host code packs (tt_metal/impl/data_format/
/// blockfloat_common.cpp): e is the largest exponent of the 16; a significand is cut to 24 bits below e, then rounded
/// to M bits, ties to even, and at most the largest magnitude, as e is not raised; subnormal floats are zero, and so
/// is the sign of a zero.
void encode_bfp8(const float* in, std::uint8_t* block);
/// The same for 4 bits an element.
void encode_bfp4(const float* in, std::uint8_t* block);

}  // namespace ttt::inline v2
