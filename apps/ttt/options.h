#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ttt/generation/generate.h"
#include "ttt/hardware/device.h"

namespace ttt::app {

/// The flags that every verb with a model has.
struct CommonOptions {
  std::string model;
  std::string device = "auto";
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
};

/// The flags of verbs that sample.
struct SamplingOptions {
  GenerationConfig config;

  void add_to(CLI::App& app);
};

/// "1,2,3" as token ids; throws RequestError on anything else.
std::vector<std::int32_t> parse_ids(const std::string& text);
/// The bytes of a file, or of stdin for "-".
std::string read_text(const std::string& path);
/// Writes a result to stdout; throws Error when stdout does not take it.
void print_result(std::string_view text);

/// One verb each: adds its subcommand, whose callback does the work.
void add_generate(CLI::App& app);
void add_chat(CLI::App& app);
void add_logits(CLI::App& app);
void add_compare(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_bench(CLI::App& app);
void add_devices(CLI::App& app);
void add_inspect(CLI::App& app);

}  // namespace ttt::app
