#include "flags.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "format_names.h"
#include "settings.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

constexpr double kTiny = std::numeric_limits<double>::min(), kHuge = std::numeric_limits<double>::max();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

/// While it lives, new options of a verb are listed under a title of their own.
class Group {
 public:
  Group(CLI::App& verb, const std::string& title) : verb_(verb), before_(verb.option_defaults()->get_group()) {
    verb_.option_defaults()->group(title);
  }
  ~Group() { verb_.option_defaults()->group(before_); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

 private:
  CLI::App& verb_;
  std::string before_;
};

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

}  // namespace

CLI::Validator integer_in(std::int64_t low, std::int64_t high) {
  return in_range(low, high, fmt::format("from {} to {}", low, high));
}

CLI::Validator not_empty(const std::string& what) {
  return valid([what](const std::string& text) { return text.empty() ? "expected " + what : ""; });
}

CLI::Validator file_name() { return not_empty("a file's name"); }

CLI::Option* add_ids(CLI::App& verb, std::vector<std::int32_t>& ids, const std::string& help) {
  return verb
      .add_option_function<std::string>(
          "--ids", [&ids](const std::string& text) { ids = parse_ids(text); }, help)
      ->type_name("IDS");
}

void add_model(CLI::App& verb, std::string& model) {
  verb.add_option("--model", model, "model folder or GGUF file")->required()->check(file_name())->type_name("PATH");
}

void add_common(CLI::App& verb, CommonOptions& o) {
  verb.add_flag("--json", o.json, "one JSON document on stdout");
  const Group group(verb, "Model and device");
  add_model(verb, o.model);
  verb.add_option("--model-path", o.model_path,
                  "a folder with libttt_model_*.so of models that are not in this program (again for more; "
                  "also TTT_MODEL_PATH)")
      ->default_str("")
      ->type_name("FOLDER");
  verb.add_option("--device", o.device, "device to run on (see `ttt devices`)")->type_name("NAME");
  verb.add_option("--device-params", o.device_params,
                  "JSON file of parameters to use instead of the device's own, as {\"attention\": {\"page_size\": 32}}")
      ->check(file_name())
      ->type_name("FILE");
  verb.add_option("--threads", o.threads, "threads; 0: all cores")->check(integer_in(0, 4096));
  verb.add_option("--precision", o.precision,
                  "exact: float32 throughout; fast: activations in 8 bits wherever weights are integers")
      ->check(CLI::IsMember({"exact", "default", "fast"}));
  verb.add_option(
          "--ctx", o.context,
          "tokens the context holds; without it, what is needed, for generate and chat 4096 where the model can")
      ->check(integer_in(1, 1 << 30))
      ->default_str("");
  verb.add_option("--kv-dtype", o.kv_dtype, "how keys and values are stored; without it f16, f32 under exact")
      ->check(CLI::IsMember(cache_dtype_names()));
  verb.add_flag("--batch-invariant", o.batch_invariant, "same bits whatever else is in the batch");
  auto formats = weight_format_names();
  formats.insert(formats.begin(), "none");
  verb.add_option("--quantize", o.quantize, "format for the matrices of f32, f16 and bf16 checkpoints")
      ->check(CLI::IsMember(formats));
  verb.add_option("--packed-cache", o.packed_cache,
                  "folder in which packed weights are kept, so that the next start is faster (also TTT_PACKED_CACHE)")
      ->envname("TTT_PACKED_CACHE")
      ->check(not_empty("a folder's name"))
      ->type_name("FOLDER");
  verb.add_option("--settings", o.settings,
                  "JSON file with weight_formats, kv_dtype, device, device_params; flags come before it")
      ->check(file_name())
      ->type_name("FILE");
}

void apply_settings(const CLI::App& verb, CommonOptions& o) {
  if (o.settings.empty()) return;
  auto settings = Settings::read(o.settings);
  if (settings.device && verb.count("--device") == 0) {
    o.device = *settings.device;
    const auto names = DeviceConfig::known_names();
    if (std::ranges::find(names, o.device) == names.end())
      throw ConfigError(o.settings,
                        fmt::format("device: expected one of {}, got \"{}\"", fmt::join(names, ", "), o.device));
  }
  if (settings.kv_dtype && verb.count("--kv-dtype") == 0) o.kv_dtype = *settings.kv_dtype;
  if (verb.count("--quantize") == 0) o.weight_formats = std::move(settings.weight_formats);
  o.settings_params = std::move(settings.device_params);
}

void add_sampling(CLI::App& verb, GenerationConfig& config) {
  const Group group(verb, "Answer");
  auto& s = config.sampling;
  verb.add_option("--temperature", s.temperature, "0: greedy")->check(in_range(0.0, kHuge, "at least 0"));
  verb.add_option("--top-k", s.top_k, "keep the k likeliest tokens; 0: all")
      ->check(in_range(std::int64_t{0}, kMost, "at least 0"));
  verb.add_option("--top-p", s.top_p, "keep the likeliest tokens of that mass; 1: all")
      ->check(in_range(kTiny, 1.0, "above 0, up to 1"));
  verb.add_option("--min-p", s.min_p, "keep tokens at least that likely relative to the likeliest, from 0 to 1")
      ->check(in_range(0.0, 1.0, "from 0 to 1"));
  verb.add_option("--repetition-penalty", s.repetition_penalty, "over 1: repeat less")
      ->check(in_range(kTiny, kHuge, "above 0"));
  verb.add_option("--presence-penalty", s.presence_penalty, "taken off once from tokens of the answer")
      ->check(in_range(-kHuge, kHuge, "that is finite"));
  verb.add_option("--frequency-penalty", s.frequency_penalty, "taken off for each time a token came")
      ->check(in_range(-kHuge, kHuge, "that is finite"));
  constexpr auto kLastSeed = std::numeric_limits<std::uint64_t>::max();
  verb.add_option("--seed", s.seed, "same seed, same answer")
      ->check(in_range(std::uint64_t{0}, kLastSeed, fmt::format("from 0 to {}", kLastSeed)));
  verb.add_option("--stop", config.stop_strings, "text that ends the answer; may be repeated")
      ->allow_extra_args(false)
      ->check(not_empty("some text"))
      ->default_str("");
  verb.add_option("--max-tokens", config.max_tokens,
                  "longest answer; without it, until the model or the context ends it")
      ->check(in_range(std::int64_t{0}, kMost, "at least 0"))
      ->default_str("");
}

}  // namespace ttt::app
