#include "ttt/core/log.h"

#include <cstdio>

namespace ttt::inline v2 {

LogSink stderr_log() {
  return [](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning)
      std::fprintf(stderr, "ttt: warning: %.*s\n", static_cast<int>(line.size()), line.data());
  };
}

LogSink silent_log() {
  return [](LogLevel, std::string_view) {};
}

}  // namespace ttt::inline v2
