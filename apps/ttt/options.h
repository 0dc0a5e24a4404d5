#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ttt/formats/weight_formats.h"
#include "ttt/generation/generate.h"
#include "ttt/hardware/device.h"

namespace ttt::app {

/// The flags that every verb with a model has.
struct CommonOptions {
  std::string model;
  std::vector<std::string> model_path;  ///< folders with models outside the program
  std::string device = "auto";
  std::string device_params;  ///< a file of overrides; empty: none
  ParamOverrides overrides;   ///< on top of those
  int threads = 0;
  std::string precision = "default";
  std::int64_t context = 0;  ///< 0: what the verb needs
  std::string kv_dtype;      ///< empty: f16, or f32 under exact
  bool batch_invariant = false;
  std::string quantize = "none";
  std::string settings;          ///< the file of --settings; empty: none
  WeightFormats weight_formats;  ///< by the settings, where `quantize` is none
  std::string settings_params;   ///< the settings' device_params, JSON; --device-params comes on top; empty: none
  std::string packed_cache;      ///< folder of packed weights; empty: none
  bool json = false;

  DType cache_dtype() const;
  std::optional<DType> quantized_dtype() const;
  DeviceOptions device_options() const;
  /// The device that --device names, with the parameters of --device-params.
  DeviceConfig device_config() const;
};

/// Throws RequestError when one is outside the model's vocabulary.
void check_ids(std::span<const std::int32_t> ids, const CausalLM& model);
/// The bytes of a file, or of stdin for "-".
std::string read_text(const std::string& path);
/// Throws FormatError when the file cannot be written, which is better known before the work than after it, or when it
/// is one of `inputs` or belongs to a checkpoint in one that is a folder.
void check_writable(const std::filesystem::path& file, const std::vector<std::string>& inputs = {});
/// Writes a result to stdout; throws Error when stdout does not take it.
void print_result(std::string_view text);
/// A document as it is printed: indented, with a newline at its end; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const nlohmann::ordered_json& document);

}  // namespace ttt::app
