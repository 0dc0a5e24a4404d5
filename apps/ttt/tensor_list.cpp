#include "tensor_list.h"

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

ListedTensor describe(const WeightSource& source, const std::string& name) {
  try {
    const auto info = source.find(name);
    return {name, info, info ? Tensor::bytes_for(info->dtype, info->shape) : 0};
  } catch (const FormatError&) {  // an unknown format matters to those who want that tensor
    return {name, std::nullopt, 0};
  }
}

}  // namespace

std::vector<ListedTensor> list_tensors(const WeightSource& source) {
  std::vector<ListedTensor> list;
  for (const auto& name : source.names()) list.push_back(describe(source, name));
  return list;
}

}  // namespace ttt::app
