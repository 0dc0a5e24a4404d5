#include "ttt/formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
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

/// Ends a mapping. Its type tells that a pointer is to a mapped file.
struct Unmap {
  std::size_t size;
  void operator()(const std::byte* p) const { ::munmap(const_cast<std::byte*>(p), size); }
};

/// Gives back the memory of the pages that lie wholly within the range.
void release_pages(const std::byte* begin, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (address + page - 1) / page * page, end = (address + bytes) / page * page;
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

/// Gives a part's pages back with its last copy. Its type tells that a pointer is to such a part.
struct GiveBack {
  std::shared_ptr<const std::byte> file;
  std::size_t bytes;
  void operator()(const std::byte* p) const { release_pages(p, bytes); }
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
  return {std::shared_ptr<const std::byte>(static_cast<const std::byte*>(address), Unmap{size}), size};
}

std::shared_ptr<const std::byte> MappedFile::part(std::shared_ptr<const std::byte> data, std::size_t offset,
                                                  std::size_t bytes) {
  const std::byte* begin = data.get() + offset;
  if (std::get_deleter<Unmap>(data) == nullptr) return {std::move(data), begin};
  return {begin, GiveBack{std::move(data), bytes}};
}

void MappedFile::give_back(const std::shared_ptr<const std::byte>& part, std::size_t offset, std::size_t bytes) {
  if (std::get_deleter<GiveBack>(part) != nullptr) release_pages(part.get() + offset, bytes);
}

}  // namespace ttt::inline v2
