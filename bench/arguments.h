#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ttt/hardware/device_config.h"

namespace ttt::bench {

/// What a benchmark is told on its command line.
struct Arguments {
  int threads = 0;                                    ///< 0: all cores
  DeviceConfig config = DeviceConfig::auto_detect();  ///< held to the level of --isa
  bool flag = false;                                  ///< whether the program's own flag was given
};

/// Reads --threads N, --isa LEVEL and `own_flag`, which may be empty. Anything else ends the program with exit code 2.
inline Arguments read_arguments(int argc, char** argv, std::string_view own_flag = {}) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--threads" && i + 1 < argc) {
      arguments.threads = std::atoi(argv[++i]);
    } else if (argument == "--isa" && i + 1 < argc) {
      arguments.config = DeviceConfig::named(std::string("x86-") + argv[++i]);
    } else if (!own_flag.empty() && argument == own_flag) {
      arguments.flag = true;
    } else {
      std::fprintf(stderr, "%s: unknown argument '%s'; takes --threads N, --isa LEVEL %s\n", argv[0], argv[i],
                   std::string(own_flag).c_str());
      std::exit(2);
    }
  }
  return arguments;
}

}  // namespace ttt::bench
