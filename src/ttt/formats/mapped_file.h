#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace ttt::inline v2 {

/// A regular, non-empty file mapped read-only. The bytes live as long as any copy of `data()` or of a
/// pointer aliasing it, such as a tensor's.
class MappedFile {
 public:
  /// Throws FormatError when the path is absent, unreadable, empty or no regular file.
  static MappedFile open(const std::filesystem::path& path);

  /// The bytes from `offset` on, sharing ownership of `data`, in which they have to lie. Where `data` is a mapped
  /// file's (not a part of one), the memory of the part's pages is given back with its last copy; bytes that are read
  /// again come from the file again. So a checkpoint that is read tensor by tensor never holds memory for all of it.
  static std::shared_ptr<const std::byte> part(std::shared_ptr<const std::byte> data, std::size_t offset,
                                               std::size_t bytes);
  /// Gives back the memory of some pages of a part early: of those that lie wholly within `bytes` from `offset` on.
  /// `part` may be any tensor's data; nothing happens unless it is a mapped file's part, or a view of one.
  static void give_back(const std::shared_ptr<const std::byte>& part, std::size_t offset, std::size_t bytes);

  const std::shared_ptr<const std::byte>& data() const { return data_; }     ///< shared; unmapped with the last copy
  std::size_t size() const { return size_; }                                 ///< in bytes
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }  ///< all of them

 private:
  MappedFile(std::shared_ptr<const std::byte> data, std::size_t size) : data_(std::move(data)), size_(size) {}

  std::shared_ptr<const std::byte> data_;
  std::size_t size_;
};

}  // namespace ttt::inline v2
