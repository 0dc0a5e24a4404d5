#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/patterns/model_entry.h"

namespace ttt::app {

/// Folders in which the user has models outside the program: those of --model-path, then those of
/// TTT_MODEL_PATH (between colons). Throws Error for one that is no folder.
std::vector<std::filesystem::path> given_model_folders(const std::vector<std::string>& given);

/// lib/ttt/models beside the program's bin/, if it is there.
std::vector<std::filesystem::path> installed_model_folders();

struct PluginSearch {
  const ModelEntry* entry = nullptr;  ///< null: none is for that model_type
  std::vector<Error> refused;         ///< why libraries that came before it were not looked at
};
/// Looks for a `libttt_model_*.so` in those folders for that model_type, past those that cannot be loaded or were built
/// for another interface. A library once loaded stays.
PluginSearch find_plugin(const std::vector<std::filesystem::path>& folders, const std::string& model_type);

}  // namespace ttt::app
