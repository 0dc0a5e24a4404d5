#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/formats/weights.h"

/// What Weights is made of: internal to the .cpp files of this layer.
namespace ttt::internal {

/// What was asked for, shared by every path and adaptor of one model.
struct WeightLedger {
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
class WeightView {
 public:
  using Info = WeightSource::Info;
  virtual ~WeightView() = default;
  virtual std::optional<Info> find(std::string_view name) const = 0;
  /// The tensor, without data when planning. Call only for names that `find` knows.
  virtual Tensor load(std::string_view name, WeightLedger& ledger) const = 0;
  /// Marks what `name` is made of as taken, reading nothing.
  virtual void mark(std::string_view name, WeightLedger& ledger) const = 0;
  virtual const WeightSource& source() const = 0;
};

/// Passes everything on; adaptors override what they change.
class WeightAdaptor : public WeightView {
 public:
  explicit WeightAdaptor(std::shared_ptr<const WeightView> inner) : inner_(std::move(inner)) {}
  std::optional<Info> find(std::string_view name) const override { return inner_->find(name); }
  Tensor load(std::string_view name, WeightLedger& ledger) const override { return inner_->load(name, ledger); }
  void mark(std::string_view name, WeightLedger& ledger) const override { inner_->mark(name, ledger); }
  const WeightSource& source() const override { return inner_->source(); }

 protected:
  std::shared_ptr<const WeightView> inner_;
};

}  // namespace ttt::internal
