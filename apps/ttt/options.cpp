#include "options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "ttt/core/error.h"

namespace ttt::app {

DType CommonOptions::cache_dtype() const {
  if (kv_dtype.empty()) return precision == "exact" ? DType::f32 : DType::f16;
  return kv_dtype == "q8" ? DType::i8 : *parse_dtype(kv_dtype);
}

std::optional<DType> CommonOptions::quantized_dtype() const {
  return quantize == "none" ? std::nullopt : parse_dtype(quantize);
}

DeviceConfig CommonOptions::device_config() const {
  auto config = DeviceConfig::named(device);
  if (!settings_params.empty()) config.parse_overrides(settings_params, settings + ": device_params");
  if (!device_params.empty()) config.load_overrides(device_params);
  for (const auto& [operation, params] : overrides)
    for (const auto& [key, value] : params) config.overrides[operation][key] = value;
  return config;
}

DeviceOptions CommonOptions::device_options() const {
  DeviceOptions options;
  options.threads = threads;
  options.precision = precision == "exact"  ? Precision::exact
                      : precision == "fast" ? Precision::fast
                                            : Precision::standard;
  options.batch_invariance = batch_invariant ? BatchInvariance::on : BatchInvariance::off;
  options.packed_cache = packed_cache;
  return options;
}

void check_ids(std::span<const std::int32_t> ids, const CausalLM& model) {
  for (const auto id : ids)
    if (id < 0 || id >= model.vocab_size())
      throw RequestError("token ids",
                         fmt::format("{} is outside the model's vocabulary of {}", id, model.vocab_size()));
}

std::string read_text(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw FormatError(path, "expected a text file, got a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FormatError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

/// Whether `file`, which is there, is `input` or a file of the checkpoint in that folder.
bool is_part_of(const std::filesystem::path& file, const std::filesystem::path& input) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::equivalent(file, input, ignored)) return true;
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const auto name = file.filename().string();
  return fs::is_directory(input, ignored) && fs::equivalent(folder, input, ignored) &&
         (name == "config.json" || name == "generation_config.json" || name.starts_with("tokenizer") ||
          name.ends_with(".safetensors") || name.ends_with(".index.json"));
}

}  // namespace

void check_writable(const std::filesystem::path& file, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (fs::is_directory(file, ignored)) throw FormatError(file.string(), "expected a file to write, got a folder");
  for (const auto& input : inputs)
    if (!input.empty() && fs::exists(file, ignored) && is_part_of(file, input))
      throw FormatError(file.string(),
                        fmt::format("would be written over, and {} needs it; choose another file", input));
  // "folder/." is nothing when the folder is a file.
  if (access((fs::exists(file, ignored) ? file : folder / ".").c_str(), W_OK) != 0)
    throw FormatError(file.string(), fmt::format("cannot be written: {}", std::strerror(errno)));
}

void print_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error("stdout", "cannot be written");
}

std::string to_text(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ttt::app
