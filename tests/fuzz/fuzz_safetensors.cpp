#include "fuzz_support.h"
#include "ttt/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    ttt::fuzz::use_all(*ttt::parse_safetensors(ttt::fuzz::copy(data, size), size, "fuzz"));
  } catch (const ttt::Error&) {
  }
  return 0;
}
