#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace ttt::app {

ProgressBar::ProgressBar(std::string title) : title_(std::move(title)), enabled_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() { hide(); }

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  if (!enabled_ || total == 0) return;
  constexpr int kWidth = 30;
  const auto share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto percent = static_cast<int>(share * 100);
  if (percent == shown_percent_) return;
  shown_percent_ = percent;
  const auto filled = static_cast<int>(share * kWidth);
  fmt::print(stderr, "\r{} [{:#>{}}{:.>{}}] {:>3}%\033[K", title_, "", filled, "", kWidth - filled, percent);
  std::fflush(stderr);
}

void ProgressBar::hide() {
  if (shown_percent_ < 0) return;
  shown_percent_ = -1;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

}  // namespace ttt::app
