#include "ttt/formats/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <set>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"

namespace ttt::inline v2 {
namespace {

constexpr std::size_t kMaxListed = 8;          // names of a kind that `finish` prints
constexpr std::size_t kMostMissing = 100'000;  // a plan ends there: a config with absurd counts could go on for hours

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

Tensor transpose(const Tensor& stored) {
  const Tensor t = is_block_quantized(stored.dtype()) ? to_f32(stored) : stored;
  const auto rows = static_cast<std::size_t>(t.shape()[0]), cols = static_cast<std::size_t>(t.shape()[1]);
  const std::size_t size = info(t.dtype()).block_bytes;
  return Tensor::make(t.dtype(), Shape{t.shape()[1], t.shape()[0]}, [&](std::span<std::byte> out) {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c)
        std::memcpy(out.data() + (c * rows + r) * size, t.bytes().data() + (r * cols + c) * size, size);
  });
}

std::string list_names(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  const auto shown = std::span(lines).first(std::min(lines.size(), kMaxListed));
  const auto rest = lines.size() - shown.size();
  return fmt::format("\n{} ({}): {}{}", title, lines.size(), fmt::join(shown, "; "),
                     rest > 0 ? fmt::format("; and {} more", rest) : "");
}

}  // namespace

/// What was asked for, shared by every path and adaptor of one model.
struct Weights::Ledger {
  bool planning = false;
  std::mutex mutex;
  std::set<std::string, std::less<>> taken;  // names in the checkpoint
  std::vector<std::string> missing;
  std::vector<std::string> wrong;  // misshaped, or not fit for an adaptor

  void take(std::string_view name) {
    const std::lock_guard lock(mutex);
    taken.emplace(name);
  }
  void note(std::vector<std::string>& list, std::string line) {
    const std::lock_guard lock(mutex);
    list.push_back(std::move(line));
  }
};

/// Names resolve through a chain of views down to the base, which records them in the ledger given.
class Weights::View {
 public:
  using Info = WeightSource::Info;
  virtual ~View() = default;
  virtual std::optional<Info> find(std::string_view name) const = 0;
  /// The tensor, without data when planning. Call only for names that `find` knows.
  virtual Tensor load(std::string_view name, Ledger& ledger) const = 0;
  /// Marks what `name` is made of as taken, reading nothing.
  virtual void mark(std::string_view name, Ledger& ledger) const = 0;
  virtual const WeightSource& source() const = 0;
};

class Weights::Base : public View {
 public:
  explicit Base(std::shared_ptr<const WeightSource> source) : source_(std::move(source)) {}
  std::optional<Info> find(std::string_view name) const override { return source_->find(name); }
  Tensor load(std::string_view name, Ledger& ledger) const override {
    ledger.take(name);
    if (!ledger.planning) return source_->load(name);
    const auto found = source_->find(name);
    if (!found) throw WeightError(source_->where(), fmt::format("{}: no such tensor", name));
    return Tensor::without_data(found->dtype, found->shape);
  }
  void mark(std::string_view name, Ledger& ledger) const override { ledger.take(name); }
  const WeightSource& source() const override { return *source_; }

 private:
  std::shared_ptr<const WeightSource> source_;
};

/// Passes everything on; adaptors override what they change.
class Weights::Adaptor : public View {
 public:
  explicit Adaptor(std::shared_ptr<const View> inner) : inner_(std::move(inner)) {}
  std::optional<Info> find(std::string_view name) const override { return inner_->find(name); }
  Tensor load(std::string_view name, Ledger& ledger) const override { return inner_->load(name, ledger); }
  void mark(std::string_view name, Ledger& ledger) const override { inner_->mark(name, ledger); }
  const WeightSource& source() const override { return inner_->source(); }

 protected:
  std::shared_ptr<const View> inner_;
};

class Weights::Renamed : public Adaptor {
 public:
  using ToSource = std::function<std::optional<std::string>(std::string_view)>;
  Renamed(std::shared_ptr<const View> inner, ToSource to_source)
      : Adaptor(std::move(inner)), to_source_(std::move(to_source)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto source = to_source_(name);
    return source ? inner_->find(*source) : std::nullopt;
  }
  Tensor load(std::string_view name, Ledger& ledger) const override {
    return inner_->load(to_source_(name).value(), ledger);
  }
  void mark(std::string_view name, Ledger& ledger) const override {
    if (const auto source = to_source_(name)) inner_->mark(*source, ledger);
  }

 private:
  ToSource to_source_;
};

class Weights::RowsPermuted : public Adaptor {
 public:
  using Permutation = std::function<std::int64_t(std::int64_t, std::int64_t)>;
  RowsPermuted(std::shared_ptr<const View> inner, Match matches, Permutation permutation)
      : Adaptor(std::move(inner)), matches_(std::move(matches)), permutation_(std::move(permutation)) {}
  Tensor load(std::string_view name, Ledger& ledger) const override {
    const auto tensor = inner_->load(name, ledger);
    if (!matches_(name)) return tensor;
    bytes_of_row(name, tensor.dtype(), tensor.shape());  // throws for what cannot be cut
    return tensor.has_data() ? permute_rows(name, tensor, permutation_) : tensor;
  }

 private:
  Match matches_;
  Permutation permutation_;
};

class Weights::Transposed : public Adaptor {
 public:
  Transposed(std::shared_ptr<const View> inner, Match matches)
      : Adaptor(std::move(inner)), matches_(std::move(matches)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto found = inner_->find(name);
    if (!found || !matches_(name) || found->shape.rank() != 2) return found;
    return Info{transposed_dtype(found->dtype), Shape{found->shape[1], found->shape[0]}};
  }
  Tensor load(std::string_view name, Ledger& ledger) const override {
    const auto tensor = inner_->load(name, ledger);
    if (!matches_(name)) return tensor;
    if (tensor.shape().rank() != 2)
      throw WeightError(name,
                        fmt::format("{} {} cannot be transposed", tensor.shape().str(), ttt::name(tensor.dtype())));
    if (tensor.has_data()) return transpose(tensor);
    return Tensor::without_data(transposed_dtype(tensor.dtype()), Shape{tensor.shape()[1], tensor.shape()[0]});
  }

 private:
  static DType transposed_dtype(DType dtype) { return is_block_quantized(dtype) ? DType::f32 : dtype; }

  Match matches_;
};

class Weights::Sliced : public Adaptor {
 public:
  using SliceOf = std::function<std::optional<Slice>(std::string_view)>;
  Sliced(std::shared_ptr<const View> inner, SliceOf slice_of)
      : Adaptor(std::move(inner)), slice_of_(std::move(slice_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto slice = slice_of_(name);
    if (!slice) return inner_->find(name);
    const auto fused = inner_->find(slice->fused);
    if (!fused || fused->shape.rank() < 1 || slice->count < 0) return fused;  // load says what is wrong
    return Info{fused->dtype, with_rows(fused->shape, slice->count)};
  }
  Tensor load(std::string_view name, Ledger& ledger) const override {
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
  void mark(std::string_view name, Ledger& ledger) const override {
    const auto slice = slice_of_(name);
    inner_->mark(slice ? slice->fused : name, ledger);
  }

 private:
  SliceOf slice_of_;
};

class Weights::Indexed : public Adaptor {
 public:
  using ElementOf = std::function<std::optional<Element>(std::string_view)>;
  Indexed(std::shared_ptr<const View> inner, ElementOf element_of)
      : Adaptor(std::move(inner)), element_of_(std::move(element_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto element = element_of_(name);
    if (!element) return inner_->find(name);
    const auto stacked = inner_->find(element->stacked);
    if (!stacked || stacked->shape.rank() < 2) return stacked;  // load says what is wrong
    return Info{stacked->dtype, Shape(stacked->shape.dims().subspan(1))};
  }
  Tensor load(std::string_view name, Ledger& ledger) const override {
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
  void mark(std::string_view name, Ledger& ledger) const override {
    const auto element = element_of_(name);
    inner_->mark(element ? element->stacked : name, ledger);
  }

 private:
  ElementOf element_of_;
};

class Weights::Computed : public Adaptor {
 public:
  using RecipeOf = std::function<std::optional<Recipe>(std::string_view)>;
  Computed(std::shared_ptr<const View> inner, RecipeOf recipe_of)
      : Adaptor(std::move(inner)), recipe_of_(std::move(recipe_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto recipe = recipe_of_(name);
    if (!recipe) return inner_->find(name);
    for (const auto& part : recipe->parts)
      if (!inner_->find(part)) return std::nullopt;
    return Info{recipe->dtype, recipe->shape};
  }
  Tensor load(std::string_view name, Ledger& ledger) const override {
    const auto recipe = recipe_of_(name);
    if (!recipe) return inner_->load(name, ledger);
    std::vector<Tensor> parts;
    for (const auto& part : recipe->parts) parts.push_back(inner_->load(part, ledger));
    if (ledger.planning) return Tensor::without_data(recipe->dtype, recipe->shape);
    return Tensor::make(recipe->dtype, recipe->shape, [&](std::span<std::byte> out) { recipe->fill(parts, out); });
  }
  void mark(std::string_view name, Ledger& ledger) const override {
    const auto recipe = recipe_of_(name);
    if (!recipe) return inner_->mark(name, ledger);
    for (const auto& part : recipe->parts) inner_->mark(part, ledger);
  }

 private:
  RecipeOf recipe_of_;
};

class Weights::Concatenated : public Adaptor {
 public:
  using PartsOf = std::function<std::vector<std::string>(std::string_view)>;
  Concatenated(std::shared_ptr<const View> inner, PartsOf parts_of)
      : Adaptor(std::move(inner)), parts_of_(std::move(parts_of)) {}
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
  Tensor load(std::string_view name, Ledger& ledger) const override {
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
  void mark(std::string_view name, Ledger& ledger) const override {
    const auto parts = parts_of_(name);
    if (parts.empty()) return inner_->mark(name, ledger);
    for (const auto& part : parts) inner_->mark(part, ledger);
  }

 private:
  PartsOf parts_of_;
};

class Weights::Mapped : public Adaptor {
 public:
  Mapped(std::shared_ptr<const View> inner, Match matches, std::function<float(float)> map)
      : Adaptor(std::move(inner)), matches_(std::move(matches)), map_(std::move(map)) {}
  std::optional<Info> find(std::string_view name) const override {
    auto found = inner_->find(name);
    if (found && matches_(name)) found->dtype = DType::f32;
    return found;
  }
  Tensor load(std::string_view name, Ledger& ledger) const override {
    const auto tensor = inner_->load(name, ledger);
    if (!matches_(name)) return tensor;
    if (!is_floating(tensor.dtype()) && !is_block_quantized(tensor.dtype()))
      throw WeightError(name, fmt::format("{} cannot be mapped as f32", ttt::name(tensor.dtype())));
    if (!tensor.has_data()) return Tensor::without_data(DType::f32, tensor.shape());
    return Tensor::make(DType::f32, tensor.shape(), [&](std::span<std::byte> out) {
      const std::span<float> values(reinterpret_cast<float*>(out.data()), out.size() / sizeof(float));
      dequantize(tensor.dtype(), tensor.bytes(), values);
      for (auto& value : values) value = map_(value);
    });
  }

 private:
  Match matches_;
  std::function<float(float)> map_;
};

Weights::Weights(std::shared_ptr<const WeightSource> source)
    : view_(std::make_shared<Base>(std::move(source))), ledger_(std::make_shared<Ledger>()) {}

Weights Weights::operator/(std::string_view name) const {
  auto result = *this;
  result.path_ = full(name);
  return result;
}
Weights Weights::operator/(int index) const { return *this / std::to_string(index); }

std::string Weights::full(std::string_view name) const {
  if (path_.empty()) return std::string(name);
  return name.empty() ? path_ : fmt::format("{}.{}", path_, name);
}

bool Weights::has(std::string_view name) const { return find(name).has_value(); }
std::optional<WeightSource::Info> Weights::find(std::string_view name) const { return view_->find(full(name)); }

Tensor Weights::take(std::string_view name, const Shape& expected) const {
  const auto whole = full(name);
  const auto where = path_.empty() ? view_->source().where() : path_;
  const auto planned = [&] { return Tensor::without_data(DType::f32, expected); };
  if (ledger_->planning && ledger_->missing.size() >= kMostMissing) finish();
  try {
    const auto found = view_->find(whole);
    if (!found) {
      if (!ledger_->planning)
        throw WeightError(
            where, fmt::format("{}: expected {}, missing from {}", name, expected.str(), view_->source().where()));
      ledger_->note(ledger_->missing, fmt::format("{}: expected {}", whole, expected.str()));
      return planned();
    }
    if (found->shape != expected) {
      view_->mark(whole, *ledger_);
      const auto what =
          fmt::format("expected {}, got {} {}", expected.str(), found->shape.str(), ttt::name(found->dtype));
      if (!ledger_->planning) throw WeightError(where, fmt::format("{}: {}", name, what));
      ledger_->note(ledger_->wrong, fmt::format("{}: {}", whole, what));
      return planned();
    }
    return view_->load(whole, *ledger_);
  } catch (const Error& e) {
    if (!ledger_->planning) throw;
    view_->mark(whole, *ledger_);
    ledger_->note(ledger_->wrong, fmt::format("{}: {}", whole, e.what()));
    return planned();
  }
}

Weights Weights::plan() const {
  auto result = *this;
  result.ledger_ = std::make_shared<Ledger>();
  result.ledger_->planning = true;
  return result;
}

bool is_saved_buffer(const WeightSource& source, std::string_view name) {
  if (name.ends_with("rotary_emb.inv_freq")) return true;
  const auto rank_is = [&](int rank) {
    const auto found = source.find(name);
    return found && found->shape.rank() == rank;
  };
  // Told from a parameter of that name by the shape: [1, 1, T, T], and the one masked value.
  if (name.ends_with(".masked_bias")) return rank_is(0);
  return (name.ends_with(".attn.bias") || name.ends_with(".attention.bias")) && rank_is(4);
}

void Weights::finish() const {
  const std::lock_guard lock(ledger_->mutex);
  std::vector<std::string> missing, extra;
  for (const auto& line : ledger_->missing) missing.push_back(line);
  for (const auto& name : view_->source().names())
    if (!ledger_->taken.contains(name) && !is_saved_buffer(view_->source(), name)) extra.push_back(name);
  if (missing.empty() && ledger_->wrong.empty() && extra.empty()) return;
  throw WeightError(view_->source().where(), "the weights do not fit the model:" + list_names("missing", missing) +
                                                 list_names("misshaped or unusable", ledger_->wrong) +
                                                 list_names("never taken", extra));
}

void Weights::ignore(const std::function<bool(std::string_view)>& names) const {
  for (const auto& name : view_->source().names())
    if (names(name)) ledger_->take(name);
}

Weights Weights::seen_through(std::shared_ptr<const View> view) const {
  auto result = *this;
  result.view_ = std::move(view);
  return result;
}
Weights Weights::renamed(std::function<std::optional<std::string>(std::string_view)> to_source) const {
  return seen_through(std::make_shared<Renamed>(view_, std::move(to_source)));
}
Weights Weights::rows_permuted(Match matches,
                               std::function<std::int64_t(std::int64_t, std::int64_t)> permutation) const {
  return seen_through(std::make_shared<RowsPermuted>(view_, std::move(matches), std::move(permutation)));
}
Weights Weights::transposed(Match matches) const {
  return seen_through(std::make_shared<Transposed>(view_, std::move(matches)));
}
Weights Weights::sliced(std::function<std::optional<Slice>(std::string_view)> slice_of) const {
  return seen_through(std::make_shared<Sliced>(view_, std::move(slice_of)));
}
Weights Weights::indexed(std::function<std::optional<Element>(std::string_view)> element_of) const {
  return seen_through(std::make_shared<Indexed>(view_, std::move(element_of)));
}
Weights Weights::computed(std::function<std::optional<Recipe>(std::string_view)> recipe_of) const {
  return seen_through(std::make_shared<Computed>(view_, std::move(recipe_of)));
}
Weights Weights::concatenated(std::function<std::vector<std::string>(std::string_view)> parts_of) const {
  return seen_through(std::make_shared<Concatenated>(view_, std::move(parts_of)));
}
Weights Weights::mapped(Match matches, std::function<float(float)> map) const {
  return seen_through(std::make_shared<Mapped>(view_, std::move(matches), std::move(map)));
}
Weights Weights::quantized(DType format) const {
  auto result = *this;
  result.requested_format_ = format;
  return result;
}

}  // namespace ttt::inline v2
