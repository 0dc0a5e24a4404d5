#include "command_line.h"
#include "flags.h"
#include "migrate/migrate_verbs.h"

namespace ttt::app {
namespace {

void add_config(CommandLine& line, CLI::App& migrate) {
  const auto [verb, o] =
      add_verb(line, migrate, "config",
               {.summary = "Version 1's settings of a model as a file for --settings",
                .about = "Reads what version 1 was told by flags, environment and JSON, writes the same as settings of "
                         "this version, and "
                         "reports for each key whether it was carried over, changed, or has no counterpart.",
                .examples = {"ttt migrate config --hf-model folder --optimizations performance -o settings.json"}},
               run_migrate_config);
  verb.add_option("--hf-model", o.hf_model, "the model's Hugging Face folder")
      ->envname("HF_MODEL")
      ->required()
      ->check(file_name())
      ->type_name("FOLDER");
  verb.add_option("--mesh-device", o.mesh_device, "N150, N300, N150x4, T3K, TG, P100, P150, ...")
      ->envname("MESH_DEVICE")
      ->default_str("")
      ->type_name("NAME");
  verb.add_option("--optimizations", o.optimizations, "preset; without it version 1 took accuracy")
      ->check(CLI::IsMember({"performance", "accuracy"}));
  verb.add_option("--decoder-precision", o.decoder_precision,
                  "decoder precision JSON: a file as --decoder_config_file took")
      ->check(file_name())
      ->type_name("FILE");
  verb.add_option("--page-params", o.page_params, "JSON as --page_params took: {\"page_block_size\": 32}")
      ->check(not_empty("JSON"))
      ->type_name("JSON");
  verb.add_option("-o,--output", o.output, "file to write: settings, JSON")
      ->required()
      ->check(file_name())
      ->type_name("FILE");
  verb.add_flag("--json", o.json, "the report as one JSON document");
}

void add_scan(CommandLine& line, CLI::App& migrate) {
  const auto [verb, o] = add_verb(
      line, migrate, "scan",
      {.summary = "Finds version 1's patterns in model code; exit code 3 when there are any",
       .about =
           "Reads Python and C++ code and prints each line that has to change, the pattern that it shows, and what "
           "stands in its place.",
       .examples = {"ttt migrate scan models/my_model"},
       .exit_codes = {{"3", "", "patterns were found"}}},
      run_migrate_scan);
  verb.add_option("folder", o.folder, "a folder or file of Python or C++ code")->required()->check(file_name());
  verb.add_flag("--json", o.json, "one JSON document");
}

void add_checkpoint(CommandLine& line, CLI::App& migrate) {
  const auto [verb, o] = add_verb(
      line, migrate, "checkpoint",
      {.summary = "Meta's Llama weights in Hugging Face's layout; goes on where it stopped",
       .about = "Joins the shards, renames the tensors and puts the rows of queries and keys in Hugging Face's order. "
                "Run again after it was stopped, it goes on with what is missing.",
       .examples = {"ttt migrate checkpoint --from llama-meta --to llama-hf"}},
      run_migrate_checkpoint);
  verb.add_option("--from", o.from, "folder with params.json and consolidated.*.safetensors")
      ->required()
      ->check(file_name())
      ->type_name("FOLDER");
  verb.add_option("--to", o.to, "folder to write: new, empty, or one that a stopped conversion left")
      ->required()
      ->check(file_name())
      ->type_name("FOLDER");
  verb.add_option("--max-shard-bytes", o.max_shard_bytes, "tensors in a file, unless one is larger")
      ->check(integer_in(1, std::int64_t{1} << 50));
  verb.add_flag("--json", o.json, "one JSON document");
}

}  // namespace

void add_migrate(CommandLine& line) {
  auto& migrate = add_verbs_under(
      line, "migrate",
      {.summary = "Brings settings, code and weights of version 1 over",
       .about = "What each of its verbs carries over, and what has no counterpart, is in docs/migration.md.",
       .examples = {"ttt migrate scan models/my_model", "ttt help migrate checkpoint"}});
  add_config(line, migrate);
  add_scan(line, migrate);
  add_checkpoint(line, migrate);
}

}  // namespace ttt::app
