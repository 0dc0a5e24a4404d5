#include "cli_parts.h"
#include "migrate/migrate_verbs.h"

namespace ttt::app {
namespace {

void add_config(CLI::App& app) {
  const auto [verb, o] =
      add_verb(app, "config", "Version 1's settings of a model as a file for --settings", run_migrate_config);
  verb.add_option("--hf-model", o.hf_model, "the model's Hugging Face folder")
      ->envname("HF_MODEL")
      ->required()
      ->check(file_name());
  verb.add_option("--mesh-device", o.mesh_device, "N150, N300, N150x4, T3K, TG, P100, P150, ...")
      ->envname("MESH_DEVICE")
      ->default_str("");
  verb.add_option("--optimizations", o.optimizations, "preset; without it version 1 took accuracy")
      ->check(CLI::IsMember({"performance", "accuracy"}));
  verb.add_option("--decoder-precision", o.decoder_precision,
                  "decoder precision JSON: a file as --decoder_config_file took")
      ->check(file_name());
  verb.add_option("--page-params", o.page_params, "JSON as --page_params took: {\"page_block_size\": 32}")
      ->check(not_empty("JSON"));
  verb.add_option("-o,--output", o.output, "file to write: settings, JSON")->required()->check(file_name());
  verb.add_flag("--json", o.json, "the report as one JSON document");
}

void add_scan(CLI::App& app) {
  const auto [verb, o] = add_verb(
      app, "scan", "Finds version 1's patterns in model code; exit code 3 when there are any", run_migrate_scan);
  verb.add_option("folder", o.folder, "a folder or file of Python or C++ code")->required()->check(file_name());
  verb.add_flag("--json", o.json, "one JSON document");
}

void add_checkpoint(CLI::App& app) {
  const auto [verb, o] =
      add_verb(app, "checkpoint", "Meta's Llama weights in Hugging Face's layout; goes on where it stopped",
               run_migrate_checkpoint);
  verb.add_option("--from", o.from, "folder with params.json and consolidated.*.safetensors")
      ->required()
      ->check(file_name());
  verb.add_option("--to", o.to, "folder to write: new, empty, or one that a stopped conversion left")
      ->required()
      ->check(file_name());
  verb.add_option("--max-shard-bytes", o.max_shard_bytes, "tensors in a file, unless one is larger")
      ->check(integer_in(1, std::int64_t{1} << 50));
  verb.add_flag("--json", o.json, "one JSON document");
}

}  // namespace

void add_migrate(CLI::App& app) {
  auto& migrate = *app.add_subcommand("migrate", "Brings settings, code and weights of version 1 over");
  migrate.require_subcommand(1);
  add_config(migrate);
  add_scan(migrate);
  add_checkpoint(migrate);
}

}  // namespace ttt::app
