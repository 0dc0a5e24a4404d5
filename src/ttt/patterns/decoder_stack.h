#pragma once
#include <concepts>
#include <functional>
#include <memory>
#include <vector>

#include "ttt/building_blocks/step.h"

namespace ttt::inline v2 {

/// What a layer must offer: transform the residual stream in place, and tell what it keeps and needs.
template <class T>
concept DecoderLayer = requires(const T& layer, Matrix x, Step& step) {
  layer.forward(x, step);
  { layer.cache_layers() } -> std::same_as<std::vector<CacheLayerSpec>>;
  { layer.weight_bytes() } -> std::convertible_to<std::uint64_t>;
  { layer.workspace_cols() } -> std::convertible_to<std::int64_t>;
};

/// Layers of any kinds, one after the other, on the residual stream x [tokens, hidden].
class DecoderStack {
 public:
  /// Adds a layer after those there are.
  template <DecoderLayer T>
  void push_back(T layer) {
    layers_.push_back(std::make_unique<Model<T>>(std::move(layer)));
  }

  /// `after_layer(i, x)` is called after each layer when given.
  void forward(Matrix x, Step& step, const std::function<void(int, ConstMatrix)>& after_layer = {}) const;

  std::size_t size() const { return layers_.size(); }  ///< how many layers there are
  std::vector<CacheLayerSpec> cache_layers() const;    ///< in the order of the layers
  std::uint64_t weight_bytes() const;
  std::int64_t workspace_cols() const;  ///< the largest layer's scratch floats per token

 private:
  struct Layer {
    virtual ~Layer() = default;
    virtual void forward(Matrix x, Step& step) const = 0;
    virtual std::vector<CacheLayerSpec> cache_layers() const = 0;
    virtual std::uint64_t weight_bytes() const = 0;
    virtual std::int64_t workspace_cols() const = 0;
  };
  template <class T>
  struct Model final : Layer {
    explicit Model(T layer) : layer(std::move(layer)) {}
    void forward(Matrix x, Step& step) const override { layer.forward(x, step); }
    std::vector<CacheLayerSpec> cache_layers() const override { return layer.cache_layers(); }
    std::uint64_t weight_bytes() const override { return layer.weight_bytes(); }
    std::int64_t workspace_cols() const override { return layer.workspace_cols(); }
    T layer;
  };
  std::vector<std::unique_ptr<const Layer>> layers_;
};

}  // namespace ttt::inline v2
