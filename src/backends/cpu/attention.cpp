#include "attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "attention_kernels.h"
#include "cpu_device.h"
#include "rotary_append.h"
#include "scratch.h"

namespace ttt::cpu {

const AttentionKernels& attention_kernels(const Isa& isa) {
#if defined(__x86_64__)
  if (isa.level == Isa::Level::avx512 && isa.vnni) return avx512_attention_kernels();
  if (isa.level != Isa::Level::generic) return avx2_attention_kernels();
#endif
  (void)isa;
  return generic_attention_kernels();
}

namespace {

/// Query vectors of one sequence and kv head that share passes over the splits of their keys.
struct QueryBlock {
  std::size_t sequence;
  int kv_head;
  std::int32_t first_query, num_queries;  ///< index into rows x heads of the group
  std::int32_t first_split, num_splits;
};

/// What a block's queries get from each split of their keys, [split][kQueryBlock].
struct SplitResults {
  Partial* partials;
  float* acc;  ///< of v_stride each
};

class AttentionCall {
 public:
  AttentionCall(CpuDevice& device, const ops::Attention::Args& args)
      : device_(device),
        kernels_(attention_kernels(device.isa())),
        a_(args),
        group_(args.num_heads / args.cache.layout.num_kv_heads),
        split_keys_(device.attention_params().kv_split),
        v_stride_((args.cache.layout.v_dim + 15) / 16 * 16) {
    for (std::size_t s = 0; s < a_.plan.sequences.size(); ++s) add_blocks(s);
  }

  void run() {
    // Fewer blocks would leave threads without work, and what few of them get is little to keep until it is joined.
    constexpr std::size_t kBlocksPerThread = 4;
    const bool enough = blocks_.size() >= kBlocksPerThread * static_cast<std::size_t>(device_.num_threads());
    if (enough || std::ranges::all_of(blocks_, [](const QueryBlock& block) { return block.num_splits == 1; }))
      run_blocks();
    else
      run_parts();
  }

 private:
  static constexpr float kNone = -std::numeric_limits<float>::infinity();

  /// One split of one block.
  struct Part {
    std::size_t block;
    std::int32_t split;  ///< of the block
  };

  void add_blocks(std::size_t s) {
    const auto& rows = a_.plan.sequences[s];
    const std::int32_t queries = rows.num_rows * group_;
    for (int kv_head = 0; kv_head < a_.cache.layout.num_kv_heads; ++kv_head)
      for (std::int32_t q = 0; q < queries; q += kQueryBlock) {
        const std::int32_t count = std::min(kQueryBlock, queries - q);
        const auto [first, last] = keys_of(rows, q / group_, (q + count - 1) / group_);
        const std::int32_t split = first / split_keys_;
        blocks_.push_back({s, kv_head, q, count, split, last / split_keys_ - split + 1});
      }
  }

  /// The keys that rows [first_row, last_row] of a sequence see between them.
  std::pair<std::int32_t, std::int32_t> keys_of(const ops::SequenceRows& rows, std::int32_t first_row,
                                                std::int32_t last_row) const {
    const std::int32_t position = rows.first_position + first_row;
    const std::int32_t first = a_.mask.window_size ? std::max(0, position - *a_.mask.window_size + 1) : 0;
    const bool all = a_.mask.kind == Mask::Kind::bidirectional;
    return {first, all ? rows.first_position + rows.num_rows - 1 : rows.first_position + last_row};
  }

  struct Target {
    std::int64_t row;
    int head;
  };

  Target target(const QueryBlock& block, std::int32_t i) const {
    const std::int32_t query = block.first_query + i;
    return {a_.plan.sequences[block.sequence].first_row + query / group_, block.kv_head * group_ + query % group_};
  }

  /// The whole of a block at a time: each thread keeps room for one.
  void run_blocks() const {
    device_.pool().run(static_cast<std::int64_t>(blocks_.size()), [&](std::int64_t b) {
      const auto& block = blocks_[static_cast<std::size_t>(b)];
      const auto results = room(block.num_splits);
      for (std::int32_t split = 0; split < block.num_splits; ++split) attend(block, split, results);
      finish(block, results);
    });
  }

  void run_parts() const {
    std::vector<Part> parts;
    std::vector<std::int64_t> firsts;  // part of each block
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      firsts.push_back(static_cast<std::int64_t>(parts.size()));
      for (std::int32_t split = 0; split < blocks_[b].num_splits; ++split) parts.push_back({b, split});
    }
    const SplitResults all = room(static_cast<std::int64_t>(parts.size()));
    device_.pool().run(static_cast<std::int64_t>(parts.size()), [&](std::int64_t p) {
      const auto& part = parts[static_cast<std::size_t>(p)];
      attend(blocks_[part.block], part.split, at(all, firsts[part.block]));
    });
    device_.pool().run(static_cast<std::int64_t>(blocks_.size()), [&](std::int64_t b) {
      finish(blocks_[static_cast<std::size_t>(b)], at(all, firsts[static_cast<std::size_t>(b)]));
    });
  }

  /// Room of the calling thread for as many splits.
  SplitResults room(std::int64_t splits) const {
    thread_local Scratch<Partial> partials;
    thread_local Scratch<float> acc;
    const auto count = static_cast<std::size_t>(splits * kQueryBlock);
    return {partials.at_least(count), acc.at_least(count * static_cast<std::size_t>(v_stride_))};
  }

  SplitResults at(const SplitResults& results, std::int64_t split) const {
    const std::int64_t first = split * kQueryBlock;
    return {results.partials + first, results.acc + first * v_stride_};
  }

  void attend(const QueryBlock& block, std::int32_t split, const SplitResults& results) const {
    const auto& rows = a_.plan.sequences[block.sequence];
    const std::int32_t first_key = (block.first_split + split) * split_keys_;
    std::array<Query, kQueryBlock> queries;
    for (std::int32_t i = 0; i < block.num_queries; ++i) {
      const auto [row, head] = target(block, i);
      const std::int32_t in_sequence = (block.first_query + i) / group_;
      const auto [first, last] = keys_of(rows, in_sequence, in_sequence);
      queries[static_cast<std::size_t>(i)] = {a_.q.row(row) + static_cast<std::int64_t>(head) * a_.cache.layout.k_dim,
                                              std::max(first, first_key), std::min(last, first_key + split_keys_ - 1)};
    }
    const auto [partials, acc] = at(results, split);
    kernels_.attend(a_, block.sequence, block.kv_head, {queries.data(), static_cast<std::size_t>(block.num_queries)},
                    acc, v_stride_, partials);
  }

  /// Joins the splits of each query in order, with the sink, into the output.
  void finish(const QueryBlock& block, const SplitResults& results) const {
    const int dim = a_.cache.layout.v_dim;
    for (std::int32_t i = 0; i < block.num_queries; ++i) {
      const auto [row, head] = target(block, i);
      const auto partial = [&](std::int32_t split) { return at(results, split).partials[i]; };
      float most = a_.sinks ? a_.sinks[head] : kNone;
      for (std::int32_t s = 0; s < block.num_splits; ++s)
        if (partial(s).sum != 0.0f) most = std::max(most, partial(s).max);
      float sum = a_.sinks ? std::exp(a_.sinks[head] - most) : 0.0f;
      float* out = a_.out.row(row) + static_cast<std::int64_t>(head) * dim;
      std::fill_n(out, dim, 0.0f);
      for (std::int32_t s = 0; s < block.num_splits; ++s) {
        if (partial(s).sum == 0.0f) continue;  // NaN go on
        const float weight = std::exp(partial(s).max - most);
        sum += partial(s).sum * weight;
        const float* values = at(results, s).acc + i * v_stride_;
        for (int d = 0; d < dim; ++d) out[d] += values[d] * weight;
      }
      for (int d = 0; d < dim; ++d) out[d] /= sum;
    }
  }

  CpuDevice& device_;
  const AttentionKernels& kernels_;
  const ops::Attention::Args& a_;
  std::int32_t group_, split_keys_;
  std::int64_t v_stride_;
  std::vector<QueryBlock> blocks_;
};

void attention(Device& device, const ops::Attention::Args& args) { AttentionCall(cpu_device(device), args).run(); }

}  // namespace

void register_attention_kernels(ops::KernelTable& kernels) {
  kernels.set<ops::Attention>(attention);
  kernels.set<ops::RotaryAppend>(rotary_append);
}

}  // namespace ttt::cpu
