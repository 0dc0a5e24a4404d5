#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/core/tensor.h"

namespace ttt::internal {
class WeightView;  // a source, or an adaptor over another view
struct WeightLedger;
}  // namespace ttt::internal

namespace ttt::inline v2 {

/// Where named tensors come from. Lazy: `load` maps or reads; `find` touches the header only.
class WeightSource {
 public:
  /// What is known of a tensor without reading it.
  struct Info {
    DType dtype;  ///< as stored
    Shape shape;  ///< outermost first, as PyTorch has it
  };
  virtual ~WeightSource() = default;
  virtual std::optional<Info> find(std::string_view name) const = 0;  ///< nothing when absent
  virtual Tensor load(std::string_view name) const = 0;               ///< throws WeightError when absent
  virtual std::vector<std::string> names() const = 0;                 ///< sorted
  virtual std::string where() const = 0;                              ///< path, for errors
};

/// True for the buffers that older versions of transformers saved with the weights, which no model takes: rotary
/// frequencies and causal masks.
bool is_saved_buffer(const WeightSource& source, std::string_view name);

/// A path into a checkpoint: `w / "model.layers" / i / "self_attn"`. Taking a tensor checks its shape
/// and records the name; a block takes what it needs in its constructor.
///
/// `plan()` gives the same weights without data: taking never throws but records what is missing or
/// misshaped, and `finish` reports it all, with what was left over, in one WeightError. Build a model
/// once on the plan (and a planning device) before building it for real.
class Weights {
 public:
  /// The root of a checkpoint: names are those in `source`.
  explicit Weights(std::shared_ptr<const WeightSource> source);

  Weights operator/(std::string_view name) const;    ///< the path with `name` below it
  Weights operator/(int index) const;                ///< the path with a layer's or expert's number below it
  const std::string& path() const { return path_; }  ///< "model.layers.3.self_attn"

  bool has(std::string_view name) const;  ///< whether the tensor is there; does not count as taking it
  /// Its dtype and shape, or nothing; does not count as taking it.
  std::optional<WeightSource::Info> find(std::string_view name) const;
  /// The tensor of that shape. Throws WeightError naming the block path, expected and got.
  Tensor take(std::string_view name, const Shape& expected) const;
  /// The same for the matrix of a linear layer, [out, in]: in the format that `quantized` asks for.
  Tensor take_matrix(std::string_view name, const Shape& expected) const;

  /// The same tensors for a model that is only planned: see above.
  Weights plan() const;
  /// Throws one WeightError listing what was missing, misshaped and never taken, except what
  /// is_saved_buffer tells.
  void finish() const;

  /// Counts the checkpoint's tensors of these names as taken: the model has no use for them (buffers, a pooler, other
  /// heads).
  void ignore(const std::function<bool(std::string_view)>& names) const;

  /// Adaptors: the same tensors seen otherwise. `matches` gets the full new name.
  using Match = std::function<bool(std::string_view)>;
  /// `to_source` maps a name asked for to the name in the checkpoint (nothing: hidden).
  Weights renamed(std::function<std::optional<std::string>(std::string_view)> to_source) const;
  /// Row r of the result is row `permutation(r, rows)` of the source (any dtype; rank 1 or 2).
  Weights rows_permuted(Match matches, std::function<std::int64_t(std::int64_t, std::int64_t)> permutation) const;
  /// [a, b] seen as [b, a]; block formats are decoded to f32 first.
  Weights transposed(Match matches) const;
  /// `name` becomes rows [first, first+count) of the source tensor `fused` (any dtype; zero copy).
  /// Several slices of one tensor may be taken; the tensor counts as taken when any slice is.
  struct Slice {
    std::string fused;   ///< the tensor's full name in the source
    std::int64_t first;  ///< row at which the slice begins
    std::int64_t count;  ///< its rows
  };
  /// Names for which `slice_of` gives nothing are seen as they are.
  Weights sliced(std::function<std::optional<Slice>(std::string_view)> slice_of) const;
  /// `name` is element `index` along the first dimension of `stacked`, that dimension dropped (any dtype; zero copy).
  struct Element {
    std::string stacked;  ///< the tensor's full name in the source
    std::int64_t index;   ///< along its first dimension
  };
  /// Names for which `element_of` gives nothing are seen as they are.
  Weights indexed(std::function<std::optional<Element>(std::string_view)> element_of) const;
  /// `name` is computed from other tensors: `fill` gets them in order and writes a tensor of that type and shape. Used
  /// where a checkpoint spells one tensor as several (parts to concatenate; codes and scales apart).
  struct Recipe {
    std::vector<std::string> parts;                                           ///< full names in the source
    DType dtype;                                                              ///< of the tensor made
    Shape shape;                                                              ///< of the tensor made
    std::function<void(std::span<const Tensor>, std::span<std::byte>)> fill;  ///< (parts, bytes to write)
  };
  /// Names for which `recipe_of` gives nothing are seen as they are.
  Weights computed(std::function<std::optional<Recipe>(std::string_view)> recipe_of) const;
  /// `name` is the named tensors one below the other (equal dtype and inner dimensions).
  Weights concatenated(std::function<std::vector<std::string>(std::string_view)> parts_of) const;
  /// `name` becomes `map(element)` over the source in f32, e.g. 1 + w.
  Weights mapped(Match matches, std::function<float(float)> map) const;

  /// Floating-point matrices of linear layers shall be stored in this format, where their rows are whole blocks of it.
  Weights quantized(DType format) const;
  /// The format of the tensor of that full name, as the model asks for it; nothing: as it is.
  using FormatOf = std::function<std::optional<DType>(std::string_view)>;
  /// The same tensor by tensor: `format_of` is asked for each tensor taken. Giving a format to one that cannot have it
  /// (no linear layer's matrix, not floating-point, rows of no whole blocks) is a WeightError.
  Weights quantized(FormatOf format_of) const;
  /// Formats shall be given on so many threads, at least one; it is one without this.
  Weights on_threads(int threads) const;

 private:
  enum class Use { matrix, other };
  Tensor take_for(Use use, std::string_view name, const Shape& expected) const;
  std::optional<DType> format_for(Use use, std::string_view whole) const;
  Weights seen_through(std::shared_ptr<const internal::WeightView> view) const;
  std::string full(std::string_view name) const;

  std::shared_ptr<const internal::WeightView> view_;
  std::shared_ptr<internal::WeightLedger> ledger_;
  std::string path_;
  std::optional<DType> format_;                // of every matrix that can have it
  std::shared_ptr<const FormatOf> format_of_;  // when there is one, it decides alone
  int threads_ = 1;
};

}  // namespace ttt::inline v2
