#include "ttt/formats/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ttt/core/error.h"
#include "ttt/formats/quantize.h"
#include "ttt/formats/weight_view.h"

namespace ttt::inline v2 {
namespace {

using internal::WeightLedger;
using internal::WeightView;

constexpr std::size_t kMaxListed = 8;          // names of a kind that `finish` prints
constexpr std::size_t kMostMissing = 100'000;  // a plan ends there: a config with absurd counts could go on for hours

/// The checkpoint itself.
class Base : public WeightView {
 public:
  explicit Base(std::shared_ptr<const WeightSource> source) : source_(std::move(source)) {}
  std::optional<Info> find(std::string_view name) const override { return source_->find(name); }
  Tensor load(std::string_view name, WeightLedger& ledger) const override {
    ledger.take(name);
    if (!ledger.planning) return source_->load(name);
    const auto found = source_->find(name);
    if (!found) throw WeightError(source_->where(), fmt::format("{}: no such tensor", name));
    return Tensor::without_data(found->dtype, found->shape);
  }
  void mark(std::string_view name, WeightLedger& ledger) const override { ledger.take(name); }
  const WeightSource& source() const override { return *source_; }

 private:
  std::shared_ptr<const WeightSource> source_;
};

std::string list_names(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  const auto shown = std::span(lines).first(std::min(lines.size(), kMaxListed));
  const auto rest = lines.size() - shown.size();
  return fmt::format("\n{} ({}): {}{}", title, lines.size(), fmt::join(shown, "; "),
                     rest > 0 ? fmt::format("; and {} more", rest) : "");
}

/// Why a matrix cannot be stored in that format; empty when it can.
std::string obstacle_to(DType format, const Tensor& stored) {
  if (!is_floating(stored.dtype()))
    return fmt::format("it is {}; a format can be chosen for f32, f16, bf16 and f64", name(stored.dtype()));
  if (!row_bytes(format, static_cast<std::uint64_t>(stored.shape()[1])))
    return fmt::format("rows of {} are not whole blocks of {}", stored.shape()[1], info(format).block_size);
  return {};
}

/// in_format, with the tensor's name in the error.
Tensor re_encode(const Tensor& stored, DType format, int threads, std::string_view where, std::string_view name) try {
  return in_format(stored, format, threads);
} catch (const Error& e) {
  throw WeightError(where, fmt::format("{}: {}", name, e.what()));
}

}  // namespace

Weights::Weights(std::shared_ptr<const WeightSource> source)
    : view_(std::make_shared<Base>(std::move(source))), ledger_(std::make_shared<WeightLedger>()) {}

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
  return take_for(Use::other, name, expected);
}
Tensor Weights::take_matrix(std::string_view name, const Shape& expected) const {
  return take_for(Use::matrix, name, expected);
}

Tensor Weights::take_for(Use use, std::string_view name, const Shape& expected) const {
  const auto whole = full(name);
  const auto where = path_.empty() ? view_->source().where() : path_;
  const auto reject = [&](std::vector<std::string>& list, const std::string& what) {
    if (!ledger_->planning) throw WeightError(where, fmt::format("{}: {}", name, what));
    ledger_->note(list, fmt::format("{}: {}", whole, what));
    return Tensor::without_data(DType::f32, expected);
  };
  if (ledger_->planning && ledger_->missing.size() >= kMostMissing) finish();
  try {
    const auto found = view_->find(whole);
    if (!found)
      return reject(ledger_->missing,
                    fmt::format("expected {}{}", expected.str(),
                                ledger_->planning ? "" : ", missing from " + view_->source().where()));
    if (found->shape != expected) {
      view_->mark(whole, *ledger_);
      return reject(ledger_->wrong,
                    fmt::format("expected {}, got {} {}", expected.str(), found->shape.str(), ttt::name(found->dtype)));
    }
    const Tensor stored = view_->load(whole, *ledger_);
    const auto format = format_for(use, whole);
    if (!format) return stored;
    const auto obstacle = use == Use::matrix ? obstacle_to(*format, stored) : "it is not the matrix of a linear layer";
    if (obstacle.empty()) return re_encode(stored, *format, threads_, where, name);
    if (!format_of_) return stored;
    return reject(ledger_->wrong, fmt::format("cannot be stored as {}: {}", ttt::name(*format), obstacle));
  } catch (const Error& e) {
    if (!ledger_->planning) throw;
    view_->mark(whole, *ledger_);
    return reject(ledger_->wrong, e.what());
  }
}

std::optional<DType> Weights::format_for(Use use, std::string_view whole) const {
  if (format_of_) return (*format_of_)(whole);
  return use == Use::matrix ? format_ : std::nullopt;
}

Weights Weights::quantized(DType format) const {
  auto result = *this;
  result.format_ = format;
  result.format_of_.reset();
  return result;
}
Weights Weights::quantized(FormatOf format_of) const {
  auto result = *this;
  result.format_of_ = std::make_shared<const FormatOf>(std::move(format_of));
  return result;
}

Weights Weights::on_threads(int threads) const {
  auto result = *this;
  result.threads_ = threads;
  return result;
}

Weights Weights::plan() const {
  auto result = *this;
  result.ledger_ = std::make_shared<WeightLedger>();
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

Weights Weights::seen_through(std::shared_ptr<const WeightView> view) const {
  auto result = *this;
  result.view_ = std::move(view);
  return result;
}

}  // namespace ttt::inline v2
