#include "ttt/hardware/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#endif

namespace ttt::inline v2 {

#if defined(__x86_64__)
namespace {

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}

bool bit(unsigned value, int index) { return (value >> index & 1u) != 0; }

/// Which register states the operating system saves (XCR0).
unsigned long long saved_states() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
}

/// Whether the processor says it is of that vendor: "GenuineIntel".
bool made_by(const char* vendor) {
  const Registers r = cpuid(0);
  const unsigned name[] = {r.b, r.d, r.c};
  return std::memcmp(name, vendor, sizeof name) == 0;
}

/// Linux gives a process the AMX tile registers only when it asks (ARCH_REQ_XCOMP_PERM for XTILEDATA).
bool request_tiles() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

CpuFeatures detect_cpu_features() {
  CpuFeatures result{{"generic"}, {}};
  if (made_by("GenuineIntel")) result.features.push_back("intel");
  const Registers one = cpuid(1), seven = cpuid(7), seven_one = cpuid(7, 1);
  if (!bit(one.c, 27)) return result;  // OSXSAVE
  const auto states = saved_states();
  const bool ymm = (states & 0x6) == 0x6, zmm = (states & 0xe6) == 0xe6, tiles = (states & 0x60000) == 0x60000;
  if (!(ymm && bit(seven.b, 5) && bit(one.c, 12) && bit(one.c, 29))) return result;  // AVX2, FMA, F16C
  result.levels.push_back("avx2");
  if (bit(seven_one.a, 4)) result.levels.push_back("avx_vnni");
  // F, DQ, BW, VL
  if (!(zmm && bit(seven.b, 16) && bit(seven.b, 17) && bit(seven.b, 30) && bit(seven.b, 31))) return result;
  result.levels.push_back("avx512");
  if (bit(seven.c, 11)) result.features.push_back("avx512_vnni");
  if (bit(seven_one.a, 5)) result.features.push_back("avx512_bf16");
  if (tiles && bit(seven.d, 24) && bit(seven.d, 25) && bit(seven.d, 22) && request_tiles()) {
    result.levels.push_back("amx");
    result.features.insert(result.features.end(), {"amx_int8", "amx_bf16"});
  }
  return result;
}
#else
CpuFeatures detect_cpu_features() { return {{"generic"}, {}}; }
#endif

}  // namespace ttt::inline v2
