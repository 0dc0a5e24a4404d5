#include "plugins.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ranges>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> libraries_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("libttt_model_") && name.ends_with(".so")) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

const ModelEntry& load(const fs::path& library) {
  void* const handle = dlopen(fs::absolute(library).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw Error(library.string(), fmt::format("cannot be loaded: {}", dlerror()));
  const auto entry = reinterpret_cast<const ModelEntry* (*)()>(dlsym(handle, "ttt_model_entry"));
  if (entry == nullptr) throw Error(library.string(), "exports no ttt_model_entry; build it with ttt_add_model_plugin");
  const ModelEntry* const model = entry();
  if (model == nullptr || model->abi == nullptr || std::string_view(model->abi) != kModelAbi)
    throw Error(library.string(),
                fmt::format("was built for the interface {}, this program has {}; build it against this version",
                            model && model->abi ? model->abi : "of nothing", kModelAbi));
  return *model;
}

}  // namespace

std::vector<fs::path> given_model_folders(const std::vector<std::string>& given) {
  std::vector<fs::path> folders(given.begin(), given.end());
  if (const char* path = std::getenv("TTT_MODEL_PATH"))
    for (const auto part : std::views::split(std::string_view(path), ':'))
      if (!part.empty()) folders.emplace_back(std::string_view(part.begin(), part.end()));
  for (const auto& folder : folders)
    if (!fs::is_directory(folder))
      throw Error(folder.string(), "expected a folder with libttt_model_*.so (from --model-path or TTT_MODEL_PATH)");
  return folders;
}

std::vector<fs::path> installed_model_folders() {
  std::error_code ignored;
  const auto program = fs::read_symlink("/proc/self/exe", ignored);
  const auto folder = program.parent_path().parent_path() / "lib/ttt/models";
  return fs::is_directory(folder, ignored) ? std::vector{folder} : std::vector<fs::path>{};
}

const ModelEntry* find_plugin(const std::vector<fs::path>& folders, const std::string& model_type) {
  for (const auto& folder : folders)
    for (const auto& library : libraries_in(folder)) {
      const ModelEntry& entry = load(library);
      if (entry.model_type == model_type) return &entry;
    }
  return nullptr;
}

}  // namespace ttt::app
