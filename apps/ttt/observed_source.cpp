#include "observed_source.h"

#include "tensor_list.h"

namespace ttt::app {

ObservedSource::ObservedSource(std::shared_ptr<const WeightSource> source, Observer observer)
    : source_(std::move(source)), observer_(std::move(observer)) {
  for (const auto& tensor : list_tensors(*source_)) total_ += tensor.bytes;
}

Tensor ObservedSource::load(std::string_view name) const {
  Tensor tensor = source_->load(name);
  const std::lock_guard lock(mutex_);
  // Files are mapped: a tensor that is asked for now is read by what its block does next.
  observer_(done_, total_);
  if (seen_.emplace(name).second) done_ += Tensor::bytes_for(tensor.dtype(), tensor.shape());
  return tensor;
}

}  // namespace ttt::app
