#include "conversion_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "migrate/read_json.h"
#include "migrate/write_file.h"
#include "options.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecord = "conversion.json";

/// Files are the same when their names, sizes and times are: a checkpoint is too large to be read for that.
std::string record_of(const std::vector<fs::path>& sources, const std::string& layout) {
  auto files = nlohmann::ordered_json::array();
  for (const auto& source : sources)
    files.push_back({{"file", fs::absolute(source).lexically_normal().string()},
                     {"bytes", fs::file_size(source)},
                     {"changed", fs::last_write_time(source).time_since_epoch().count()}});
  return to_text({{"layout", layout}, {"sources", files}});
}

}  // namespace

ConversionFolder::ConversionFolder(const fs::path& folder, const std::vector<fs::path>& sources,
                                   const std::string& layout)
    : folder_(folder) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw FormatError(folder_.string(), fmt::format("cannot be written: {}", error.message()));
  lock();
  check_record(record_of(sources, layout));
}

ConversionFolder::~ConversionFolder() {
  if (lock_ != -1) close(lock_);
}

void ConversionFolder::lock() {
  lock_ = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ == -1)
    throw FormatError(folder_.string(), fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw RequestError(folder_.string(), "another conversion is writing it");
}

void ConversionFolder::check_record(const std::string& record) const {
  const auto file = folder_ / kRecord;
  std::error_code ignored;
  if (fs::exists(file, ignored)) {
    if (to_text(read_json(file)) == record) return;
    throw RequestError(folder_.string(),
                       "holds a conversion of other files, or in another layout; give another folder");
  }
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path() != partial_name(file))
      throw RequestError(folder_.string(), fmt::format("holds {}; nothing is overwritten, give an empty folder",
                                                       entry.path().filename().string()));
  write_file(file, record);
}

bool ConversionFolder::has(const std::string& name) const {
  std::error_code ignored;
  return fs::is_regular_file(folder_ / name, ignored);
}

void ConversionFolder::finish() { fs::remove(folder_ / kRecord); }

}  // namespace ttt::app
