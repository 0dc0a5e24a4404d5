#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

/// The vocabulary of TTTv1 (Tenstorrent's tt_transformers) over this library's blocks, so that code shaped for version
/// 1 runs while it is ported. All of it is deprecated; docs/migration.md says what replaces each name.
namespace ttt::inline v2::compat::v1 {

/// What version 1's presets chose. `accuracy`: the checkpoint's own formats. `performance`: block floats of 8 bits
/// (bfp8) for the matrices of a floating-point checkpoint; the finer choices that version 1 had by model are a settings
/// file's (`ttt migrate config`).
enum class Optimizations { accuracy, performance };

/// A checkpoint's sizes under version 1's names, and how it shall be run.
class [[deprecated("use ttt::Checkpoint, and a model's own config; removed in 3.0, not before 2028-01-01")]] ModelArgs {
 public:
  /// How the checkpoint shall be run.
  struct Options {
    Optimizations optimizations = Optimizations::accuracy;  ///< the formats of matrices
    int max_batch_size = 1;                                 ///< users at a time
    std::int64_t max_seq_len = 0;  ///< tokens of a prompt with its answer; 0: what the model was trained for
    DeviceOptions device = {};     ///< threads, precision and the like
  };
  /// Reads a Hugging Face folder or a GGUF file; an empty path means the one in the environment variable HF_MODEL, as
  /// in version 1. Throws FormatError or ConfigError, and RequestError for sizes below 1.
  explicit ModelArgs(const std::filesystem::path& checkpoint, Options options);
  /// The same with every option's default.
  explicit ModelArgs(const std::filesystem::path& checkpoint = {}) : ModelArgs(checkpoint, Options{}) {}

  int dim;                   ///< hidden_size
  int hidden_dim;            ///< intermediate_size
  int n_layers;              ///< num_hidden_layers
  int n_heads;               ///< num_attention_heads
  int n_kv_heads;            ///< num_key_value_heads
  int head_dim;              ///< columns of a head
  int vocab_size;            ///< columns of the logits
  int max_batch_size;        ///< as in Options
  std::int64_t max_seq_len;  ///< as in Options, or what 0 stands for
  std::string model_name;    ///< the folder's or file's name
  Options options;           ///< as given
  Checkpoint checkpoint;     ///< opened
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/// A model with the cache of `max_batch_size` users, as version 1's Transformer and Generator were together.
class [[deprecated("use ttt::CausalLM with a ttt::Step; removed in 3.0, not before 2028-01-01")]] Transformer {
 public:
  /// How the model is built; the library knows none. A family's `load_<family>` in models/, or ModelEntry::build.
  using Build = std::function<CausalLM(const ConfigReader&, Weights, Device&, Checkpoint::Kind)>;
  /// Builds the model for the device of this machine. Throws what `build` throws, and DeviceError where weights and
  /// cache do not fit.
  Transformer(const ModelArgs& args, const Build& build);
  ~Transformer();
  /// The other one may only be destroyed or assigned to.
  Transformer(Transformer&&) noexcept;
  /// The other one may only be destroyed or assigned to.
  Transformer& operator=(Transformer&&) noexcept;

  /// Computes prompts, each into the slot of a user: slot i, or `empty_slots[i]`, whose earlier tokens are forgotten.
  /// Returns the logits after each prompt's last token, [prompts, vocab_size]. Throws RequestError for a slot that
  /// there is none of or that is named twice, an empty prompt, or one beyond `max_seq_len`.
  std::vector<float> prefill_forward_text(std::span<const std::vector<std::int32_t>> tokens,
                                          std::span<const int> empty_slots = {});
  /// Appends one token to each user: token i goes to slot i, at position `start_pos[i]`; a negative position leaves
  /// that slot out, and a smaller one than the slot's length forgets what stands from there on. Returns the logits
  /// after each token, [tokens, vocab_size], zeros for slots left out. Throws RequestError for a position beyond the
  /// slot's tokens.
  std::vector<float> decode_forward_text(std::span<const std::int32_t> tokens, std::span<const std::int32_t> start_pos);

  int vocab_size() const;  ///< columns of the logits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

#pragma GCC diagnostic pop

}  // namespace ttt::inline v2::compat::v1
