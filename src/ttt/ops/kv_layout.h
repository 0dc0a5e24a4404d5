#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "ttt/core/dtype.h"

namespace ttt::inline v2::ops {

/// How one page of one layer's cache lies in memory. Keys are stored in tiles of 16 tokens with the tokens innermost,
/// so that a vector of scores is a sum over `k_dim` without horizontal additions; values token by token:
///   K element (head, slot, d) at ((head * page_size + slot / 16 * 16) * k_dim + d * 16 + slot % 16)
///   V element (head, slot, d) at ((head * page_size + slot) * v_dim + d)
/// Element types f32, f16, bf16, or i8 ("q8") with one f32 scale per (head, slot), for K and V each.
struct KvLayout {
  static constexpr int kKeyTile = 16;  ///< tokens of a tile of keys

  DType dtype;                 ///< f32, f16, bf16 or i8
  int page_size;               ///< tokens of a page, a multiple of kKeyTile
  int num_kv_heads;            ///< heads of keys and of values
  int k_dim;                   ///< columns of a key head
  int v_dim;                   ///< columns of a value head
  std::size_t v_offset;        ///< bytes from the page's start; K is at 0
  std::size_t k_scale_offset;  ///< [num_kv_heads, page_size] f32, i8 only
  std::size_t v_scale_offset;  ///< [num_kv_heads, page_size] f32, i8 only
  std::size_t page_bytes;      ///< a multiple of 64

  /// Computes the offsets. Throws ConfigError on another dtype, page size or a count that is not positive.
  static KvLayout make(DType dtype, int page_size, int num_kv_heads, int k_dim, int v_dim);

  /// The element of K for column d of a head of the token in that slot of the page.
  std::size_t k_index(int head, int slot, int d) const {
    return (static_cast<std::size_t>(head) * page_size + slot / kKeyTile * kKeyTile) * k_dim +
           static_cast<std::size_t>(d) * kKeyTile + slot % kKeyTile;
  }
  /// The element of V for column d of a head of the token in that slot of the page.
  std::size_t v_index(int head, int slot, int d) const {
    return (static_cast<std::size_t>(head) * page_size + slot) * v_dim + d;
  }
};

/// One sequence's pages in one layer: logical page i (positions i*page_size ...) is physical page
/// `pages[i - first_page]`. Pages before `first_page` have slid out of the layer's window.
struct SequencePages {
  const std::int32_t* pages;  ///< physical page numbers
  std::int32_t first_page;    ///< logical number of the first of them
};

/// One layer's cache for the sequences of a step.
struct KvLayerView {
  const KvLayout& layout;                    ///< of each page
  std::byte* storage;                        ///< physical page p at storage + p * layout.page_bytes
  std::span<const SequencePages> sequences;  ///< parallel to BatchPlan::sequences
  /// The page that holds a position of the sequence, which is counted as in `sequences`.
  std::byte* page(std::size_t sequence, std::int32_t position) const {
    const auto& s = sequences[sequence];
    return storage + static_cast<std::size_t>(s.pages[position / layout.page_size - s.first_page]) * layout.page_bytes;
  }
};

}  // namespace ttt::inline v2::ops
