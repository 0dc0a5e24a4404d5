// The adaptors that rename tensors, or make new ones of them.
#include <fmt/format.h>

#include <cstring>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/weight_view.h"

namespace ttt::inline v2 {
namespace {

using internal::WeightAdaptor;
using internal::WeightLedger;
using internal::WeightView;
using Match = Weights::Match;

class Renamed : public WeightAdaptor {
 public:
  using ToSource = std::function<std::optional<std::string>(std::string_view)>;
  Renamed(std::shared_ptr<const WeightView> inner, ToSource to_source)
      : WeightAdaptor(std::move(inner)), to_source_(std::move(to_source)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto source = to_source_(name);
    return source ? inner_->find(*source) : std::nullopt;
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    return inner_->load(to_source_(name).value(), ledger);
  }
  void mark(std::string_view name, WeightLedger& ledger) const override {
    if (const auto source = to_source_(name)) inner_->mark(*source, ledger);
  }

 private:
  ToSource to_source_;
};

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

class Transposed : public WeightAdaptor {
 public:
  Transposed(std::shared_ptr<const WeightView> inner, Match matches)
      : WeightAdaptor(std::move(inner)), matches_(std::move(matches)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto found = inner_->find(name);
    if (!found || !matches_(name) || found->shape.rank() != 2) return found;
    return Info{transposed_dtype(found->dtype), Shape{found->shape[1], found->shape[0]}};
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
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

class Computed : public WeightAdaptor {
 public:
  using RecipeOf = std::function<std::optional<Weights::Recipe>(std::string_view)>;
  Computed(std::shared_ptr<const WeightView> inner, RecipeOf recipe_of)
      : WeightAdaptor(std::move(inner)), recipe_of_(std::move(recipe_of)) {}
  std::optional<Info> find(std::string_view name) const override {
    const auto recipe = recipe_of_(name);
    if (!recipe) return inner_->find(name);
    for (const auto& part : recipe->parts)
      if (!inner_->find(part)) return std::nullopt;
    return Info{recipe->dtype, recipe->shape};
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    const auto recipe = recipe_of_(name);
    if (!recipe) return inner_->load(name, ledger);
    std::vector<Tensor> parts;
    for (const auto& part : recipe->parts) parts.push_back(inner_->load(part, ledger));
    if (ledger.planning) return Tensor::without_data(recipe->dtype, recipe->shape);
    return Tensor::make(recipe->dtype, recipe->shape, [&](std::span<std::byte> out) { recipe->fill(parts, out); });
  }
  void mark(std::string_view name, WeightLedger& ledger) const override {
    const auto recipe = recipe_of_(name);
    if (!recipe) return inner_->mark(name, ledger);
    for (const auto& part : recipe->parts) inner_->mark(part, ledger);
  }

 private:
  RecipeOf recipe_of_;
};

class Mapped : public WeightAdaptor {
 public:
  Mapped(std::shared_ptr<const WeightView> inner, Match matches, std::function<float(float)> map)
      : WeightAdaptor(std::move(inner)), matches_(std::move(matches)), map_(std::move(map)) {}
  std::optional<Info> find(std::string_view name) const override {
    auto found = inner_->find(name);
    if (found && matches_(name)) found->dtype = DType::f32;
    return found;
  }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
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

}  // namespace

Weights Weights::renamed(std::function<std::optional<std::string>(std::string_view)> to_source) const {
  return seen_through(std::make_shared<Renamed>(view_, std::move(to_source)));
}
Weights Weights::transposed(Match matches) const {
  return seen_through(std::make_shared<Transposed>(view_, std::move(matches)));
}
Weights Weights::computed(std::function<std::optional<Recipe>(std::string_view)> recipe_of) const {
  return seen_through(std::make_shared<Computed>(view_, std::move(recipe_of)));
}
Weights Weights::mapped(Match matches, std::function<float(float)> map) const {
  return seen_through(std::make_shared<Mapped>(view_, std::move(matches), std::move(map)));
}

}  // namespace ttt::inline v2
