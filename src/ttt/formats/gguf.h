#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ttt/formats/weights.h"

namespace ttt::inline v2 {

/// A metadata value. Numbers are widened; an array is homogeneous and not nested.
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<bool>, std::vector<std::string>>;

/// A GGUF v2/v3 file, mapped. Tensor shapes are given outermost first (as PyTorch), the reverse of GGUF's.
/// A tensor type the library does not know is a FormatError only when that tensor is asked for.
class GgufFile : public WeightSource, public std::enable_shared_from_this<GgufFile> {
 public:
  /// Throws FormatError with path, offset and reason on anything malformed.
  static std::shared_ptr<const GgufFile> open(const std::filesystem::path& path);
  /// The same from bytes in memory (tests, fuzzers).
  static std::shared_ptr<const GgufFile> parse(std::shared_ptr<const std::byte> data, std::size_t size,
                                               std::string where);

  const std::vector<std::pair<std::string, GgufValue>>& metadata() const;  ///< in file order
  const GgufValue* find_metadata(std::string_view key) const;              ///< null when absent

  std::optional<Info> find(std::string_view name) const override;
  Tensor load(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string where() const override;

  ~GgufFile() override;

 private:
  struct Impl;
  explicit GgufFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ttt::inline v2
