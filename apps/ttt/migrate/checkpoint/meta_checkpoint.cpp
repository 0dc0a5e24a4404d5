#include "meta_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "ttt/core/error.h"
#include "ttt/formats/safetensors.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;
using Axis = JoinedTensor::Axis;

constexpr std::size_t kMostShards = 1000;

std::string shard_name(std::size_t shard) { return fmt::format("consolidated.{:02}.safetensors", shard); }

/// The shards in order. A number that is missing is an error, as half a model would look whole.
std::vector<fs::path> find_shards(const fs::path& folder) {
  std::error_code ignored;
  if (const auto whole = folder / "consolidated.safetensors"; fs::exists(whole, ignored)) {
    if (fs::exists(folder / shard_name(0), ignored))
      throw FormatError(folder.string(), fmt::format("has both consolidated.safetensors and {}; move away the one that "
                                                     "does not count",
                                                     shard_name(0)));
    return {whole};
  }
  std::vector<fs::path> shards;
  while (shards.size() < kMostShards && fs::exists(folder / shard_name(shards.size()), ignored))
    shards.push_back(folder / shard_name(shards.size()));
  std::set<std::string> left;  // after the gap
  std::string other;           // of another format
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("consolidated.") || std::ranges::find(shards, entry.path()) != shards.end()) continue;
    if (name.ends_with(".safetensors"))
      left.insert(name);
    else
      other = name;
  }
  if (!left.empty())
    throw FormatError(folder.string(),
                      fmt::format("{} is missing, and {} is there", shard_name(shards.size()), *left.begin()));
  if (!shards.empty()) return shards;
  throw FormatError(folder.string(),
                    other.empty()
                        ? "has no consolidated.safetensors and no consolidated.00.safetensors"
                        : fmt::format("{}: expected safetensors; docs/migration.md says how to make them", other));
}

/// Takes the shards' tensors of each name and checks how they fit together.
class Joiner {
 public:
  explicit Joiner(const std::vector<fs::path>& files) {
    for (const auto& file : files) sources_.push_back(open_safetensors(file));
  }

  bool has(const std::string& name) const { return sources_.front()->find(name).has_value(); }

  /// Shards along an axis; the other extent is the same in all of them.
  JoinedTensor sharded(const std::string& name, const std::string& hf_name, Axis axis, std::int64_t other) {
    JoinedTensor tensor{hf_name, take(name, 2), axis, 0};
    for (std::size_t i = 0; i < tensor.parts.size(); ++i) {
      const auto& shape = tensor.parts[i].shape();
      if (const auto got = shape[axis == Axis::rows ? 1 : 0]; got != other)
        fail(i, name,
             fmt::format("expected {}, got {}",
                         axis == Axis::rows ? fmt::format("[rows, {}]", other) : fmt::format("[{}, columns]", other),
                         shape.str()));
    }
    return tensor;
  }

  /// The same, of which all extents are known.
  JoinedTensor sharded(const std::string& name, const std::string& hf_name, Axis axis, const Shape& whole) {
    auto tensor = sharded(name, hf_name, axis, whole[axis == Axis::rows ? 1 : 0]);
    if (tensor.shape() != whole)
      fail(0, name, fmt::format("expected {} from all shards together, got {}", whole.str(), tensor.shape().str()));
    return tensor;
  }

  /// Rows of heads, each shard with whole heads.
  JoinedTensor heads(const std::string& name, const std::string& hf_name, const Shape& whole, std::int64_t head_dim) {
    auto tensor = sharded(name, hf_name, Axis::rows, whole);
    for (std::size_t i = 0; i < tensor.parts.size(); ++i)
      if (const auto rows = tensor.parts[i].shape()[0]; rows % head_dim != 0)
        fail(i, name, fmt::format("expected rows of whole heads of {}, got {}", head_dim, rows));
    tensor.head_dim = head_dim;
    return tensor;
  }

  /// The same in all shards.
  JoinedTensor replicated(const std::string& name, const std::string& hf_name, std::int64_t size) {
    auto parts = take(name, 1);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].shape() != Shape{size})
        fail(i, name, fmt::format("expected {}, got {}", Shape{size}.str(), parts[i].shape().str()));
      if (!std::ranges::equal(parts[i].bytes(), parts.front().bytes()))
        fail(i, name, "differs from the first shard's, where all have the same");
    }
    parts.resize(1);
    return {hf_name, std::move(parts), Axis::rows, 0};
  }

  /// The embedding: by rows where each shard has whole rows (Llama 3), by columns else (Llama 1 and 2).
  JoinedTensor embedding(const std::string& name, const std::string& hf_name, std::int64_t dim) {
    const auto info = sources_.front()->find(name);
    const bool whole_rows = info && info->shape.rank() == 2 && info->shape[1] == dim;
    if (whole_rows || !info || info->shape.rank() != 2) return sharded(name, hf_name, Axis::rows, dim);
    return sharded(name, hf_name, Axis::columns, Shape{info->shape[0], dim});
  }

  /// Throws when a shard holds a tensor that nobody took; the rotary table is computed anew.
  void finish() const {
    for (std::size_t i = 0; i < sources_.size(); ++i)
      for (const auto& name : sources_[i]->names())
        if (!taken_.contains(name) && name != "rope.freqs")
          fail(i, name, "is not a tensor of a model with params.json's layers");
  }

 private:
  std::vector<Tensor> take(const std::string& name, int rank) {
    taken_.insert(name);
    std::vector<Tensor> parts;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (!sources_[i]->find(name)) fail(i, name, "is missing");
      parts.push_back(sources_[i]->load(name));
      const auto& part = parts.back();
      if (part.shape().rank() != rank)
        fail(i, name, fmt::format("expected {} dimensions, got {}", rank, part.shape().str()));
      if (!is_floating(part.dtype()))
        fail(i, name, fmt::format("expected a floating type, got {}", ttt::name(part.dtype())));
      if (part.dtype() != parts.front().dtype())
        fail(i, name,
             fmt::format("expected {} as in the first shard, got {}", ttt::name(parts.front().dtype()),
                         ttt::name(part.dtype())));
    }
    return parts;
  }

  [[noreturn]] void fail(std::size_t shard, const std::string& name, std::string_view what) const {
    throw WeightError(sources_[shard]->where(), fmt::format("{}: {}", name, what));
  }

  std::vector<std::shared_ptr<const WeightSource>> sources_;
  std::set<std::string> taken_;
};

void add_layer(Joiner& joiner, const MetaParams& p, int layer, std::int64_t hidden,
               std::vector<JoinedTensor>& tensors) {
  const auto from = fmt::format("layers.{}.", layer), to = fmt::format("model.layers.{}.", layer);
  const std::int64_t dim = p.dim, head_dim = p.head_dim, queries = p.n_heads * head_dim, keys = p.n_kv_heads * head_dim;
  const auto add = [&](JoinedTensor tensor) { tensors.push_back(std::move(tensor)); };
  add(joiner.replicated(from + "attention_norm.weight", to + "input_layernorm.weight", dim));
  add(joiner.heads(from + "attention.wq.weight", to + "self_attn.q_proj.weight", {queries, dim}, head_dim));
  add(joiner.heads(from + "attention.wk.weight", to + "self_attn.k_proj.weight", {keys, dim}, head_dim));
  add(joiner.sharded(from + "attention.wv.weight", to + "self_attn.v_proj.weight", Axis::rows, {keys, dim}));
  add(joiner.sharded(from + "attention.wo.weight", to + "self_attn.o_proj.weight", Axis::columns, {dim, queries}));
  add(joiner.replicated(from + "ffn_norm.weight", to + "post_attention_layernorm.weight", dim));
  add(joiner.sharded(from + "feed_forward.w1.weight", to + "mlp.gate_proj.weight", Axis::rows, {hidden, dim}));
  add(joiner.sharded(from + "feed_forward.w3.weight", to + "mlp.up_proj.weight", Axis::rows, {hidden, dim}));
  add(joiner.sharded(from + "feed_forward.w2.weight", to + "mlp.down_proj.weight", Axis::columns, {dim, hidden}));
}

/// The extent that the shards give, which params.json may not contradict.
std::int64_t agreed(const fs::path& params, std::string_view key, std::optional<int> said, std::int64_t found) {
  if (said && *said != found)
    throw ConfigError(params.string(), fmt::format("{}: says {}, and the tensors have {}", key, *said, found));
  return found;
}

int position_limit(const MetaParams& p) {
  constexpr int kLlama1 = 2048, kLlama3 = 8192, kScaled = 131072;
  if (p.max_seq_len) return *p.max_seq_len;
  if (p.rope_scaling) return kScaled;
  return p.rope_theta >= 500000 ? kLlama3 : kLlama1;
}

std::string_view torch_dtype(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return "bfloat16";
    case DType::f16:
      return "float16";
    case DType::f64:
      return "float64";
    default:
      return "float32";
  }
}

}  // namespace

MetaCheckpoint::MetaCheckpoint(const fs::path& folder) : params_(MetaParams::read(folder / "params.json")) {
  const auto shards = find_shards(folder);
  files_ = {folder / "params.json"};
  files_.insert(files_.end(), shards.begin(), shards.end());
  Joiner joiner(shards);
  const auto& p = params_;
  tensors_.push_back(joiner.embedding("tok_embeddings.weight", "model.embed_tokens.weight", p.dim));
  vocab_size_ = agreed(files_.front(), "vocab_size", p.vocab_size, tensors_.front().shape()[0]);
  const auto first_gate = joiner.sharded("layers.0.feed_forward.w1.weight", "", Axis::rows, p.dim);
  hidden_dim_ = agreed(files_.front(), "the hidden size of multiple_of and ffn_dim_multiplier", p.hidden_dim,
                       first_gate.shape()[0]);
  for (int layer = 0; layer < p.n_layers; ++layer) add_layer(joiner, p, layer, hidden_dim_, tensors_);
  tensors_.push_back(joiner.replicated("norm.weight", "model.norm.weight", p.dim));
  tied_ = !joiner.has("output.weight");
  if (!tied_) tensors_.push_back(joiner.sharded("output.weight", "lm_head.weight", Axis::rows, {vocab_size_, p.dim}));
  joiner.finish();
}

nlohmann::ordered_json MetaCheckpoint::hf_config() const {
  const auto& p = params_;
  nlohmann::ordered_json config{{"architectures", nlohmann::ordered_json::array({"LlamaForCausalLM"})},
                                {"model_type", "llama"},
                                {"vocab_size", vocab_size_},
                                {"hidden_size", p.dim},
                                {"intermediate_size", hidden_dim_},
                                {"num_hidden_layers", p.n_layers},
                                {"num_attention_heads", p.n_heads},
                                {"num_key_value_heads", p.n_kv_heads},
                                {"head_dim", p.head_dim},
                                {"hidden_act", "silu"},
                                {"max_position_embeddings", position_limit(p)},
                                {"rms_norm_eps", p.norm_eps},
                                {"rope_theta", p.rope_theta}};
  if (p.rope_scaling)
    config["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", p.rope_scaling->factor},
                              {"low_freq_factor", 1.0},
                              {"high_freq_factor", p.rope_scaling->high_freq_factor},
                              {"original_max_position_embeddings", 8192}};
  config["attention_bias"] = false;
  config["mlp_bias"] = false;
  config["tie_word_embeddings"] = tied_;
  config["torch_dtype"] = torch_dtype(tensors_.front().dtype());
  return config;
}

}  // namespace ttt::app
