#pragma once
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/formats/weights.h"

namespace ttt::app {

using Names = std::initializer_list<std::string_view>;

/// "self_attn" of "self_attn.q_proj", and "q_proj" of it.
std::string parent(const std::string& module);
std::string last(const std::string& module);
/// "model.layers.N.mlp.experts.N.w1.weight": the same text for all layers and all experts.
std::string without_numbers(std::string_view name);

/// A checkpoint's tensors, seen as those of a layer, by their names within it, and those outside all layers. A layer is
/// what any of them has: the first may lack what later ones have.
class Tensors {
 public:
  /// Throws FormatError when no name holds a layer's number.
  explicit Tensors(const WeightSource& source);

  const std::string& layers() const { return layers_; }  ///< "model.layers"
  const std::set<std::string>& outside() const { return outside_; }
  /// The names of a layer's tensors, and the numbers of the layers that have them.
  const std::map<std::string, std::set<int>>& in_layer() const { return in_layer_; }
  int num_layers() const { return num_layers_; }

  bool has(const std::string& in_layer) const { return in_layer_.contains(in_layer); }
  Shape shape(const std::string& in_layer) const;
  Shape shape_outside(const std::string& name) const { return source_.find(name)->shape; }

  /// The module ("self_attn.q_proj") of a layer whose last part is one of `names` and that has a weight; experts' own
  /// modules are not looked at.
  std::optional<std::string> module(Names names) const;
  /// The module outside of the layers whose name ends so, with a weight of that rank.
  std::optional<std::string> module_outside(Names ends, int rank) const;

 private:
  const WeightSource& source_;
  std::string layers_;
  std::map<std::string, std::set<int>> in_layer_;
  std::set<std::string> outside_;
  int num_layers_ = 0;
};

}  // namespace ttt::app
