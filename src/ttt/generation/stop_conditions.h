#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ttt::inline v2 {

/// Finds stop strings in text that comes in pieces. What could be the start of a stop string is held back until it
/// is known not to be one, so that no part of a stop string is ever shown.
class StopStrings {
 public:
  /// Throws RequestError on an empty stop string.
  explicit StopStrings(std::vector<std::string> strings);

  /// What a piece of text came to.
  struct Result {
    std::string text;      ///< may be shown now
    bool stopped = false;  ///< a stop string came; it and what follows are dropped
  };
  /// Takes the next piece of text.
  Result push(std::string_view piece);
  /// What is held back: no more text comes.
  std::string flush();

 private:
  std::vector<std::string> strings_;
  std::string held_;
};

}  // namespace ttt::inline v2
