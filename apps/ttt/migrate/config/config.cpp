#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "migrate/migrate_verbs.h"
#include "migrate/read_json.h"
#include "migrate/write_file.h"
#include "migration_report.h"
#include "model_settings.h"
#include "options.h"
#include "precision_migration.h"
#include "ttt/core/error.h"
#include "ttt/formats/config_reader.h"
#include "v1_devices.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;
using v1::TensorGroup;

constexpr int kMostLayers = 1000;

/// The families whose decoders version 1 ran, by model_type.
constexpr std::array<std::pair<std::string_view, FeedForward>, 8> kFamilies{{{"llama", FeedForward::dense},
                                                                             {"mistral", FeedForward::dense},
                                                                             {"qwen2", FeedForward::dense},
                                                                             {"qwen3", FeedForward::dense},
                                                                             {"phi3", FeedForward::dense},
                                                                             {"gemma3_text", FeedForward::dense},
                                                                             {"cohere2", FeedForward::dense},
                                                                             {"mixtral", FeedForward::experts}}};

V1Model read_model(const std::string& hf_model) {
  std::error_code ignored;
  if (!fs::is_directory(hf_model, ignored))
    throw FormatError(hf_model,
                      "is no folder; version 1 also took a name on the Hub, here download it and give its folder");
  const auto file = fs::path(hf_model) / "config.json";
  const auto config = read_config(file);
  const auto type = config.string("model_type");
  const auto family = std::ranges::find(kFamilies, type, [](const auto& entry) { return entry.first; });
  if (family == kFamilies.end()) {
    std::string names;
    for (const auto& [name, feed_forward] : kFamilies) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    config.fail("model_type", fmt::format("\"{}\" has no counterpart of version 1 here; there are: {}", type, names));
  }
  const int layers = config.dimension("num_hidden_layers");
  if (layers > kMostLayers)
    config.fail("num_hidden_layers", fmt::format("expected at most {}, got {}", kMostLayers, layers));
  const auto folder = fs::path(hf_model).lexically_normal();
  const auto name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  return {name.string(), layers, family->second};
}

/// One dtype for all layers: the most exact that any has.
std::string kv_dtype(const PrecisionMigration& precision, int num_layers, std::vector<ReportLine>& report) {
  std::map<v1::Precision, std::vector<int>> layers_of;
  for (int layer = 0; layer < num_layers; ++layer) {
    const auto found = precision.layers().find(layer);
    const auto& of_layer = found == precision.layers().end() ? precision.others() : found->second;
    layers_of[of_layer.at(TensorGroup::kv_cache)].push_back(layer);
  }
  const bool exact = layers_of.contains(v1::Precision::bf16);
  const std::string dtype = exact ? "bf16" : "q8";
  std::string what =
      exact ? "BF16 -> bf16"
            : "-> q8: 8-bit integers with a scale for each token and head, where BFP8 has one exponent for 16 values";
  if (layers_of.contains(v1::Precision::bfp4) && !exact) what += "; there is no 4-bit cache";
  if (layers_of.size() > 1) {
    what += "; one dtype serves all layers, the most exact of theirs:";
    for (const auto& [value, layers] : layers_of)
      what += fmt::format(" {} (layers {})", v1::name(value), layer_ranges(layers));
  }
  report.push_back({exact && layers_of.size() == 1 ? Outcome::carried : Outcome::changed, "KV_CACHE", what});
  return dtype;
}

void report_mesh(const std::string& name, std::vector<ReportLine>& report) {
  if (name.empty()) {
    report.push_back({Outcome::changed, "MESH_DEVICE",
                      "not set: version 1 took every chip there was; the device here is auto, which is this machine"});
    return;
  }
  const auto& mesh = v1::find_mesh_device(name);
  const auto plan =
      fmt::format("`ttt inspect --device {}` plans for one such chip; the settings say auto", mesh.architecture);
  if (mesh.chips == 1)
    report.push_back(
        {Outcome::changed, "MESH_DEVICE", fmt::format("{}: one {} chip: {}", name, mesh.architecture, plan)});
  else
    report.push_back(
        {Outcome::no_counterpart, "MESH_DEVICE",
         fmt::format(
             "{}: {} {} chips: a model runs on one device, tensor parallelism over several is not there yet; {}", name,
             mesh.chips, mesh.architecture, plan)});
}

/// {"page_block_size": 32, "page_max_num_blocks_per_dp": 1024}
std::optional<std::int64_t> read_page_params(const std::string& text, std::vector<ReportLine>& report) {
  if (text.empty()) return std::nullopt;
  const auto params = ConfigReader::parse(text, "page_params");
  const auto size = params.integer("page_block_size");
  if (size < 16 || size % 16 != 0 || size > 65536)
    params.fail("page_block_size", fmt::format("expected a multiple of 16 up to 65536, got {}", size));
  report.push_back({Outcome::carried, "page_params.page_block_size", fmt::format("attention.page_size = {}", size)});
  if (params.has("page_max_num_blocks_per_dp")) {
    const auto blocks = params.dimension("page_max_num_blocks_per_dp");
    report.push_back(
        {Outcome::no_counterpart, "page_params.page_max_num_blocks_per_dp",
         fmt::format("a cache is as large as its tokens need; for the same room give --ctx {}", blocks * size)});
  }
  if (const auto unread = params.unread(); !unread.empty())
    params.fail(unread.front(), "unknown key; there are: page_block_size, page_max_num_blocks_per_dp");
  return size;
}

/// Environment variables of version 1 that are set here and mean nothing.
void report_environment(std::vector<ReportLine>& report) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kNames{{
      {"TT_CACHE_PATH", "no cache of converted weights: they are packed when a model is loaded"},
      {"MAX_PREFILL_CHUNK_SIZE", "the device's own parameters say how many tokens a step takes (prefill.chunk)"},
      {"PAD_MLP_CORES", "packed weights pad themselves, for any size"},
      {"DISABLE_DI_DT_WORKAROUND", "a workaround inside version 1's kernels"},
  }};
  for (const auto& [name, why] : kNames)
    if (std::getenv(name) != nullptr) report.push_back({Outcome::no_counterpart, name, why});
}

}  // namespace

void run_migrate_config(const MigrateConfigOptions& o) {
  check_writable(o.output, {o.hf_model, o.decoder_precision});
  const auto model = read_model(o.hf_model);
  std::vector<ReportLine> report{{Outcome::carried, "HF_MODEL", fmt::format("give it as --model {}", o.hf_model)}};
  report_mesh(o.mesh_device, report);
  const auto preset =
      o.optimizations == v1::name(v1::Preset::performance) ? v1::Preset::performance : v1::Preset::accuracy;
  PrecisionMigration precision(model, preset, report);
  if (o.decoder_precision.empty())
    precision.take_preset();
  else
    precision.take_decoders(v1::read_decoders(read_json(o.decoder_precision), o.decoder_precision),
                            o.decoder_precision);

  ModelSettings settings;
  settings.weight_formats = weight_rules(precision.layers(), precision.others(), model.num_layers, model.feed_forward);
  settings.kv_dtype = kv_dtype(precision, model.num_layers, report);
  settings.page_size = read_page_params(o.page_params, report);
  report.push_back(
      {Outcome::changed, "lm_head",
       "no key of version 1's: its program loaded it as BFP8; here it, the embedding and the norms stay as "
       "the checkpoint has them"});
  report_environment(report);
  write_file(o.output, to_text(settings.json()));
  if (o.json)
    print_result(to_text(nlohmann::ordered_json{{"settings", o.output}, {"report", to_json(report)}}));
  else
    print_result(fmt::format("{}{}: use it as `ttt generate --model {} --settings {}`\n", to_text(report), o.output,
                             o.hf_model, o.output));
}

}  // namespace ttt::app
