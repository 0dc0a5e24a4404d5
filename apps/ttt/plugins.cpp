#include "plugins.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <ranges>

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

/// Throws Error for a file that is no library of this kind of machine, or ends before what its header promises: the
/// loader would die of it.
void check_library(const fs::path& library) {
  std::ifstream file(library, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  if (!file || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr))
    throw Error(library.string(), "is not a shared library of this kind of machine");
  std::error_code ignored;
  const std::uintmax_t size = fs::file_size(library, ignored);
  const auto check_extent = [&](std::uintmax_t offset, std::uintmax_t bytes) {
    if (!file || offset > size || bytes > size - offset)
      throw Error(library.string(), fmt::format("is cut off: it has {} bytes, and its header promises more", size));
  };
  // Linkers write this table last, behind what is not loaded (debug information can be the larger part of a library).
  check_extent(header.e_shoff, std::uintmax_t{header.e_shnum} * header.e_shentsize);
  file.seekg(static_cast<std::streamoff>(std::min<std::uintmax_t>(header.e_phoff, size)));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.read(reinterpret_cast<char*>(&segment), sizeof segment);
    check_extent(segment.p_offset, segment.p_filesz);
  }
}

const ModelEntry& load(const fs::path& library) {
  check_library(library);
  void* const handle = dlopen(fs::absolute(library).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw Error(library.string(), fmt::format("cannot be loaded: {}", dlerror()));
  const auto entry = reinterpret_cast<const ModelEntry* (*)()>(dlsym(handle, "ttt_model_entry"));
  if (entry == nullptr) throw Error(library.string(), "exports no ttt_model_entry; build it with ttt_add_model_plugin");
  const ModelEntry* model = nullptr;
  try {
    model = entry();
  } catch (...) {
    throw Error(library.string(), "its ttt_model_entry threw an exception");
  }
  if (model == nullptr || model->abi == nullptr || std::string_view(model->abi) != kModelAbi)
    throw Error(library.string(),
                fmt::format("was built for the interface {}, this program has {}; build it against this version",
                            model && model->abi ? model->abi : "of nothing", kModelAbi));
  if (model->model_type == nullptr || model->build == nullptr)
    throw Error(library.string(), "its ModelEntry has no model_type or no build");
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

PluginSearch find_plugin(const std::vector<fs::path>& folders, const std::string& model_type) {
  PluginSearch search;
  for (const auto& folder : folders)
    for (const auto& library : libraries_in(folder)) try {
        const ModelEntry& entry = load(library);
        if (entry.model_type != model_type) continue;
        search.entry = &entry;
        return search;
      } catch (const Error& e) {
        search.refused.push_back(e);
      }
  return search;
}

}  // namespace ttt::app
