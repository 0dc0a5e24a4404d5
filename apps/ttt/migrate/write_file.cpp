#include "write_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, int error) {
  throw FormatError(file.string(), fmt::format("cannot be written: {}", std::generic_category().message(error)));
}

/// Waits until a file's bytes, or a folder's names, are on the disk.
void sync(const fs::path& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file == -1) fail(path, errno);
  const int error = fsync(file) == 0 ? 0 : errno;
  close(file);
  if (error != 0 && error != EINVAL) fail(path, error);  // EINVAL: a file system without fsync
}

}  // namespace

fs::path partial_name(const fs::path& file) { return file.string() + ".partial"; }

void write_file(const fs::path& file, const std::function<void(std::ostream&)>& write) {
  // A rename would put a file in the place of a device.
  std::error_code ignored;
  if (fs::exists(file, ignored) && !fs::is_regular_file(file, ignored))
    throw FormatError(file.string(), "cannot be written: is not a regular file");
  const auto partial = partial_name(file);
  errno = 0;  // streams say that they failed; errno says why
  std::ofstream out(partial, std::ios::binary | std::ios::trunc);
  if (out) write(out);
  out.close();
  if (!out) fail(partial, errno);
  sync(partial, O_RDONLY);
  std::error_code error;
  fs::rename(partial, file, error);
  if (error) fail(file, error.value());
  sync(file.has_parent_path() ? file.parent_path() : ".", O_RDONLY | O_DIRECTORY);
}

void write_file(const fs::path& file, std::string_view text) {
  write_file(file, [text](std::ostream& out) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
}

}  // namespace ttt::app
