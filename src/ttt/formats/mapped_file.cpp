#include "ttt/formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

[[noreturn]] void fail_errno(const std::filesystem::path& path, const char* doing) {
  throw FormatError(path.string(), std::string(doing) + ": " + std::generic_category().message(errno));
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK opening a pipe that nobody writes to would hang.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail_errno(path, "cannot open");
  struct stat status{};
  if (::fstat(file.fd, &status) != 0) fail_errno(path, "cannot stat");
  if (S_ISDIR(status.st_mode)) throw FormatError(path.string(), "is a directory, expected a file");
  if (!S_ISREG(status.st_mode)) throw FormatError(path.string(), "is not a regular file");
  if (status.st_size == 0) throw FormatError(path.string(), "is empty");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (address == MAP_FAILED) fail_errno(path, "cannot map");
  const auto unmap = [size](const std::byte* p) { ::munmap(const_cast<std::byte*>(p), size); };
  return {std::shared_ptr<const std::byte>(static_cast<const std::byte*>(address), unmap), size};
}

}  // namespace ttt::inline v2
