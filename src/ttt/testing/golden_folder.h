#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace ttt::inline v2::testing {

/// A folder with a checkpoint (`config.json`, safetensors) and `golden.safetensors`, what a reference says of
/// it. Folders that share weights hold links; where copying has turned a link into a small text file with the
/// target's relative path, the folder is read as if the link were there.
class GoldenFolder {
 public:
  /// Throws FormatError when a link leads nowhere.
  explicit GoldenFolder(const std::filesystem::path& folder);

  const std::string& name() const { return name_; }  ///< of the folder, without its parents
  /// What Checkpoint::open takes.
  const std::filesystem::path& checkpoint() const { return checkpoint_; }
  std::filesystem::path golden_file() const { return checkpoint_ / "golden.safetensors"; }  ///< what Golden::load takes

 private:
  class Staging;
  std::string name_;
  std::filesystem::path checkpoint_;
  std::shared_ptr<const Staging> staging_;  ///< null when the folder is whole as it is
};

/// `model_type` of the folder's `config.json`. Throws FormatError when there is none that can be read.
std::string model_type_of(const std::filesystem::path& folder);

/// The folders below `root` with a `config.json` and a `golden.safetensors`, sorted by name.
std::vector<std::filesystem::path> golden_folders_in(const std::filesystem::path& root);

}  // namespace ttt::inline v2::testing
