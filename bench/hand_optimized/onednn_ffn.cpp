#include "onednn_ffn.h"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace ttt::hand {
namespace {

using Tag = dnnl::memory::format_tag;
using Dims = dnnl::memory::dims;

dnnl::memory::desc matrix(Dims dims, Tag tag) { return {std::move(dims), dnnl::memory::data_type::f32, tag}; }

/// y = epilogue(x w^T), the weights in whichever layout oneDNN likes best.
class Product {
 public:
  Product(const dnnl::engine& engine, dnnl::stream& stream, const Tensor& weight, std::int64_t tokens,
          const dnnl::post_ops& epilogue) {
    const std::int64_t out = weight.shape()[0], in = weight.shape()[1];
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(epilogue);
    const dnnl::matmul::desc wanted(matrix({tokens, in}, Tag::ab), matrix({in, out}, Tag::any),
                                    matrix({tokens, out}, Tag::ab));
    const dnnl::matmul::primitive_desc chosen(wanted, attributes, engine);
    product_ = dnnl::matmul(chosen);
    weight_ = dnnl::memory(chosen.weights_desc(), engine);
    // [out, in] row by row is [in, out] column by column.
    dnnl::memory source(matrix({in, out}, Tag::ba), engine, const_cast<std::byte*>(weight.bytes().data()));
    dnnl::reorder(source, weight_).execute(stream, source, weight_);
    stream.wait();
  }

  void run(dnnl::stream& stream, const dnnl::memory& x, const dnnl::memory& y,
           std::unordered_map<int, dnnl::memory> more) const {
    more.insert({{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weight_}, {DNNL_ARG_DST, y}});
    product_.execute(stream, more);
  }

 private:
  dnnl::matmul product_;
  dnnl::memory weight_;
};

class Ffn final : public OneDnnFfn {
 public:
  Ffn(const Tensor& gate, const Tensor& up, const Tensor& down, std::int64_t tokens)
      : tokens_(tokens),
        hidden_(gate.shape()[1]),
        inner_(gate.shape()[0]),
        gates_(matrix({tokens, inner_}, Tag::ab), engine_),
        products_(matrix({tokens, inner_}, Tag::ab), engine_),
        gate_(engine_, stream_, gate, tokens, silu()),
        up_(engine_, stream_, up, tokens, times(matrix({tokens, inner_}, Tag::ab))),
        down_(engine_, stream_, down, tokens, {}) {}

  void run(std::span<float> x, std::span<float> y) override {
    const dnnl::memory in(matrix({tokens_, hidden_}, Tag::ab), engine_, x.data()),
        out(matrix({tokens_, hidden_}, Tag::ab), engine_, y.data());
    gate_.run(stream_, in, gates_, {});
    up_.run(stream_, in, products_, {{DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, gates_}});
    down_.run(stream_, products_, out, {});
    stream_.wait();
  }

 private:
  static dnnl::post_ops silu() {
    dnnl::post_ops ops;
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_swish, 1.0f, 0.0f);
    return ops;
  }
  static dnnl::post_ops times(const dnnl::memory::desc& factor) {
    dnnl::post_ops ops;
    ops.append_binary(dnnl::algorithm::binary_mul, factor);
    return ops;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::int64_t tokens_, hidden_, inner_;
  dnnl::memory gates_, products_;
  Product gate_, up_, down_;
};

}  // namespace

std::unique_ptr<OneDnnFfn> OneDnnFfn::make(const Tensor& gate, const Tensor& up, const Tensor& down,
                                           std::int64_t tokens, int threads) {
  omp_set_num_threads(threads);
  return std::make_unique<Ffn>(gate, up, down, tokens);
}

}  // namespace ttt::hand
