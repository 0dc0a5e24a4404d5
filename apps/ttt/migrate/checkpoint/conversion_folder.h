#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace ttt::app {

/// The folder that a conversion writes. A record of what it is made from lies in it until all is there, so that a
/// conversion that was stopped can go on, and one of something else cannot. One program at a time has it.
class ConversionFolder {
 public:
  /// Makes the folder, or goes on in it. `sources` are the files that are read, `layout` says how they are written.
  /// Throws RequestError when the folder holds anything else, or the conversion of other files.
  ConversionFolder(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& sources,
                   const std::string& layout);
  ~ConversionFolder();
  ConversionFolder(const ConversionFolder&) = delete;
  ConversionFolder& operator=(const ConversionFolder&) = delete;

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  /// Whether that file was written whole before.
  bool has(const std::string& name) const;
  /// Takes the record away: the folder is whole.
  void finish();

 private:
  void lock();
  void check_record(const std::string& record) const;

  std::filesystem::path folder_;
  int lock_ = -1;
};

}  // namespace ttt::app
