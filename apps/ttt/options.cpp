#include "options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

std::vector<std::int32_t> parse_ids(const std::string& text) {
  std::vector<std::int32_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int32_t id = -1;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0 || (next != end && *next != ','))
      throw CLI::ValidationError("--ids", "expected token ids such as 1,2,3, got \"" + text + "\"");
    ids.push_back(id);
    if (next == end) return ids;
    at = next + 1;
  }
}

/// Empty when `text` is a number in [low, high], which are as `range` says; else what is wrong.
std::string check_number(const std::string& text, double low, double high, const std::string& range) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && next == end && value >= low && value <= high) return {};
  return fmt::format("expected a number {}, got \"{}\"", range, text);
}

}  // namespace

void CommonOptions::add_to(CLI::App& app, bool needs_model) {
  auto* path = app.add_option("--model", model, "model folder or GGUF file");
  if (needs_model) path->required();
  app.add_option("--model-path", model_path,
                 "a folder with libttt_model_*.so of models that are not in this program (again for more; "
                 "also TTT_MODEL_PATH)");
  app.add_option("--device", device, "device to run on (see `ttt devices`)");
  app.add_option("--device-params", device_params,
                 "JSON file of parameters to use instead of the device's own, as {\"attention\": {\"page_size\": 32}}");
  app.add_option("--threads", threads, "threads; 0: all cores")->check(CLI::Range(0, 4096));
  app.add_option("--precision", precision, "exact: float32 throughout")->check(CLI::IsMember({"exact", "default"}));
  app.add_option("--ctx", context, "tokens the context holds")->check(CLI::Range(1, 1 << 30));
  app.add_option("--kv-dtype", kv_dtype, "how keys and values are stored")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8"}));
  app.add_flag("--batch-invariant", batch_invariant, "same bits whatever else is in the batch");
  app.add_option("--quantize", quantize, "block format for the weights of f32 and bf16 checkpoints")
      ->check(CLI::IsMember({"none", "q8_0", "q4_0"}));
  app.add_flag("--json", json, "one JSON document on stdout");
}

DType CommonOptions::cache_dtype() const {
  if (kv_dtype.empty()) return precision == "exact" ? DType::f32 : DType::f16;
  return kv_dtype == "q8" ? DType::i8 : *parse_dtype(kv_dtype);
}

std::optional<DType> CommonOptions::quantized_dtype() const {
  return quantize == "none" ? std::nullopt : parse_dtype(quantize);
}

DeviceConfig CommonOptions::device_config() const {
  auto config = DeviceConfig::named(device);
  if (!device_params.empty()) config.load_overrides(device_params);
  return config;
}

DeviceOptions CommonOptions::device_options() const {
  DeviceOptions options;
  options.threads = threads;
  options.precision = precision == "exact" ? Precision::exact : Precision::standard;
  options.batch_invariance = batch_invariant ? BatchInvariance::on : BatchInvariance::off;
  return options;
}

void SamplingOptions::add_to(CLI::App& app) {
  auto& s = config.sampling;
  const auto in_range = [](double low, double high, const std::string& name) {
    return CLI::Validator([=](const std::string& text) { return check_number(text, low, high, name); }, name);
  };
  constexpr double kTiny = std::numeric_limits<double>::min(), kHuge = std::numeric_limits<double>::max();
  app.add_option("--temperature", s.temperature, "0: greedy")->check(in_range(0, kHuge, "at least 0"));
  app.add_option("--top-k", s.top_k, "keep the k likeliest tokens; 0: all")->check(CLI::NonNegativeNumber);
  app.add_option("--top-p", s.top_p, "keep the likeliest tokens of that mass")
      ->check(in_range(kTiny, 1, "above 0, up to 1"));
  app.add_option("--min-p", s.min_p, "keep tokens that likely relative to the likeliest")
      ->check(in_range(0, 1, "from 0 to 1"));
  app.add_option("--repetition-penalty", s.repetition_penalty, "over 1: repeat less")
      ->check(in_range(kTiny, kHuge, "above 0"));
  app.add_option("--presence-penalty", s.presence_penalty, "taken off once from tokens of the answer");
  app.add_option("--frequency-penalty", s.frequency_penalty, "taken off for each time a token came");
  app.add_option("--seed", s.seed, "same seed, same answer");
  app.add_option("--stop", config.stop_strings, "text that ends the answer; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::Validator([](const std::string& text) { return text.empty() ? "expected some text" : ""; }, ""));
  app.add_option("--max-tokens", config.max_tokens, "longest answer")->check(CLI::NonNegativeNumber);
}

CLI::Option* add_ids(CLI::App& app, std::vector<std::int32_t>& ids, const std::string& help) {
  const auto set = [&ids](const std::string& text) { ids = parse_ids(text); };
  return app.add_option_function<std::string>("--ids", set, help);
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

void print_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error("stdout", "cannot be written");
}

std::string to_text(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ttt::app
