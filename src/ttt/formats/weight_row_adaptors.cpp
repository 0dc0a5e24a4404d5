// The adaptors that cut tensors into rows, or join them by rows.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ttt/core/error.h"
#include "ttt/formats/weight_view.h"

namespace ttt::inline v2 {
namespace {

using internal::WeightAdaptor;
using internal::WeightLedger;
using internal::WeightView;
using Match = Weights::Match;

/// Bytes of one row of `shape` (its outermost dimension); throws when rows are not whole blocks.
std::size_t bytes_of_row(std::string_view name, DType dtype, const Shape& shape) {
  if (shape.rank() < 1) throw WeightError(name, "a scalar has no rows");
  const auto inner = shape.rank() == 1 ? Shape{1} : Shape(shape.dims().subspan(1));
  if (shape.rank() == 1 && is_block_quantized(dtype))
    throw WeightError(name, fmt::format("{} {} cannot be cut into rows", shape.str(), ttt::name(dtype)));
  return Tensor::bytes_for(dtype, inner);
}

Shape with_rows(const Shape& shape, std::int64_t rows) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims.at(0) = rows;
  return Shape(dims);
}

Tensor permute_rows(std::string_view name, const Tensor& t,
                    const std::function<std::int64_t(std::int64_t, std::int64_t)>& permutation) {
  const auto row = bytes_of_row(name, t.dtype(), t.shape());
  const auto rows = t.shape()[0];
  return Tensor::make(t.dtype(), t.shape(), [&](std::span<std::byte> out) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto from = permutation(r, rows);
      if (from < 0 || from >= rows)
        throw WeightError(name, fmt::format("row permutation maps {} to {}, of {} rows", r, from, rows));
      std::memcpy(out.data() + static_cast<std::size_t>(r) * row,
                  t.bytes().data() + static_cast<std::size_t>(from) * row, row);
    }
  });
}

class RowsPermuted : public WeightAdaptor {
 public:
  using Permutation = std::function<std::int64_t(std::int64_t, std::int64_t)>;
  RowsPermuted(std::shared_ptr<const WeightView> inner, Match matches, Permutation permutation)
      : WeightAdaptor(std::move(inner)), matches_(std::move(matches)), permutation_(std::move(permutation)) {}
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    const auto tensor = inner_->load(name, ledger);
    if (!matches_(name)) return tensor;
    bytes_of_row(name, tensor.dtype(), tensor.shape());  // throws for what cannot be cut
    return tensor.has_data() ? permute_rows(name, tensor, permutation_) : tensor;
  }

 private:
  Match matches_;
  Permutation permutation_;
};

class Sliced : public WeightAdaptor {
 public:
  using SliceOf = std::function<std::optional<Weights::Slice>(std::string_view)>;
  Sliced(std::shared_ptr<const WeightView> inner, SliceOf slice_of)
      : WeightAdaptor(std::move(inner)), slice_of_(std::move(slice_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto slice = slice_of_(name);
    if (!slice) return inner_->find(name);
    const auto fused = inner_->find(slice->fused);
    if (!fused || fused->shape.rank() < 1 || slice->count < 0) return fused;  // load says what is wrong
    return Info{fused->dtype, with_rows(fused->shape, slice->count)};
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    const auto slice = slice_of_(name);
    if (!slice) return inner_->load(name, ledger);
    const auto fused = inner_->load(slice->fused, ledger);
    const auto row = bytes_of_row(slice->fused, fused.dtype(), fused.shape());
    const auto rows = fused.shape()[0];
    if (slice->first < 0 || slice->count < 0 || slice->first > rows || slice->count > rows - slice->first)
      throw WeightError(name, fmt::format("rows [{}, {}+{}) are outside {} {}", slice->first, slice->first,
                                          slice->count, slice->fused, fused.shape().str()));
    const auto shape = with_rows(fused.shape(), slice->count);
    if (!fused.has_data()) return Tensor::without_data(fused.dtype(), shape);
    const auto* begin = fused.data().get() + static_cast<std::size_t>(slice->first) * row;
    return Tensor(fused.dtype(), shape, {fused.data(), begin}, static_cast<std::size_t>(slice->count) * row);
  }
  void mark(std::string_view name, WeightLedger& ledger) const override {
    const auto slice = slice_of_(name);
    inner_->mark(slice ? slice->fused : name, ledger);
  }

 private:
  SliceOf slice_of_;
};

class Indexed : public WeightAdaptor {
 public:
  using ElementOf = std::function<std::optional<Weights::Element>(std::string_view)>;
  Indexed(std::shared_ptr<const WeightView> inner, ElementOf element_of)
      : WeightAdaptor(std::move(inner)), element_of_(std::move(element_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto element = element_of_(name);
    if (!element) return inner_->find(name);
    const auto stacked = inner_->find(element->stacked);
    if (!stacked || stacked->shape.rank() < 2) return stacked;  // load says what is wrong
    return Info{stacked->dtype, Shape(stacked->shape.dims().subspan(1))};
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    const auto element = element_of_(name);
    if (!element) return inner_->load(name, ledger);
    const auto stacked = inner_->load(element->stacked, ledger);
    if (stacked.shape().rank() < 2 || element->index < 0 || element->index >= stacked.shape()[0])
      throw WeightError(name,
                        fmt::format("no element {} in {} {}", element->index, element->stacked, stacked.shape().str()));
    const Shape shape(stacked.shape().dims().subspan(1));
    if (!stacked.has_data()) return Tensor::without_data(stacked.dtype(), shape);
    const auto size = Tensor::bytes_for(stacked.dtype(), shape);
    const auto* begin = stacked.data().get() + static_cast<std::size_t>(element->index) * size;
    return Tensor(stacked.dtype(), shape, {stacked.data(), begin}, size);
  }
  void mark(std::string_view name, WeightLedger& ledger) const override {
    const auto element = element_of_(name);
    inner_->mark(element ? element->stacked : name, ledger);
  }

 private:
  ElementOf element_of_;
};

class Concatenated : public WeightAdaptor {
 public:
  using PartsOf = std::function<std::vector<std::string>(std::string_view)>;
  Concatenated(std::shared_ptr<const WeightView> inner, PartsOf parts_of)
      : WeightAdaptor(std::move(inner)), parts_of_(std::move(parts_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto parts = parts_of_(name);
    if (parts.empty()) return inner_->find(name);
    std::optional<Info> whole;
    std::int64_t rows = 0;
    for (const auto& part : parts) {
      const auto found = inner_->find(part);
      if (!found || found->shape.rank() < 1) return found;  // load says what is wrong
      if (!whole) whole = found;
      rows += found->shape[0];
    }
    return Info{whole->dtype, with_rows(whole->shape, rows)};
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    const auto parts = parts_of_(name);
    if (parts.empty()) return inner_->load(name, ledger);
    std::vector<Tensor> tensors;
    std::int64_t rows = 0;
    for (const auto& part : parts) {
      tensors.push_back(inner_->load(part, ledger));
      const auto &first = tensors.front(), &last = tensors.back();
      if (last.dtype() != first.dtype() || last.shape().rank() < 1 || last.shape().rank() != first.shape().rank() ||
          with_rows(last.shape(), 1) != with_rows(first.shape(), 1))
        throw WeightError(
            part, fmt::format("{} {} cannot be concatenated with {} {} {}", last.shape().str(), ttt::name(last.dtype()),
                              parts.front(), first.shape().str(), ttt::name(first.dtype())));
      rows += last.shape()[0];
    }
    const auto dtype = tensors.front().dtype();
    const auto shape = with_rows(tensors.front().shape(), rows);
    if (ledger.planning) return Tensor::without_data(dtype, shape);
    return Tensor::make(dtype, shape, [&](std::span<std::byte> out) {
      for (const auto& t : tensors) {
        std::ranges::copy(t.bytes(), out.begin());
        out = out.subspan(t.bytes().size());
      }
    });
  }
  void mark(std::string_view name, WeightLedger& ledger) const override {
    const auto parts = parts_of_(name);
    if (parts.empty()) return inner_->mark(name, ledger);
    for (const auto& part : parts) inner_->mark(part, ledger);
  }

 private:
  PartsOf parts_of_;
};

}  // namespace

Weights Weights::rows_permuted(Match matches,
                               std::function<std::int64_t(std::int64_t, std::int64_t)> permutation) const {
  return seen_through(std::make_shared<RowsPermuted>(view_, std::move(matches), std::move(permutation)));
}
Weights Weights::sliced(std::function<std::optional<Slice>(std::string_view)> slice_of) const {
  return seen_through(std::make_shared<Sliced>(view_, std::move(slice_of)));
}
Weights Weights::indexed(std::function<std::optional<Element>(std::string_view)> element_of) const {
  return seen_through(std::make_shared<Indexed>(view_, std::move(element_of)));
}
Weights Weights::concatenated(std::function<std::vector<std::string>(std::string_view)> parts_of) const {
  return seen_through(std::make_shared<Concatenated>(view_, std::move(parts_of)));
}

}  // namespace ttt::inline v2
