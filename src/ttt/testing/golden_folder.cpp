#include "ttt/testing/golden_folder.h"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "ttt/core/error.h"
#include "ttt/formats/config_reader.h"

namespace ttt::inline v2::testing {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw FormatError(file.string(), "cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The file that a flattened link stands for; nothing for any other file.
std::optional<fs::path> flattened_target(const fs::path& file) {
  constexpr std::uintmax_t kLongestPath = 1024;
  if (file.extension() != ".safetensors" || fs::file_size(file) > kLongestPath) return std::nullopt;
  std::string text = read_text(file);
  while (text.ends_with('\n')) text.pop_back();
  if (!text.ends_with(".safetensors") || text.find('\0') != std::string::npos) return std::nullopt;
  const fs::path target = file.parent_path() / text;
  if (!fs::is_regular_file(target)) throw FormatError(file.string(), "is a link to " + text + ", which is not there");
  return target;
}

}  // namespace

/// A temporary folder of links, removed at the end.
class GoldenFolder::Staging {
 public:
  Staging() {
    std::string name = (fs::temp_directory_path() / "ttt-golden-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw Error(name, "cannot make a temporary folder: " + std::generic_category().message(errno));
    path = name;
  }
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  fs::path path;
};

GoldenFolder::GoldenFolder(const fs::path& folder)
    : name_(folder.filename().string()), checkpoint_(fs::absolute(folder)) {
  std::vector<std::pair<fs::path, fs::path>> links;
  bool any_flattened = false;
  for (const auto& entry : fs::directory_iterator(checkpoint_)) {
    if (!entry.is_regular_file()) continue;
    const auto target = flattened_target(entry.path());
    any_flattened |= target.has_value();
    links.emplace_back(entry.path().filename(), target.value_or(entry.path()));
  }
  if (!any_flattened) return;
  auto staging = std::make_shared<Staging>();
  for (const auto& [file, target] : links) fs::create_symlink(fs::canonical(target), staging->path / file);
  checkpoint_ = staging->path;
  staging_ = std::move(staging);
}

std::string model_type_of(const fs::path& folder) {
  const auto file = folder / "config.json";
  return ConfigReader::parse(read_text(file), file.string()).string("model_type");
}

std::vector<fs::path> golden_folders_in(const fs::path& root) {
  std::vector<fs::path> folders;
  if (!fs::is_directory(root)) return folders;
  for (const auto& entry : fs::directory_iterator(root))
    if (fs::exists(entry.path() / "config.json") && fs::exists(entry.path() / "golden.safetensors"))
      folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

}  // namespace ttt::inline v2::testing
