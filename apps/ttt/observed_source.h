#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "ttt/formats/weights.h"

namespace ttt::app {

/// A checkpoint's tensors, and word of how many bytes of them have been asked for so far.
class ObservedSource final : public WeightSource {
 public:
  using Observer = std::function<void(std::uint64_t done, std::uint64_t total)>;

  ObservedSource(std::shared_ptr<const WeightSource> source, Observer observer);

  std::optional<Info> find(std::string_view name) const override { return source_->find(name); }
  Tensor load(std::string_view name) const override;
  std::vector<std::string> names() const override { return source_->names(); }
  std::string where() const override { return source_->where(); }

 private:
  std::shared_ptr<const WeightSource> source_;
  Observer observer_;
  std::uint64_t total_ = 0;
  mutable std::mutex mutex_;
  mutable std::uint64_t done_ = 0;
  mutable std::set<std::string, std::less<>> seen_;  ///< slices ask for one tensor several times
};

}  // namespace ttt::app
