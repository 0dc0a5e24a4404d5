#include "fuzz_support.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = ttt::GgufFile::parse(ttt::fuzz::copy(data, size), size, "fuzz");
    ttt::fuzz::use_all(*file);
    ttt::gguf_config(*file).unread();
  } catch (const ttt::Error&) {
  }
  return 0;
}
