#include "packed_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>
#include <utility>

#include "ttt/core/error.h"
#include "ttt/formats/mapped_file.h"

namespace ttt::cpu {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".ttt-unfinished";

/// What a file begins with; the bytes kept follow.
struct alignas(64) Header {
  std::array<char, 8> magic{'T', 'T', 'T', 'P', 'A', 'C', 'K', '1'};
  Digest key{};
  Digest contents{};
  std::array<std::byte, 24> unused{};
};
static_assert(sizeof(Header) == 64);

[[noreturn]] void fail_errno(const std::string& doing) {
  throw std::system_error(errno, std::generic_category(), doing);
}

/// A file without its name yet; gone unless it is given one. It is locked while this process lives, which tells it from
/// what a killed one left.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(const fs::path& folder) {
    while (!make(folder)) ::close(fd_);
  }
  ~UnfinishedFile() {
    ::close(fd_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  void write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const auto written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail_errno("cannot write");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  /// In place of what has that name.
  void rename_to(const fs::path& name) {
    if (::rename(path_.c_str(), name.c_str()) != 0) fail_errno("cannot rename a file");
    path_.clear();
  }
  /// Unless something has that name. What it holds outlives even a crash of the system.
  void link_to(const fs::path& name) const {
    if (::fsync(fd_) != 0) fail_errno("cannot write");
    if (::link(path_.c_str(), name.c_str()) != 0 && errno != EEXIST) fail_errno("cannot link a file");
  }

 private:
  /// False: before it was locked, another process took it for a leftover.
  bool make(const fs::path& folder) {
    path_ = (folder / "XXXXXX").string() + std::string(kUnfinished);
    fd_ = ::mkostemps(path_.data(), static_cast<int>(kUnfinished.size()), O_CLOEXEC);
    if (fd_ < 0) fail_errno("cannot make a file");
    struct stat status{};
    return ::flock(fd_, LOCK_EX) != 0 || ::fstat(fd_, &status) != 0 || status.st_nlink > 0;
  }

  std::string path_;
  int fd_ = -1;
};

/// Unfinished files that nobody holds the lock of.
void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.path().native().ends_with(kUnfinished)) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    ::close(fd);
  }
}

/// The folder's own random number, made by whoever comes first.
std::uint64_t read_or_make_seed(const fs::path& folder) {
  const fs::path file = folder / "seed";
  std::uint64_t seed = 0;
  if (!fs::exists(file)) {
    std::random_device random;
    seed = std::uint64_t{random()} << 32 | random();
    const UnfinishedFile made(folder);
    made.write(std::as_bytes(std::span(&seed, 1)));
    made.link_to(file);
  }
  const auto kept = MappedFile::open(file);
  if (kept.size() != sizeof seed)
    throw DeviceError("packed cache", file.string() + " is not a cache's seed; remove the folder");
  std::memcpy(&seed, kept.data().get(), sizeof seed);
  return seed;
}

/// Makes it ready and returns its seed.
std::uint64_t open_folder(const fs::path& folder) try {
  fs::create_directories(folder);
  remove_leftovers(folder);
  return read_or_make_seed(folder);
} catch (const DeviceError&) {
  throw;
} catch (const std::exception& e) {
  throw DeviceError("packed cache",
                    fmt::format("{} cannot be used: {}; choose another folder", folder.string(), e.what()));
}

}  // namespace

PackedCache::PackedCache(fs::path folder, LogSink log)
    : folder_(std::move(folder)), log_(std::move(log)), seed_(open_folder(folder_)) {}

fs::path PackedCache::file_of(const Digest& key) const {
  return folder_ / fmt::format("{:016x}{:016x}.packed", key[0], key[1]);
}

std::shared_ptr<const std::byte> PackedCache::find(const Digest& key, std::size_t bytes, ThreadPool& pool) const {
  const fs::path path = file_of(key);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return nullptr;
  const auto is_whole = [&](const MappedFile& file) {
    if (file.size() != sizeof(Header) + bytes) return false;
    Header header, expected;
    std::memcpy(&header, file.data().get(), sizeof header);
    return header.magic == expected.magic && header.key == key &&
           header.contents == digest(pool, file.bytes().subspan(sizeof header), seed_);
  };
  try {
    const auto file = MappedFile::open(path);
    if (is_whole(file)) return {file.data(), file.data().get() + sizeof(Header)};
    log_(LogLevel::warning, fmt::format("{}: is damaged, and made anew", path.string()));
  } catch (const FormatError& e) {
    log_(LogLevel::warning, e.what());
  }
  return nullptr;
}

void PackedCache::keep(const Digest& key, std::span<const std::byte> bytes, ThreadPool& pool) {
  if (!keeps_) return;
  try {
    UnfinishedFile file(folder_);
    const Header header{.key = key, .contents = digest(pool, bytes, seed_)};
    file.write(std::as_bytes(std::span(&header, 1)));
    file.write(bytes);
    file.rename_to(file_of(key));
  } catch (const std::system_error& e) {
    keeps_ = false;
    log_(LogLevel::warning, fmt::format("{}: packed weights are not kept: {}", folder_.string(), e.what()));
  }
}

}  // namespace ttt::cpu
