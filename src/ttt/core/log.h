#pragma once
#include <functional>
#include <string_view>

namespace ttt::inline v2 {

/// How much a line matters: `info` tells what was chosen, `warning` what the caller may not have meant.
enum class LogLevel { debug, info, warning };

/// Receives one line without a newline; may be called from any thread that calls the library.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// The default sink: warnings to stderr as "ttt: warning: ...", the rest dropped.
LogSink stderr_log();

/// A sink that drops everything.
LogSink silent_log();

}  // namespace ttt::inline v2
