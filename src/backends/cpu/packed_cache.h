#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <span>

#include "digest.h"
#include "ttt/core/log.h"

namespace ttt::cpu {

/// Packed weights in a folder, kept from one start to the next: a file for each, named by what it was packed from. A
/// file gets its name when it is whole, and is read only if its digest is right, so that neither a kill nor a fault of
/// the disk leaves weights that are not those asked for. Any number of one user's processes may share a folder.
class PackedCache {
 public:
  /// Makes the folder where there is none, and removes what processes that were killed left behind. Throws DeviceError
  /// when it cannot be used.
  PackedCache(std::filesystem::path folder, LogSink log);

  /// What digests of this folder's keys begin with. Nobody else knows it: no checkpoint can be made to answer for
  /// another.
  std::uint64_t seed() const { return seed_; }
  /// The bytes that were kept under that key, mapped and 64-byte aligned; null when there are none or not as many. A
  /// file with other contents than were written costs a warning.
  std::shared_ptr<const std::byte> find(const Digest& key, std::size_t bytes, ThreadPool& pool) const;
  /// Keeps them. The first failure costs a warning and is the last attempt.
  void keep(const Digest& key, std::span<const std::byte> bytes, ThreadPool& pool);

 private:
  std::filesystem::path file_of(const Digest& key) const;

  std::filesystem::path folder_;
  LogSink log_;
  std::uint64_t seed_;
  std::atomic<bool> keeps_{true};
};

}  // namespace ttt::cpu
