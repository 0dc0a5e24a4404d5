#include "attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "attention_kernels.h"
#include "cpu_device.h"
#include "rotary_append.h"

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

/// Query vectors of one sequence and kv head that share a pass, over one span of keys.
struct Task {
  std::size_t sequence;
  int kv_head;
  std::int32_t first_query, num_queries;  ///< index into rows x heads of the group
  std::int32_t split;
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
    for (const auto& rows : args.plan.sequences)
      num_splits_ = std::max(num_splits_, (last_position(rows) / split_keys_) + 1);
  }

  void run() {
    std::vector<Task> tasks;
    for (std::size_t s = 0; s < a_.plan.sequences.size(); ++s) add_tasks(s, tasks);
    if (num_splits_ == 1) {
      device_.pool().run(static_cast<std::int64_t>(tasks.size()),
                         [&](std::int64_t i) { run_whole(tasks[static_cast<std::size_t>(i)]); });
      return;
    }
    // Partial results [row][head][split], joined in the order of the splits.
    const auto vectors = static_cast<std::size_t>(a_.q.rows) * static_cast<std::size_t>(a_.num_heads);
    partials_.assign(vectors * static_cast<std::size_t>(num_splits_), Partial{kNone, 0.0f});
    acc_.resize(partials_.size() * static_cast<std::size_t>(v_stride_));
    device_.pool().run(static_cast<std::int64_t>(tasks.size()),
                       [&](std::int64_t i) { run_split(tasks[static_cast<std::size_t>(i)]); });
    device_.pool().run(a_.q.rows, [&](std::int64_t row) {
      for (int head = 0; head < a_.num_heads; ++head) {
        const auto first = vector_index(row, head, 0);
        finish(row, head, {partials_.data() + first, static_cast<std::size_t>(num_splits_)},
               acc_.data() + first * static_cast<std::size_t>(v_stride_));
      }
    });
  }

 private:
  static constexpr float kNone = -std::numeric_limits<float>::infinity();

  static std::int32_t last_position(const ops::SequenceRows& rows) { return rows.first_position + rows.num_rows - 1; }

  void add_tasks(std::size_t s, std::vector<Task>& tasks) const {
    const auto& rows = a_.plan.sequences[s];
    const std::int32_t queries = rows.num_rows * group_;
    for (int kv_head = 0; kv_head < a_.cache.layout.num_kv_heads; ++kv_head)
      for (std::int32_t q = 0; q < queries; q += kQueryBlock) {
        const std::int32_t count = std::min(kQueryBlock, queries - q);
        const auto [first, last] = keys_of(rows, q / group_, (q + count - 1) / group_);
        for (std::int32_t split = first / split_keys_; split <= last / split_keys_; ++split)
          tasks.push_back({s, kv_head, q, count, split});
      }
  }

  /// The keys that rows [first_row, last_row] of a sequence see between them.
  std::pair<std::int32_t, std::int32_t> keys_of(const ops::SequenceRows& rows, std::int32_t first_row,
                                                std::int32_t last_row) const {
    const std::int32_t position = rows.first_position + first_row;
    const std::int32_t first = a_.mask.window_size ? std::max(0, position - *a_.mask.window_size + 1) : 0;
    const bool all = a_.mask.kind == Mask::Kind::bidirectional;
    return {first, all ? last_position(rows) : rows.first_position + last_row};
  }

  std::size_t vector_index(std::int64_t row, int head, std::int32_t split) const {
    return (static_cast<std::size_t>(row) * static_cast<std::size_t>(a_.num_heads) + static_cast<std::size_t>(head)) *
               static_cast<std::size_t>(num_splits_) +
           static_cast<std::size_t>(split);
  }

  struct Target {
    std::int64_t row;
    int head;
  };

  Target target(const Task& task, std::int32_t i) const {
    const std::int32_t query = task.first_query + i;
    return {a_.plan.sequences[task.sequence].first_row + query / group_, task.kv_head * group_ + query % group_};
  }

  void attend(const Task& task, float* acc, Partial* partials) const {
    const auto& rows = a_.plan.sequences[task.sequence];
    std::array<Query, kQueryBlock> queries;
    for (std::int32_t i = 0; i < task.num_queries; ++i) {
      const auto [row, head] = target(task, i);
      const std::int32_t in_sequence = (task.first_query + i) / group_;
      const auto [first, last] = keys_of(rows, in_sequence, in_sequence);
      queries[static_cast<std::size_t>(i)] = {a_.q.row(row) + static_cast<std::int64_t>(head) * a_.cache.layout.k_dim,
                                              std::max(first, task.split * split_keys_),
                                              std::min(last, (task.split + 1) * split_keys_ - 1)};
    }
    kernels_.attend(a_, task.sequence, task.kv_head, {queries.data(), static_cast<std::size_t>(task.num_queries)}, acc,
                    v_stride_, partials);
  }

  float* scratch() const {
    thread_local std::vector<float> buffer;
    buffer.resize(static_cast<std::size_t>(kQueryBlock * v_stride_));
    return buffer.data();
  }

  void run_whole(const Task& task) const {
    float* acc = scratch();
    std::array<Partial, kQueryBlock> partials;
    attend(task, acc, partials.data());
    for (std::int32_t i = 0; i < task.num_queries; ++i) {
      const auto [row, head] = target(task, i);
      finish(row, head, {&partials[static_cast<std::size_t>(i)], 1}, acc + i * v_stride_);
    }
  }

  void run_split(const Task& task) {
    float* acc = scratch();
    std::array<Partial, kQueryBlock> partials;
    attend(task, acc, partials.data());
    for (std::int32_t i = 0; i < task.num_queries; ++i) {
      const auto [row, head] = target(task, i);
      const auto at = vector_index(row, head, task.split);
      partials_[at] = partials[static_cast<std::size_t>(i)];
      std::copy_n(acc + i * v_stride_, v_stride_, acc_.begin() + static_cast<std::ptrdiff_t>(at) * v_stride_);
    }
  }

  /// Joins a query's splits in order, with the sink, into the output.
  void finish(std::int64_t row, int head, std::span<const Partial> splits, const float* acc) const {
    float most = a_.sinks ? a_.sinks[head] : kNone;
    for (const auto& split : splits)
      if (split.sum > 0.0f) most = std::max(most, split.max);
    float sum = a_.sinks ? std::exp(a_.sinks[head] - most) : 0.0f;
    const int dim = a_.cache.layout.v_dim;
    float* out = a_.out.row(row) + static_cast<std::int64_t>(head) * dim;
    std::fill_n(out, dim, 0.0f);
    for (std::size_t s = 0; s < splits.size(); ++s) {
      if (!(splits[s].sum > 0.0f)) continue;
      const float weight = std::exp(splits[s].max - most);
      sum += splits[s].sum * weight;
      const float* values = acc + static_cast<std::int64_t>(s) * v_stride_;
      for (int d = 0; d < dim; ++d) out[d] += values[d] * weight;
    }
    for (int d = 0; d < dim; ++d) out[d] /= sum;
  }

  CpuDevice& device_;
  const AttentionKernels& kernels_;
  const ops::Attention::Args& a_;
  std::int32_t group_, split_keys_;
  std::int64_t v_stride_;
  std::int32_t num_splits_ = 1;
  std::vector<Partial> partials_;
  std::vector<float> acc_;
};

void attention(Device& device, const ops::Attention::Args& args) { AttentionCall(cpu_device(device), args).run(); }

}  // namespace

void register_attention_kernels(ops::KernelTable& kernels) {
  kernels.set<ops::Attention>(attention);
  kernels.set<ops::RotaryAppend>(rotary_append);
}

}  // namespace ttt::cpu
