#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ttt/generation/generate.h"
#include "ttt/hardware/device.h"

// Parsing CLI11 takes longer than all the rest of a file that only reads options.
namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ttt::app {

/// The flags that every verb with a model has.
struct CommonOptions {
  std::string model;
  std::vector<std::string> model_path;  ///< folders with models outside the program
  std::string device = "auto";
  std::string device_params;  ///< a file of overrides; empty: none
  int threads = 0;
  std::string precision = "default";
  std::int64_t context = 0;  ///< 0: what the verb needs
  std::string kv_dtype;      ///< empty: f16, or f32 under exact
  bool batch_invariant = false;
  std::string quantize = "none";
  bool json = false;

  void add_to(CLI::App& app, bool needs_model = true);
  DType cache_dtype() const;
  std::optional<DType> quantized_dtype() const;
  DeviceOptions device_options() const;
  /// The device that --device names, with the parameters of --device-params.
  DeviceConfig device_config() const;
};

/// The flags of verbs that sample.
struct SamplingOptions {
  GenerationConfig config;

  void add_to(CLI::App& app);
};

/// --ids: token ids such as 1,2,3; anything else is a usage error.
CLI::Option* add_ids(CLI::App& app, std::vector<std::int32_t>& ids, const std::string& help);
/// Throws RequestError when one is outside the model's vocabulary.
void check_ids(std::span<const std::int32_t> ids, const CausalLM& model);
/// The bytes of a file, or of stdin for "-".
std::string read_text(const std::string& path);
/// Writes a result to stdout; throws Error when stdout does not take it.
void print_result(std::string_view text);
/// A document as it is printed: indented, with a newline at its end; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const nlohmann::ordered_json& document);

/// One verb each: adds its subcommand, whose callback does the work.
void add_generate(CLI::App& app);
void add_chat(CLI::App& app);
void add_logits(CLI::App& app);
void add_compare(CLI::App& app);
void add_embed(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_bench(CLI::App& app);
void add_devices(CLI::App& app);
void add_inspect(CLI::App& app);
void add_new_model(CLI::App& app);

}  // namespace ttt::app
