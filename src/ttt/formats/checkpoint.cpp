#include "ttt/formats/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ttt/core/error.h"
#include "ttt/formats/mapped_file.h"
#include "ttt/formats/safetensors.h"

namespace ttt::inline v2 {
namespace {

ConfigReader read_config(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return ConfigReader::parse({reinterpret_cast<const char*>(file.data().get()), file.size()}, path.string());
}

void add_once(std::vector<std::int64_t>& ids, std::int64_t id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

std::vector<std::int64_t> stop_tokens(const std::filesystem::path& folder, const ConfigReader& config) {
  std::vector<std::int64_t> ids;
  const auto generation = folder / "generation_config.json";
  std::error_code ignored;
  if (std::filesystem::exists(generation, ignored))
    for (const auto id : read_config(generation).integers_or_one("eos_token_id")) add_once(ids, id);
  for (const auto id : config.integers_or_one("eos_token_id")) add_once(ids, id);
  return ids;
}

std::vector<std::int64_t> stop_tokens(const GgufFile& file) {
  std::vector<std::int64_t> ids;
  for (const auto* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const auto* value = file.find_metadata(key);
    if (!value) continue;
    if (const auto* id = std::get_if<std::uint64_t>(value); id && *id <= INT32_MAX)
      add_once(ids, static_cast<std::int64_t>(*id));
    else if (const auto* other = std::get_if<std::int64_t>(value); other && *other >= 0)
      add_once(ids, *other);
    else
      throw FormatError(file.where(), fmt::format("{} is not a token id", key));
  }
  return ids;
}

/// The GGUF files of a folder as a hint, a few of them by name; empty when there are none.
std::string gguf_files_in(const std::filesystem::path& folder) {
  constexpr std::size_t kMostNamed = 4;
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".gguf") names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  const auto more = names.size() > kMostNamed ? names.size() - kMostNamed : 0;
  names.resize(names.size() - more);
  const auto rest = more > 0 ? fmt::format(" and {} more", more) : "";
  return names.empty() ? "" : fmt::format("{}{}", fmt::join(names, ", "), rest);
}

void check_is_checkpoint(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder / "config.json", ignored)) return;
  const auto files = gguf_files_in(folder);
  throw FormatError(folder.string(), files.empty()
                                         ? "has no config.json; give a Hugging Face folder or a GGUF file"
                                         : fmt::format("has no config.json; give one of its files: {}", files));
}

/// What lies in a Hugging Face folder is not opened alone.
void check_is_gguf(const std::filesystem::path& file) {
  std::error_code ignored;
  const auto extension = file.extension();
  if ((extension != ".safetensors" && extension != ".json") || !std::filesystem::exists(file, ignored)) return;
  const auto folder = file.has_parent_path() ? file.parent_path() : ".";
  throw FormatError(file.string(), fmt::format("is not a GGUF file; give its folder: {}", folder.string()));
}

Checkpoint open_folder(const std::filesystem::path& path) {
  check_is_checkpoint(path);
  auto config = read_config(path / "config.json");
  auto model_type = config.string("model_type");
  auto eos = stop_tokens(path, config);
  std::shared_ptr<const WeightSource> source = open_safetensors(path);
  return {Checkpoint::Kind::hugging_face,
          path,
          std::move(config),
          std::move(model_type),
          source,
          Weights(source),
          nullptr,
          std::move(eos)};
}

Checkpoint open_gguf(const std::filesystem::path& path) {
  check_is_gguf(path);
  auto file = GgufFile::open(path);
  auto config = gguf_config(*file);
  auto model_type = config.string("model_type");
  auto eos = stop_tokens(*file);
  return {Checkpoint::Kind::gguf, path, std::move(config), std::move(model_type), file,
          Weights(file),          file, std::move(eos)};
}

}  // namespace

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) ? open_folder(path) : open_gguf(path);
}

}  // namespace ttt::inline v2
