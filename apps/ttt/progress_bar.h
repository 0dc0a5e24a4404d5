#pragma once
#include <cstdint>
#include <string>

namespace ttt::app {

/// A bar on stderr while long work goes on where stderr is a terminal, elsewhere nothing. It is gone when the
/// work is done, so that what follows starts on a clean line.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `done` of `total` units; drawn again only where the picture changes.
  void update(std::uint64_t done, std::uint64_t total);
  /// Takes the bar off the screen; the next update draws it again.
  void hide();

 private:
  std::string title_;
  bool enabled_;
  int shown_percent_ = -1;
};

}  // namespace ttt::app
