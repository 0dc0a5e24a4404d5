#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "conversion_folder.h"
#include "meta_checkpoint.h"
#include "migrate/migrate_verbs.h"
#include "migrate/write_file.h"
#include "options.h"
#include "output_shards.h"
#include "progress_bar.h"

namespace ttt::app {
namespace {

/// What the user has to know of the config, and to add to the folder.
std::vector<std::string> notes(const MetaCheckpoint& meta) {
  std::vector<std::string> notes;
  const auto config = meta.hf_config();
  if (!meta.params().max_seq_len)
    notes.push_back(fmt::format(
        "config.json: max_position_embeddings is {}, as models with such a rope were trained; params.json has "
        "no max_seq_len (Llama 2: 4096)",
        config["max_position_embeddings"].get<int>()));
  if (meta.params().rope_scaling)
    notes.push_back(
        fmt::format("config.json: rope_scaling.factor is {}; of Llama 3.2's 1B and 3B it is 32, which their "
                    "params.json does not say",
                    meta.params().rope_scaling->factor));
  notes.push_back(
      "add tokenizer.json, and tokenizer_config.json with the chat template: Meta's tokenizer.model is not read");
  notes.push_back(
      "add generation_config.json with eos_token_id (and bos_token_id): Meta's files do not name the stop tokens");
  return notes;
}

/// Writes the shards that are not there yet; how many there were.
std::size_t write_shards(const ConversionFolder& folder, const std::vector<OutputShard>& shards) {
  std::uint64_t total = 0, done = 0;
  for (const auto& shard : shards) total += shard.bytes();
  std::size_t kept = 0;
  ProgressBar bar("converting");
  for (const auto& shard : shards) {
    bar.update(done, total);
    if (folder.has(shard.file))
      ++kept;
    else
      write_file(folder.file(shard.file), [&](std::ostream& out) { shard.write(out); });
    done += shard.bytes();
  }
  return kept;
}

}  // namespace

void run_migrate_checkpoint(const MigrateCheckpointOptions& o) {
  const MetaCheckpoint meta(o.from);
  const auto shards = output_shards(meta.tensors(), static_cast<std::uint64_t>(o.max_shard_bytes));
  ConversionFolder folder(o.to, meta.files(), fmt::format("at most {} bytes of tensors in a file", o.max_shard_bytes));
  const auto kept = write_shards(folder, shards);
  if (shards.size() > 1) write_file(folder.file("model.safetensors.index.json"), to_text(shard_index(shards)));
  write_file(folder.file("config.json"), to_text(meta.hf_config()));
  folder.finish();

  const auto what = notes(meta);
  if (o.json) {
    print_result(to_text(nlohmann::ordered_json{{"model", o.to},
                                                {"from_files", meta.files().size() - 1},
                                                {"tensors", meta.tensors().size()},
                                                {"files", shards.size()},
                                                {"kept_files", kept},
                                                {"notes", what}}));
    return;
  }
  auto text = fmt::format("{}: {} tensors in {} {}, {} of them there already\n", o.to, meta.tensors().size(),
                          shards.size(), shards.size() == 1 ? "file" : "files", kept);
  for (const auto& note : what) text += note + "\n";
  print_result(text + fmt::format("check it: ttt compare --model {} --golden GOLDEN --precision exact\n", o.to));
}

}  // namespace ttt::app
