#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ttt::inline v2 {

/// Base of everything the library throws. `what()` reads "[where] what went wrong".
class Error : public std::runtime_error {
 public:
  /// `where` names the place a user can act on: a file, a tensor, a config key, a block's path.
  Error(std::string_view where, std::string_view what);
};

/// A file that does not hold what its format promises.
class FormatError : public Error {
 public:
  /// `path` is the file's name; `what` says what was expected and found.
  FormatError(std::string_view path, std::string_view what);
  /// `offset` is the byte in the file at which reading failed.
  FormatError(std::string_view path, std::uint64_t offset, std::string_view what);
};

/// A configuration value that is missing, mistyped or not supported.
class ConfigError : public Error {
  using Error::Error;
};

/// Weights that are missing, left over or of another shape than the block needs.
class WeightError : public Error {
  using Error::Error;
};

/// Matrices whose sizes do not fit together, or not the weights they meet.
class ShapeError : public Error {
  using Error::Error;
};

/// A device that is absent, unknown or too small for the job.
class DeviceError : public Error {
  using Error::Error;
};

/// A request that cannot be carried out: more tokens than the context holds, a bad sampling value.
class RequestError : public Error {
  using Error::Error;
};

}  // namespace ttt::inline v2
