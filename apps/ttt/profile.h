#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ttt/hardware/op_trace.h"

namespace ttt::app {

/// The ops of one measured repetition.
struct ProfiledRun {
  std::string title;
  OpTrace::Clock::time_point begin, end;
  std::vector<OpTrace::Event> events;
};

/// One op's part of a run; `name` "between ops" is the rest of the run.
struct OpShare {
  std::string name;
  std::size_t calls;
  double seconds, share;
  Work work;
};

/// Longest first, and the rest of the run last.
std::vector<OpShare> op_shares(const ProfiledRun& run);

std::string profile_text(const ProfiledRun& run);
nlohmann::ordered_json profile_json(const ProfiledRun& run);

/// Writes the runs in Chrome's trace event format, a process each. Throws Error when the file cannot be written.
void write_trace(const std::vector<ProfiledRun>& runs, const std::string& file);

}  // namespace ttt::app
